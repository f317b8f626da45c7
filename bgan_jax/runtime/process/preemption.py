"""Handles SIGTERM, which clusters send before they take a machine away: the run saves its state and ends."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Callable
from typing import Any

from bgan_jax.runtime import hosts


def stop_on_sigterm() -> Callable[[int], bool]:
    """Starts to listen for SIGTERM.

    On one host a handler sets a flag. On several hosts JAX's own notifier handles the signal, and all hosts agree on
    the step at which they stop.

    Returns:
      ``should_stop(step)``, to be called after every step, by all hosts.
    """
    if hosts.several():
        from jax.experimental import multihost_utils

        # The hosts agree on a number of calls rather than of steps, since a restored run repeats some steps.
        calls = itertools.count(1)
        return lambda step: multihost_utils.reached_preemption_sync_point(next(calls))

    received = threading.Event()

    def handler(signum: int, frame: Any) -> None:
        del signum, frame
        received.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
    return lambda step: received.is_set()
