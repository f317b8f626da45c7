"""One trial: a system trained at one seed, scored at every mark."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax.atomic_files import write_json
from bgan_jax.runtime import workdir
from bgan_jax.runtime.nonfinite import NonFiniteError
from bgan_jax.runtime.process import signals
from bgan_jax.sampling.sampler import Sampler
from experiments.equal_time.results import DIAGNOSTICS
from experiments.harness.reports.sample_grids import save_grid
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.timed_training import train_for

logger = logging.getLogger("bgan_jax")

PICTURED = 100
# Of the trials that choose a step size; no result has it.
SEARCH_SEED = 1_000_000


class Trial(NamedTuple):
    """One trial.

    Attributes:
      system: a key of ``systems.SYSTEMS``.
      seed: of everything random in it.
      factor: what both step sizes are multiplied by.
    """

    system: str
    seed: int
    factor: float = 1.0

    @property
    def name(self) -> str:
        """Name of its files, without their ends."""
        return f"{self.system}-seed{self.seed}-steps{self.factor:g}"


def run_trial(
    prepare: Callable[[], Experiment],
    trial: Trial,
    *,
    folder: Path,
    score: Callable[[np.ndarray], dict[str, Any]],
    marks: Sequence[float],
    clock: str,
    num_samples: int,
) -> dict[str, Any] | None:
    """Trains and scores one trial, or reads its result where it is finished.

    Args:
      prepare: returns what is trained; not called where the result is there.
      trial: its name.
      folder: of all trials.
      score: from ``classifier_scores``.
      marks: seconds of training at which it is scored.
      clock: whose seconds.
      num_samples: samples that are scored at every mark.

    Returns:
      JSON values; ``None`` when stopped by a signal.
    """
    place = folder / f"{trial.name}.json"
    if place.exists():
        return json.loads(place.read_text(encoding="utf-8"))
    folder.mkdir(exist_ok=True)
    experiment = prepare()
    signals.describe("in the middle of a trial, which starts again when you rerun the same command; others are kept")
    found: list[dict[str, Any]] = []
    diverged: str | None = None

    def on_mark(steps: int, metrics: dict[str, float], sample: Sampler) -> None:
        scores = score(sample(jax.random.key(trial.seed + 1), num_samples).x)["samples"]
        found.append({
            "seconds": marks[len(found)], "steps": steps, "classifier_score": scores["classifier_score"],
            "smallest_share": scores["smallest_share"],
            **{name: round(metrics[name], 4) for name in DIAGNOSTICS if name in metrics},
        })  # fmt: skip
        logger.info("%g s, %d steps: classifier score %.2f", found[-1]["seconds"], steps, scores["classifier_score"])
        if len(found) == len(marks):
            shown = sample(jax.random.key(trial.seed + 2), PICTURED)
            save_grid(place.with_suffix(".png"), shown, spec=experiment.dataset.spec, columns=10)

    try:
        if not train_for(experiment, marks=marks, clock=clock, on_mark=on_mark):
            return None
    except NonFiniteError as error:
        diverged = str(error)
    result = {**trial._asdict(), "marks": found, "diverged": diverged, "commit": workdir.commit()}
    write_json(place, result)
    return result


def best_of(results: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Returns the trial with the best last score; one that diverged is worse than any, and of equals the first is best.

    Args:
      results: of :func:`run_trial`, all with the same marks.
    """
    return max(results, key=lambda result: -1.0 if result["diverged"] else result["marks"][-1]["classifier_score"])
