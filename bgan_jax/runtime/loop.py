"""The training loop of every run: steps, and between them reports, pictures and checkpoints."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax

from bgan_jax.algorithms.state import TrainState
from bgan_jax.runtime import parallel
from bgan_jax.runtime.checkpoints import Checkpoints
from bgan_jax.runtime.compiled_step import StepProgram
from bgan_jax.runtime.health import HealthMonitor
from bgan_jax.runtime.metric_totals import Totals, read_totals, split_seeds
from bgan_jax.runtime.metrics import Report
from bgan_jax.runtime.nonfinite import NonFiniteError, check_finite
from bgan_jax.runtime.process import heap

logger = logging.getLogger("bgan_jax")

#: How many steps, and at least one call, the host may be ahead of the devices: few, so that a signal is answered soon.
MAX_IN_FLIGHT = 4


class Cadence(NamedTuple):
    """How often a run reports, saves and takes pictures; the same on all processes.

    Attributes:
      report_every: steps between two reports of metrics.
      checkpoint_every: steps between two checkpoints.
      picture_every: steps between two pictures; 0 takes none.
    """

    report_every: int
    checkpoint_every: int
    picture_every: int = 0

    def next_event(self, step: int) -> int:
        """Returns the first step after a step at which something is due.

        Example:
          >>> Cadence(report_every=25, checkpoint_every=60).next_event(50)
          60
        """
        return min((step // every + 1) * every for every in self if every)


class Outputs(NamedTuple):
    """What receives the results of a run; a process that does not report has none of them.

    Attributes:
      report: writes metrics.
      checkpoints: saves states.
      health: checks the metrics of every report, one monitor per seed.
      on_picture: called with (step, state) when a picture is due, except at the last step.
    """

    report: Report | None = None
    checkpoints: Checkpoints | None = None
    health: Sequence[HealthMonitor] = ()
    on_picture: Callable[[int, TrainState], object] | None = None


def train(
    program: StepProgram,
    state: TrainState,
    batches: Iterator[Any],
    *,
    start_step: int,
    total_steps: int,
    cadence: Cadence,
    outputs: Outputs,
    should_stop: Callable[[int], str] | None = None,
) -> tuple[TrainState, int]:
    """Trains a run to its last step.

    Metrics leave the devices at reports only. A state is saved only after the metrics up to it were found finite.

    Args:
      program: the compiled step; reuses the state's memory.
      state: the state after ``start_step`` steps, replicated.
      batches: the data argument of ``program.advance``, for every call.
      start_step: number of finished steps.
      total_steps: number of steps at the end.
      cadence: how often to report, save and take pictures.
      outputs: what receives the results.
      should_stop: called for every step after its call, on all processes at the same step; a reason, such as the name
        of a signal, saves the state and ends the loop, and an empty one does not.

    Returns:
      The last state, and the number of finished steps.

    Raises:
      NonFiniteError: a metric, or a state to be saved, was not finite; the message names the step, the metric or leaf,
        and the last good checkpoint.
      UnsavedError: the last state could not be saved. Before the end, a failed save is a warning.
    """
    totals = program.empty_totals()
    in_flight: deque[Totals] = deque()
    most_in_flight = max(1, MAX_IN_FLIGHT // program.steps_per_call)
    step, reason = start_step, ""
    while step < total_steps and not reason:
        before, step = step, min(step + program.steps_per_call, cadence.next_event(step), total_steps)
        state, totals = program.take(step - before, state, totals, next(batches))
        _limit_in_flight(in_flight, totals, most=most_in_flight)
        if should_stop is not None:
            # Of every step, since the hosts may have agreed on any of them; all stop after the same call.
            reason = next(filter(None, [should_stop(one) for one in range(before + 1, step + 1)]), "")
        save_due = bool(reason) or step == total_steps or step % cadence.checkpoint_every == 0
        picture_due = cadence.picture_every > 0 and step % cadence.picture_every == 0
        with _naming_last_checkpoint(outputs.checkpoints):
            if save_due or step % cadence.report_every == 0:
                _flush_metrics(step, totals, seeds=program.seeds, outputs=outputs)
                totals = program.empty_totals()
                in_flight.clear()
            if save_due:
                if outputs.report is not None:
                    outputs.report.flush()
                _save(step, state, seeds=program.seeds, checkpoints=outputs.checkpoints)
        if picture_due and step < total_steps:
            _take_picture(step, state, outputs=outputs)
        if save_due or picture_due or before == start_step:  # The first call was compiled.
            heap.release_unused_memory()
        if (save_due or picture_due) and outputs.report is not None:
            outputs.report.restart_clock()
    if outputs.checkpoints is not None and step > start_step:
        outputs.checkpoints.finish(step)
    if reason and step < total_steps:
        logger.warning(
            "stopped by %s at step %d of %d; its state is saved; rerun the same command to resume", reason, step,
            total_steps,
        )  # fmt: skip
    return state, step


def _limit_in_flight(in_flight: deque[Totals], totals: Totals, *, most: int) -> None:
    """Waits for the oldest call when too many are in flight."""
    in_flight.append(totals)
    if len(in_flight) > most:
        jax.block_until_ready(in_flight.popleft())


def _flush_metrics(step: int, totals: Totals, *, seeds: Sequence[int], outputs: Outputs) -> None:
    """Reads the metrics since the last report, and writes and checks them."""
    metrics = read_totals(totals, seeds=seeds)
    if not metrics:
        return
    if outputs.report is not None:
        outputs.report.write(step, metrics)
    if outputs.health:
        for monitor, own_metrics in zip(outputs.health, split_seeds(metrics), strict=True):
            monitor.check_metrics(step, own_metrics)


def _save(step: int, state: TrainState, *, seeds: Sequence[int], checkpoints: Checkpoints | None) -> None:
    """Checks that the state is finite, on every process, and saves it on the one that has the checkpoints."""
    tree = parallel.to_host(state)
    check_finite(tree, step=step, seeds=seeds)
    if checkpoints is not None:
        checkpoints.save(step, tree)


def _take_picture(step: int, state: TrainState, *, outputs: Outputs) -> None:
    if outputs.on_picture is None:
        return
    try:
        outputs.on_picture(step, state)
    except OSError as error:
        logger.warning("the picture of step %d could not be written: %s", step, error)


@contextlib.contextmanager
def _naming_last_checkpoint(checkpoints: Checkpoints | None) -> Iterator[None]:
    """Adds the last good checkpoint to the message of a :class:`NonFiniteError`."""
    try:
        yield
    except NonFiniteError as error:
        raise NonFiniteError(f"{error}; {_last_checkpoint(checkpoints)}") from error


def _last_checkpoint(checkpoints: Checkpoints | None) -> str:
    if checkpoints is None:
        return "this process saves no checkpoint"
    checkpoints.wait()
    good = checkpoints.steps()
    return f"the last good checkpoint is {checkpoints.folder / str(good[-1])}" if good else "there is no checkpoint yet"
