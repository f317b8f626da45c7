"""Gives a process of a job exit code 1 when a signal ends it.

JAX's runtime ends a process by SIGABRT when another host is lost, and nothing inside the process can change the exit
code that its launcher sees then. So each process of a job of several hosts works in a child, and its parent waits.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1
SI_KERNEL = 0x80
#: Signals that launchers send to the process that they started; it forwards them to its child.
FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


def continue_in_child() -> None:
    """Forks a child that returns from this function; the parent waits for it and exits with its code, 1 for any signal.

    Signals are forwarded to the child, and the child is killed when its parent dies, so that launchers see one process.
    Call this before JAX starts its backends and its distributed runtime, which start threads.

    Does nothing where the system is not Linux, or where Python has already started threads, as in a notebook: they
    would not survive the fork. Exit codes are then those that signals give.
    """
    if not sys.platform.startswith("linux") or threading.active_count() > 1:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    watched = {*FORWARDED, signal.SIGCHLD}
    # Blocked rather than handled, so that none is lost between the fork and the wait.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:  # the parent died before the line above
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    os._exit(_wait(child, watched))


def _wait(child: int, watched: set[signal.Signals]) -> int:
    while True:
        received = signal.sigwaitinfo(watched)
        if received.si_signo == signal.SIGCHLD:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
        # A terminal sends its signals to both already.
        elif received.si_code != SI_KERNEL:
            os.kill(child, received.si_signo)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    name = signal.Signals(-code).name
    lost_host = "JAX's runtime does this when a host is lost; the log above says which"
    reason = lost_host if name == "SIGABRT" else "from outside"
    print(f"error: this process of the job was ended by {name} ({reason})", file=sys.stderr, flush=True)
    return 1
