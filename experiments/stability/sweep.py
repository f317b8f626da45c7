"""The runs of the sweep: their list, and one run from its flags to its result."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from bgan_jax.algorithms.settings import MOST_UPDATES
from bgan_jax.atomic_files import write_json
from bgan_jax.paths import path_of
from bgan_jax.runtime import workdir
from bgan_jax.runtime.nonfinite import NonFiniteError
from experiments.harness.errors import UsageError
from experiments.harness.metrics.distances import ReferenceMetric
from experiments.harness.runs import measured_run
from experiments.harness.runs.measured_run import MeasuredConfig, train_and_measure
from experiments.harness.runs.start import start

# Folder of all runs, in the workdir.
FOLDER = "cells"


class Trial(NamedTuple):
    """One run of the sweep.

    Attributes:
      objective: the generator's loss.
      learning_rate: of both players.
      ratio: ``"generator updates:discriminator updates"`` per step.
      seed: of everything random in it.
    """

    objective: str
    learning_rate: float
    ratio: str
    seed: int

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.objective}-{self.ratio.replace(':', 'to')}-{self.learning_rate:g}-seed{self.seed}"

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> Trial:
        """Returns the trial that a row of the table belongs to."""
        return cls(**{name: row[name] for name in cls._fields})


class Sweep(NamedTuple):
    """All runs: those behind the curves, seed by seed, and those of the map.

    Attributes:
      objectives: generator losses, in the order of the figures.
      learning_rates: columns of the map.
      ratios: rows of the map.
      curves: trials behind the curves.
      map: trials of the map; some of them may be behind the curves too.
    """

    objectives: list[str]
    learning_rates: list[float]
    ratios: list[str]
    curves: list[Trial]
    map: list[Trial]

    @property
    def trials(self) -> list[Trial]:
        """Every trial once."""
        return list(dict.fromkeys([*self.curves, *self.map]))


def updates_per_step(ratio: str) -> tuple[int, int]:
    """Parses a ratio into generator and discriminator updates per step.

    Raises:
      UsageError: not two positive integers, at most :data:`MOST_UPDATES`, and a colon.

    Example:
      >>> updates_per_step("5:1")
      (5, 1)
    """
    numbers = ratio.split(":")
    legal = all(number.strip().isdecimal() and 0 < int(number) <= MOST_UPDATES for number in numbers)
    if len(numbers) != 2 or not legal:
        raise UsageError(
            f"{ratio!r} is not a ratio of updates; write generator:discriminator, such as 5:1, each at most "
            f"{MOST_UPDATES}"
        )
    return int(numbers[0]), int(numbers[1])


def run_trial(config: MeasuredConfig, trial: Trial, reference_metric: ReferenceMetric) -> dict[str, Any] | None:
    """Trains and measures a trial, or reads its result where it is finished.

    Args:
      config: flags of the trial's run.
      trial: facts that join the result.
      reference_metric: measures the samples.

    Returns:
      The result; ``None`` when the run was stopped by a signal.
    """
    present = path_of(config.workdir) / workdir.RESULT
    if present.exists():
        return json.loads(present.read_text(encoding="utf-8"))
    try:
        experiment, folder = start(config, measured_run.prepare)
        return train_and_measure(experiment, folder, reference_metric=reference_metric, **trial._asdict())[1]
    except NonFiniteError as error:
        result = {**trial._asdict(), "samples": None, "diverged": str(error), "commit": workdir.commit()}
        write_json(present, result)
        return result
