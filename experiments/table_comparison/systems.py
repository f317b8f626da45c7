"""The ways to make synthetic rows that are compared: each one fits to training rows and draws rows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from bgan_jax.evaluation.table_models import chow_liu_tree, independent_columns
from bgan_jax.sampling.sampler import Sampler
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.timed_training import train_for
from experiments.table.scores import Reference, pair_scores
from experiments.table_comparison import ctgan_models

logger = logging.getLogger("bgan_jax")

#: What is drawn of one trained model, by the name of the system: TVAE is drawn from in two ways.
Drawn = dict[str, np.ndarray]


#: Names in the results.
BOUNDARY_SEEKING, INDEPENDENT = "boundary seeking", "independent columns"


class Fitted(NamedTuple):
    """Rows of a trained system, by name; the seconds of the processor that its training took; steps if it has any."""

    rows: Drawn
    seconds: float
    steps: int | None = None


#: ``(experiment, reference, seconds, seed) -> rows``; ``None`` when stopped by a signal.
System = Callable[[Experiment, Reference, float, int], Fitted | None]


def boundary_seeking(experiment: Experiment, reference: Reference, seconds: float, seed: int) -> Fitted | None:
    """Trains this project's generator; neither compilation nor the look at every quarter of the time counts."""
    marks = [seconds * (quarter + 1) / 4 for quarter in range(4)]
    drawn: list[tuple[int, np.ndarray]] = []

    def on_mark(steps: int, metrics: dict[str, float], sample: Sampler) -> None:
        rows = sample(jax.random.key(seed + 1), reference.num_samples).x.astype(int)
        logger.info(
            "%.3g s, %d steps: total variation of pairs %.3f, bound %.3f",
            marks[len(drawn)], steps, pair_scores(reference, rows)[0]["pairs"], metrics["bound"],
        )  # fmt: skip
        drawn.append((steps, rows))

    if not train_for(experiment, marks=marks, clock="processor", on_mark=on_mark):
        return None
    steps, rows = drawn[-1]
    return Fitted({BOUNDARY_SEEKING: rows}, seconds, steps=steps)


def tree(experiment: Experiment, reference: Reference, seconds: float, seed: int) -> Fitted:
    """Fits the Chow-Liu tree, in much less than the seconds."""
    del experiment, seconds
    began = time.process_time()
    sample = chow_liu_tree(reference.train, reference.spec.column_sizes)
    took = time.process_time() - began
    return Fitted({"Chow-Liu tree": sample(np.random.default_rng(seed), reference.num_samples)}, took)


def independent(experiment: Experiment, reference: Reference, seconds: float, seed: int) -> Fitted:
    """Draws every column by itself."""
    del experiment, seconds
    rows = independent_columns(reference.train)(np.random.default_rng(seed), reference.num_samples)
    return Fitted({INDEPENDENT: rows}, 0.0)


def ctgan(experiment: Experiment, reference: Reference, seconds: float, seed: int) -> Fitted:
    """Trains CTGAN."""
    del experiment
    model, took = ctgan_models.fit_for("CTGAN", reference.train, seconds=seconds, seed=seed)
    return Fitted({"CTGAN": ctgan_models.sampler_of(model)(reference.num_samples)}, took)


def tvae(experiment: Experiment, reference: Reference, seconds: float, seed: int) -> Fitted:
    """Trains TVAE, and draws from it as the package does, and from its probabilities."""
    del experiment
    model, took = ctgan_models.fit_for("TVAE", reference.train, seconds=seconds, seed=seed)
    drawn = ctgan_models.softmax_sampler_of(model, reference.spec.column_sizes, seed=seed)
    n = reference.num_samples
    return Fitted({"TVAE": ctgan_models.sampler_of(model)(n), "TVAE, categories drawn": drawn(n)}, took)


#: Every system by the name that ``--systems`` takes.
SYSTEMS: dict[str, System] = {
    "independent": independent,
    "tree": tree,
    "boundary_seeking": boundary_seeking,
    "ctgan": ctgan,
    "tvae": tvae,
}
#: Those that need the package ``ctgan``.
OF_CTGAN = ("ctgan", "tvae")
