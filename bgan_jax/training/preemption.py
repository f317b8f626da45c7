"""Leaving in time: SIGTERM, which clusters send before they take a machine away, saves and ends the run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import jax


def watch() -> Callable[[int], bool]:
    """Starts to listen for SIGTERM.

    On one host a handler sets a flag. On several, JAX's own notifier has taken the signal over, and all hosts agree on
    the step at which they stop.

    Returns:
      ``should_stop(step)``, to be asked after every step, by all hosts.
    """
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        return multihost_utils.reached_preemption_sync_point

    asked = threading.Event()

    def handler(signum: int, frame: Any) -> None:
        del signum, frame
        asked.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
    return lambda step: asked.is_set()
