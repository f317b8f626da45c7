"""Leaving in time: SIGTERM, which clusters send before they take a machine away, saves and ends the run."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Callable
from typing import Any

from bgan_jax.runtime import hosts


def watch() -> Callable[[int], bool]:
    """Starts to listen for SIGTERM.

    On one host a handler sets a flag. On several, JAX's own notifier has taken the signal over, and all hosts agree on
    the step at which they stop.

    Returns:
      ``should_stop(step)``, to be asked after every step, by all hosts.
    """
    if hosts.several():
        from jax.experimental import multihost_utils

        # The hosts agree on a number of calls rather than of steps, since a run may go back some steps.
        calls = itertools.count(1)
        return lambda step: multihost_utils.reached_preemption_sync_point(next(calls))

    asked = threading.Event()

    def handler(signum: int, frame: Any) -> None:
        del signum, frame
        asked.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
    return lambda step: asked.is_set()
