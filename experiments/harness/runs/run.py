"""Trains one run from its first step, or its last checkpoint, to its last step; the same for every experiment."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax

from bgan_jax.algorithms.state import TrainState
from bgan_jax.runtime import hosts, parallel, workdir
from bgan_jax.runtime.checkpoints import Checkpoints
from bgan_jax.runtime.compiled_step import StepProgram
from bgan_jax.runtime.health import HealthMonitor
from bgan_jax.runtime.loop import Cadence, Outputs, train
from bgan_jax.runtime.metrics import Report
from bgan_jax.runtime.nonfinite import NonFiniteError
from bgan_jax.runtime.process import signals
from bgan_jax.runtime.recovery import MAX_RESTORES, restore_on_all
from experiments.harness.errors import UsageError
from experiments.harness.runs.batches import Feed, open_feed
from experiments.harness.runs.experiment import Experiment, Measure, Outcome
from experiments.harness.runs.program import initial_state_of, make_program
from experiments.harness.runs.sample_pictures import PictureTaker
from experiments.harness.runs.seeds import SeedRun, seed_runs_of

logger = logging.getLogger("bgan_jax")

RESUME = "rerun the same command to resume"


def run(experiment: Experiment, folder: Path, *, measure: Measure | None = None) -> Outcome:
    """Trains from the newest good checkpoint, or from the first step, to the last.

    Args:
      experiment: what to train.
      folder: its workdir.
      measure: ``(experiment, step, sample) -> JSON values``, called with every picture, for each seed with the
        experiment of that seed alone; the values are written to ``measurements.jsonl``.

    Returns:
      The :class:`Outcome`.
    """
    began = time.monotonic()
    config, reports = experiment.config, hosts.is_first()
    seed_runs = seed_runs_of(experiment, folder)
    monitors = [HealthMonitor(num_samples=experiment.num_samples or 1, label=seed_run.label) for seed_run in seed_runs]
    pictures = PictureTaker(experiment, folder, seed_runs, monitors, measure)
    signals.describe("before the first step; there is nothing to save; rerun the same command to start again")
    with _open_checkpoints(folder, keep=config.keep_checkpoints) as checkpoints:
        start_step, state = _restored_or_initial_state(experiment, checkpoints)
        if start_step:
            signals.describe(f"before a step after the checkpoint of step {start_step}; {RESUME}")
        feed = open_feed(experiment)
        program = make_program(experiment, feed)
        outputs = Outputs()
        if reports:
            pictures.show_real()
            outputs = Outputs(checkpoints=checkpoints, health=monitors, on_picture=pictures.take)
            logger.info("compiling the step (up to a minute; seconds if it is in the compilation cache)")
        state, step = _train_with_restores(
            program, state, feed, experiment=experiment, folder=folder, start_step=start_step, outputs=outputs
        )
    signals.describe(f"after the training; the state of step {step} is saved; {RESUME}")
    if step == config.steps:
        signals.stop_if_received()
    measured: list[dict[str, Any]] = []
    if reports and step == config.steps:  # a run that was stopped has little time left
        pictures.save_curves()
        measured = pictures.take(step, state)
    outcomes = _outcomes(
        seed_runs, state, step=step, seconds=time.monotonic() - began, measured=measured if measure else []
    )
    return outcomes[0] if len(outcomes) == 1 else _outcome_over_seeds(experiment, folder, outcomes)


@contextlib.contextmanager
def _open_checkpoints(folder: Path, *, keep: int) -> Iterator[Checkpoints | None]:
    """Opens the run's checkpoints on process 0; yields ``None`` on the others."""
    if not hosts.is_first():
        yield None
        return
    checkpoints = Checkpoints(folder / workdir.CHECKPOINTS, keep=keep)
    try:
        yield checkpoints
    finally:
        checkpoints.close()


def _restored_or_initial_state(experiment: Experiment, checkpoints: Checkpoints | None) -> tuple[int, TrainState]:
    """Returns the number of finished steps and the state after them, on all devices.

    Raises:
      UsageError: there are checkpoints, and none can be restored.
    """
    state = initial_state_of(experiment)
    try:
        restored = restore_on_all(checkpoints, state, launcher=experiment.launcher)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if restored is None:
        return 0, state
    if hosts.is_first():
        logger.info("continuing from step %d", restored[0])
    return restored


def _train_with_restores(
    program: StepProgram,
    state: TrainState,
    feed: Feed,
    *,
    experiment: Experiment,
    folder: Path,
    start_step: int,
    outputs: Outputs,
) -> tuple[TrainState, int]:
    """Trains to the last step; with ``--nan_policy=restore`` a non-finite number restores the last checkpoint.

    Returns:
      The last state, and the number of finished steps.
    """
    config = experiment.config
    cadence = Cadence(
        report_every=config.report_every,
        checkpoint_every=config.checkpoint_every,
        picture_every=config.picture_every,
    )
    with signals.finishing_steps() as should_stop:
        for attempt in itertools.count(1):
            with _open_report(experiment, folder, start_step=start_step) as report:
                try:
                    return train(
                        program,
                        state,
                        feed.batches_from(start_step),
                        start_step=start_step,
                        total_steps=config.steps,
                        cadence=cadence,
                        outputs=outputs._replace(report=report),
                        should_stop=should_stop,
                    )
                except NonFiniteError as error:
                    if config.nan_policy == "stop" or attempt > MAX_RESTORES:
                        raise
                    restored = restore_on_all(outputs.checkpoints, state, launcher=experiment.launcher, retry=attempt)
                    if restored is None:
                        raise
                    start_step, state = restored
                    if report is not None:
                        logger.warning("%s; restored step %d, continuing with other random numbers", error, start_step)
    raise AssertionError("unreachable")


@contextlib.contextmanager
def _open_report(experiment: Experiment, folder: Path, *, start_step: int) -> Iterator[Report | None]:
    """Opens the run's report on process 0; yields ``None`` on the others."""
    if not hosts.is_first():
        yield None
        return
    config = experiment.config
    report = Report(
        folder,
        start_step=start_step,
        total_steps=config.steps,
        seed_folders=[seed_run.folder for seed_run in seed_runs_of(experiment, folder)] if config.seeds > 1 else [],
        tensorboard=config.tensorboard,
    )
    try:
        yield report
    finally:
        report.close()


def _outcomes(
    seed_runs: Sequence[SeedRun], state: TrainState, *, step: int, seconds: float, measured: Sequence[dict[str, Any]]
) -> list[Outcome]:
    """Returns the outcome of every seed."""
    averages = parallel.to_host(state.gen_average)
    return [
        Outcome(
            experiment=seed_run.experiment,
            folder=seed_run.folder,
            state=state,
            step=step,
            sample=seed_run.experiment.sampler(seed_run.select(averages)),
            seconds=seconds,
            measured=measured[place] if measured else None,
            per_seed=[],
        )
        for place, seed_run in enumerate(seed_runs)
    ]


def _outcome_over_seeds(experiment: Experiment, folder: Path, per_seed: list[Outcome]) -> Outcome:
    """Returns the outcome of a run of several seeds from those of its seeds."""

    def no_sample(key: jax.Array, n: int) -> Any:
        raise ValueError("a run of several seeds has a sampler for each: see Outcome.per_seed")

    return per_seed[0]._replace(
        experiment=experiment, folder=folder, sample=no_sample, measured=None, per_seed=per_seed
    )
