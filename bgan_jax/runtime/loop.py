"""The loop of every run: advance, and now and then report, take pictures, save."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from bgan_jax.algorithms.state import TrainState
from bgan_jax.runtime import parallel
from bgan_jax.runtime.checkpoints import Checkpoints
from bgan_jax.runtime.compiled_step import Totals, empty_totals
from bgan_jax.runtime.health import Watch
from bgan_jax.runtime.metrics import Report
from bgan_jax.runtime.process import heap

logger = logging.getLogger("bgan_jax")


class NonFiniteError(RuntimeError):
    """A quantity of the run is no longer a finite number."""


def read_totals(totals: Totals) -> dict[str, float]:
    """Fetches the totals and averages them; steps without any metrics give an empty mapping.

    Raises:
      NonFiniteError: a metric was not finite at some step; names the metric that was first, and its step.
    """
    fetched: Totals = parallel.to_host(totals)
    bad = {name: int(step) for name, step in fetched.first_nonfinite.items() if step >= 0}
    if bad:
        first = min(bad.values())
        names = ", ".join(sorted(name for name, step in bad.items() if step == first))
        raise NonFiniteError(f"at step {first + 1} these were not finite: {names}")
    count = int(fetched.num_steps)
    return {name: float(value) / count for name, value in fetched.sums.items()} if count else {}


def train(
    advance: Callable[..., tuple[TrainState, Totals]],
    state: TrainState,
    batches: Iterator[Any],
    example_index: jax.Array,
    *,
    metric_names: tuple[str, ...],
    start_step: int,
    total_steps: int,
    launcher: str,
    report: Report | None,
    report_every: int,
    checkpoints: Checkpoints | None,
    checkpoint_every: int,
    health: Watch | None = None,
    on_picture: Callable[[int, TrainState], object] | None = None,
    picture_every: int = 0,
    should_stop: Callable[[int], bool] | None = None,
) -> tuple[TrainState, int]:
    """Advances a run to its last step.

    Nothing leaves the devices between reports. A checkpoint is only written after the metrics up to it have been seen
    to be finite.

    Args:
      advance: a function made by ``parallel.on_devices`` of ``make_advance``. Its state argument is donated.
      state: the state after ``start_step`` steps, replicated.
      batches: what ``advance`` takes as its data, for every step.
      example_index: each example's index in the global batch, sharded.
      metric_names: names of the step's metrics.
      start_step: number of finished steps.
      total_steps: number of steps at the end.
      launcher: ``"pmap"`` or ``"shard_map"``.
      report: where metrics go; ``None`` on the processes that do not report.
      report_every: steps between reports.
      checkpoints: where states go; ``None`` on the processes that do not save.
      checkpoint_every: steps between checkpoints, also where ``checkpoints`` is ``None``: all processes do the same.
      health: looks at the metrics of every report.
      on_picture: called with (step, state) every ``picture_every`` steps, and not at the end.
      picture_every: steps between pictures; 0 takes none.
      should_stop: asked after every step, on all processes at the same step; true saves and ends the loop.

    Returns:
      The last state, and the number of finished steps.

    Raises:
      NonFiniteError: a metric, or a state to be saved, was not finite; the message names the step, the quantity and the
        last good checkpoint.
      UnsavedError: the last state could not be saved. Before the end, a failed save is a warning.
    """
    totals = parallel.replicate(parallel.identity, empty_totals(metric_names), parallel=launcher)
    step = start_step
    in_flight: list[Totals] = []

    def settle() -> None:
        nonlocal totals
        metrics = read_totals(totals)
        if report is not None and metrics:
            report.write(step, metrics)
        if health is not None and metrics:
            health.see_metrics(step, metrics)
        totals = parallel.replicate(parallel.identity, empty_totals(metric_names), parallel=launcher)

    def save() -> None:
        tree = parallel.to_host(state)
        check_finite(tree, step=step)
        if checkpoints is not None:
            checkpoints.save(step, tree)

    while step < total_steps:
        state, totals = advance(state, totals, next(batches), example_index)
        step += 1
        # The host may run a few steps ahead of the devices and no further, so that a signal is answered soon.
        in_flight.append(totals)
        if len(in_flight) > 4:
            jax.block_until_ready(in_flight.pop(0).num_steps)
        at_end = step == total_steps
        stopping = should_stop is not None and should_stop(step)
        saving = at_end or stopping or step % checkpoint_every == 0
        try:
            if saving or step % report_every == 0:
                settle()
                in_flight.clear()
            if saving:
                save()
        except NonFiniteError as error:
            raise NonFiniteError(f"{error}; {_last_good(checkpoints)}") from error
        if on_picture is not None and picture_every and step % picture_every == 0 and not at_end:
            try:
                on_picture(step, state)
            except OSError as error:
                logger.warning("the picture of step %d could not be written: %s", step, error)
        paused = saving or (picture_every and step % picture_every == 0)
        if paused or step == start_step + 1:  # The first step was compiled.
            heap.release_unused_memory()
        if paused and report is not None:
            report.pause()
        if stopping and not at_end:
            logger.warning("stopped at step %d of %d as asked; the same command goes on from here", step, total_steps)
            break
    if checkpoints is not None and step > start_step:
        checkpoints.finish(step)
    return state, step


def check_finite(state: Any, *, step: int) -> None:
    """Refuses a state that is not finite: finite metrics may still have led to one.

    Args:
      state: numpy arrays.
      step: number of finished steps.

    Raises:
      NonFiniteError: names the leaves that hold a number that is not finite.
    """
    bad = [
        jax.tree_util.keystr(path)
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
        if np.issubdtype(leaf.dtype, np.floating) and not np.isfinite(leaf).all()
    ]
    if bad:
        raise NonFiniteError(f"at step {step} these were not finite: {', '.join(bad[:3])}{' ...' if bad[3:] else ''}")


def _last_good(checkpoints: Checkpoints | None) -> str:
    if checkpoints is None:
        return "this process saves no checkpoint"
    checkpoints.wait()
    good = checkpoints.steps()
    return f"the last good checkpoint is {checkpoints.folder / str(good[-1])}" if good else "there is no checkpoint yet"
