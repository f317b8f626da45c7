"""Handles SIGINT, SIGHUP and SIGTERM: a run finishes its step, saves its state and ends; other work ends at once.

Ctrl-C sends SIGINT, a terminal that closes SIGHUP, and a cluster that takes a machine away SIGTERM. A signal that is
ignored when the process starts, such as SIGHUP under ``nohup``, stays ignored. Python's own handlers wait until
compiled code returns, which takes up to minutes during a compilation. So a thread watches for signals as well: it ends
the process where the handler does not run, and at a second signal.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

from bgan_jax.runtime import hosts, workdir_lock

LISTENED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGHUP", "SIGTERM") if hasattr(signal, name))
#: Seconds that the handler has, before the watching thread ends the process in its place.
GRACE_SECONDS = 2.0
#: Signals within so many seconds count as one: a terminal and a launcher may both send the same one.
REPEAT_SECONDS = 1.0


class StopRequest(KeyboardInterrupt):
    """A signal has asked the process to end, and there is no step to finish."""


class _State:
    """What this process has received and what it is doing; one for the whole process, as signal handlers are."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.received_at = 0.0
        self.finishes_step = False
        self.situation = ""
        self.wakeup: int | None = None


_state = _State()


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Handles the signals until the end of this context; a command runs inside of one.

    The first signal raises :class:`StopRequest` in the main thread, except inside :func:`finishing_steps`.
    """
    global _state
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state = _State()
    before = _install_handlers()
    try:
        yield
    finally:
        _end_watching()
        for number, handler in before.items():
            signal.signal(number, handler)


def received() -> signal.Signals | None:
    """Returns the first signal that this process has received, ``None`` if there was none."""
    return _state.received


def describe(situation: str) -> None:
    """Sets what the message of a stop says about the state of the work and how to continue it."""
    _state.situation = situation


def message(number: signal.Signals) -> str:
    """Returns the line that says which signal has stopped the process, and how to continue."""
    return f"stopped by {number.name}" + (f" {_state.situation}" if _state.situation else "")


def watch() -> None:
    """Starts the thread that watches for signals inside :func:`listening`; call it after the process has forked."""
    if threading.current_thread() is not threading.main_thread() or _state.wakeup is not None:
        return
    if all(signal.getsignal(number) is not _handle for number in LISTENED):
        return
    reader, _state.wakeup = os.pipe()
    os.set_blocking(_state.wakeup, False)
    signal.set_wakeup_fd(_state.wakeup, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), name="signals", daemon=True).start()


@contextlib.contextmanager
def finishing_steps() -> Iterator[Callable[[int], str]]:
    """Finishes a step before a signal ends the run.

    On one host the handler is in effect from the first finished step on: before, there is nothing to save. On several
    hosts JAX's own notifier handles SIGTERM, which the other signals become, and all hosts agree on the step at which
    they stop.

    Yields:
      ``should_stop(step)``, to be called after every step, by all hosts: the name of the signal, or an empty string.
    """
    outside = _state.wakeup is None and threading.current_thread() is threading.main_thread()
    if outside:
        _state.received = None
    before = _install_handlers() if threading.current_thread() is threading.main_thread() else {}
    calls = itertools.count(1)

    def should_stop_together(step: int) -> str:
        from jax.experimental import multihost_utils

        # The hosts agree on a number of calls rather than of steps, since a restored run repeats some steps.
        if not multihost_utils.reached_preemption_sync_point(next(calls)):
            return ""
        return _state.received.name if _state.received else "a signal to a process of the job"

    def should_stop(step: int) -> str:
        _state.finishes_step = True
        return _state.received.name if _state.received else ""

    _state.finishes_step = hosts.several()
    try:
        yield should_stop_together if hosts.several() else should_stop
    finally:
        _state.finishes_step = False
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_if_received() -> None:
    """Raises where a signal came too late to stop the training: what follows it can be repeated.

    Raises:
      StopRequest: a signal was received.
    """
    if _state.received is not None:
        raise StopRequest(_state.received.name)


def end_by(number: signal.Signals) -> NoReturn:
    """Ends this process by a signal, so that a shell stops its loop too; a process of a job exits with 128 + n."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
            stream.flush()
    if not hosts.joined() and sys.platform != "win32":
        # The C library's function, since Python's works in the main thread only.
        ctypes.CDLL(None).signal(int(number), None)
        os.kill(os.getpid(), number)
        time.sleep(1.0)
    os._exit(128 + number)


def _install_handlers() -> dict[signal.Signals, Any]:
    """Installs the handler of every signal that is not ignored; returns the handlers before."""
    before = {}
    for number in LISTENED:
        handler = signal.getsignal(number)
        if handler in (signal.SIG_IGN, None) or (number == signal.SIGTERM and hosts.several()):
            continue
        # Also where it is ours already: JAX's runtime replaces the handler of SIGTERM.
        before[number] = signal.signal(number, _handle)
    return before


def _handle(number: int, frame: FrameType | None) -> None:
    del frame
    if _state.received is not None:
        if _state.wakeup is None and time.monotonic() - _state.received_at >= REPEAT_SECONDS:
            raise StopRequest(signal.Signals(number).name)
        return
    _state.received, _state.received_at = signal.Signals(number), time.monotonic()
    if not _state.finishes_step:
        raise StopRequest(_state.received.name)
    if hosts.several():
        os.kill(os.getpid(), signal.SIGTERM)


def _end_watching() -> None:
    if _state.wakeup is None:
        return
    signal.set_wakeup_fd(-1)
    os.close(_state.wakeup)
    _state.wakeup = None


def _watch(reader: int) -> None:
    """Ends the process at a second signal, or where the handler of the first one does not run."""
    first: signal.Signals | None = None
    since = 0.0
    while True:
        unanswered = first is not None and _state.received is None and not _state.finishes_step
        ready, _, _ = select.select([reader], [], [], GRACE_SECONDS if unanswered else None)
        if not ready and first is not None and _state.received is None and not _state.finishes_step:
            _end_at_once(first, message(first))
        content = os.read(reader, 64) if ready else b"\0"
        if not content:
            os.close(reader)
            return
        for number in (signal.Signals(byte) for byte in content if byte in LISTENED):
            if first is None:
                first, since = number, time.monotonic()
            elif time.monotonic() - since >= REPEAT_SECONDS:
                _end_at_once(number, f"stopped at once by a second signal, {number.name}; what was not saved is lost")


def _end_at_once(number: signal.Signals, line: str) -> NoReturn:
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr)
    workdir_lock.release_all()
    end_by(number)
