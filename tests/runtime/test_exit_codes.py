"""Exit codes and signals of a process of a job, as a launcher sees them."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.test_layers import ROOT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the guard is for Linux alone")

BEGIN = """
import os, signal, sys, time
from bgan_jax.runtime.process import exit_codes
exit_codes.continue_in_child()
print(os.getpid(), flush=True)
"""


def start(script, *, before=""):
    """A script that continues in a child, and the child's process number."""
    process = subprocess.Popen(
        [sys.executable, "-c", before + BEGIN + script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    return process, int(process.stdout.readline())


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("sys.exit(0)", 0, ""),
        ("sys.exit(2)", 2, ""),
        ("os._exit(1)", 1, ""),
        ("raise RuntimeError('its own words')", 1, "its own words"),
        ("os.abort()", 1, "ended by SIGABRT (JAX's runtime does this when a host is lost; the log above says which)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1, "ended by SIGKILL (from outside)"),
    ],
)
def test_exit_codes_are_kept_and_signals_become_1(script, code, words):
    process, _ = start(script)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == code and words in errors and ("ended by" in errors) == ("ended by" in words)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1], ids=lambda number: number.name)
def test_signals_reach_the_child(number):
    script = f"""
signal.signal({int(number)}, lambda *_: os._exit(7))
print("ready", flush=True)
while True: time.sleep(0.05)  # a signal just before a long sleep would wait for its end
"""
    process, _ = start(script)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 7


def gone(process_id):
    """Whether a process has ended; a zombie counts as ended."""
    try:
        with open(f"/proc/{process_id}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_a_process_that_has_threads_does_not_fork():
    thread = "import threading, time; threading.Thread(target=time.sleep, args=(1,)).start()"
    process, same = start("sys.exit(4)", before=thread)
    assert same == process.pid
    process.communicate(timeout=60)
    assert process.returncode == 4


def test_the_child_is_killed_when_its_parent_dies():
    process, child = start("time.sleep(600)")
    assert child != process.pid
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 20
    while not gone(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(child)


def test_a_stopped_child_is_not_an_ended_one():
    process, child = start("time.sleep(0.5); sys.exit(3)")
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.5)
    os.kill(child, signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 3
