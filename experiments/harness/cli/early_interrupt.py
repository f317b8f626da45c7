"""Ends a command in one line where Ctrl-C comes while Python still imports it, which takes seconds.

``experiments/__init__.py`` calls this first of all, so this file imports nothing that takes time. From
:func:`bgan_jax.runtime.process.signals.listening` on the command has its own handler, which saves what there is.
"""

import os
import signal
import sys
from types import FrameType


def end_quietly() -> None:
    """Handles SIGINT in one line, in a process that runs ``python -m experiments.NAME``; does nothing in others.

    A signal that is ignored, as in a shell's background jobs, stays ignored.
    """
    if _is_command() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def _is_command() -> bool:
    # While Python looks for the module of -m, the first argument is "-m", and its packages are imported.
    if sys.argv[:1] != ["-m"] or len(sys.orig_argv) < len(sys.argv):
        return False
    return sys.orig_argv[-len(sys.argv)].removeprefix("-m").partition(".")[0] == __name__.partition(".")[0]


def _end(number: int, frame: FrameType | None) -> None:
    """Ends the process by the signal, so that a shell stops its loop too; an exception could be caught by an import."""
    del frame
    try:
        os.write(2, b"stopped by SIGINT\n")
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
