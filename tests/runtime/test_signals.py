"""Signals that end a process: the first one finishes a step or ends other work, the second one ends at once."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests import launching
from tests.faults.injections import reached
from tests.test_layers import ROOT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="by POSIX signals and terminals")

# Forks a process for every piece of work, so that jax is imported once, and prints how each ended.
FORKS = """
import ctypes, json, os, signal, sys, time
from bgan_jax.runtime.process import signals

def work_of(body):
    with signals.listening():
        signals.watch()
        signals.describe("in the middle")
        try:
            exec(body, dict(globals()))
        except KeyboardInterrupt:
            print(signals.message(signals.received()), file=sys.stderr, flush=True)
            signals.end_by(signals.received())
    print("the end", file=sys.stderr, flush=True)

def start(name, body, ignored):
    child = os.fork()
    if child == 0:
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), 2)
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        work_of(body)
        os._exit(0)
    return child

children = {name: start(name, *facts) for name, facts in json.loads(sys.stdin.readline()).items()}
print(json.dumps(children), flush=True)
print(json.dumps({name: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for name, child in children.items()}))
"""
# Compiled code does not let the handler run; nor does a mutex that this thread has locked already.
STUCK = """
mutex = ctypes.create_string_buffer(256)
[ctypes.CDLL(None).pthread_mutex_lock(mutex) for _ in range(2)]
"""
SLEEPS = "time.sleep(60)"
SWALLOWS = """
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass
"""
TRAINS = """
with signals.finishing_steps() as should_stop:
    step = 1
    while not (reason := should_stop(step)):
        time.sleep(0.01)
        step += 1
time.sleep(0.3)
print("saved by", reason, file=sys.stderr)
"""
SLOW_STEP = f"""
with signals.finishing_steps() as should_stop:
    should_stop(1)
    {"; ".join(STUCK.strip().splitlines())}
"""
TOO_LATE = """
with signals.finishing_steps() as should_stop:
    should_stop(1)
    signal.raise_signal(signal.SIGINT)
print("trained", file=sys.stderr)
signals.stop_if_received()
"""
INT, HUP, TERM = signal.SIGINT, signal.SIGHUP, signal.SIGTERM
AT_ONCE = "stopped at once by a second signal, {}; what was not saved is lost"
# What the process does, the signals that it gets with the seconds before each, what it says, and what it ends by.
CASES = {
    "interrupted": (SLEEPS, [(0, INT)], "stopped by SIGINT in the middle", INT),
    "hung up": (SLEEPS, [(0, HUP)], "stopped by SIGHUP in the middle", HUP),
    "terminated": (SLEEPS, [(0, TERM)], "stopped by SIGTERM in the middle", TERM),
    "compiling": (STUCK, [(0, INT)], "stopped by SIGINT in the middle", INT),
    "a second one": (SWALLOWS, [(0, INT), (1.3, TERM)], AT_ONCE.format("SIGTERM"), TERM),
    "a second one in a slow step": (SLOW_STEP, [(0, INT), (2.5, INT)], AT_ONCE.format("SIGINT"), INT),
    "one that comes twice": (TRAINS, [(0, TERM), (0.1, TERM)], "saved by SIGTERM\nthe end", None),
    "training": (TRAINS, [(0, HUP)], "saved by SIGHUP\nthe end", None),
    "too late": (TOO_LATE, [], "trained\nstopped by SIGINT in the middle", INT),
    # As under nohup.
    "ignored": (SLEEPS, [(0, HUP), (0.2, INT), (0.4, TERM)], "stopped by SIGTERM in the middle", TERM),
}  # fmt: skip


def test_what_a_signal_does(tmp_path):
    launching.accept_interrupts()
    parent = subprocess.Popen(
        [sys.executable, "-c", FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    bodies = {name: (body, [HUP, INT] if name == "ignored" else []) for name, (body, *_) in CASES.items()}
    print(json.dumps(bodies), file=parent.stdin, flush=True)
    processes = json.loads(parent.stdout.readline())
    schedule = sorted((at, name, number) for name, (_, sent, *_) in CASES.items() for at, number in sent)
    began = time.monotonic() + 1.0
    for at, name, number in schedule:
        # Where this process is late, so is the rest: the distance of two signals matters.
        began = max(began, time.monotonic() - at)
        time.sleep(began + at - time.monotonic() if began + at > time.monotonic() else 0)
        os.kill(processes[name], number)
    codes = json.loads(parent.communicate(timeout=240)[0])
    for name, (_, _, words, number) in CASES.items():
        assert (tmp_path / name).read_text() == f"{words}\n", name
        assert codes[name] == (0 if number is None else -number), name


ENDLESS = ("--steps=100000", "--checkpoint_every=1000000", "--report_every=1", "--pause=0.02")


def test_a_run_whose_terminal_is_closed_saves_its_state(tmp_path):
    """It shows a bar in the terminal, which can no longer be written then."""
    launching.accept_interrupts()
    terminal, its_end = os.openpty()

    def open_terminal():
        os.setsid()
        os.login_tty(its_end)

    job = launching.launch(tmp_path / "run", *ENDLESS, before=open_terminal)
    os.close(its_end)
    job.until(lambda: reached(tmp_path / "run") >= 5)
    os.close(terminal)
    assert job.wait(seconds=240) == [-signal.SIGHUP], job.log()
    (step,) = launching.checkpoint_steps(tmp_path / "run")
    assert step >= 5 and not (tmp_path / "run" / ".lock").exists()
