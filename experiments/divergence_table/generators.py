"""The generators of the table, each trained in a folder of its own, and the rows that critics learn from."""

from __future__ import annotations

import dataclasses
import logging
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax import data
from bgan_jax.evaluation.fresh_critic import WASSERSTEIN
from bgan_jax.sampling.sampler import Sampler, Samples
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.run import run
from experiments.harness.runs.start import start
from experiments.harness.runs.trained_run import load_sampler

logger = logging.getLogger("bgan_jax")

SAMPLES, PROBABILITIES, THRESHOLDED = "samples", "probabilities", "thresholded"
FORMS = (SAMPLES, PROBABILITIES, THRESHOLDED)


class Rows(NamedTuple):
    """Real and generated rows for a critic.

    Attributes:
      real: data to learn from, and to report the bound on.
      held_out_real: other data.
      fake: generated rows to learn from.
      fresh_fake: other generated rows.
    """

    real: np.ndarray
    held_out_real: np.ndarray
    fake: np.ndarray
    fresh_fake: np.ndarray


def training_config(flags: Mapping[str, Any], train: str, *, folder: Path, seed: int) -> discrete.DiscreteConfig:
    """Returns the flags of one generator's run.

    Args:
      flags: by name; those that such a run does not have are left out.
      train: ``"wasserstein"``: the relaxed generator of WGAN-GP; a divergence: boundary seeking.
      folder: of the whole table.
      seed: of the run.
    """
    known = {field.name for field in dataclasses.fields(discrete.DiscreteConfig)}
    given = {name: value for name, value in flags.items() if name in known}
    given |= {"workdir": str(folder / "generators" / f"{train}-{seed}"), "seed": seed, "seeds": 1, "resume": "auto"}
    if train == WASSERSTEIN:
        given |= {"estimator": "probabilities", "objective": "wasserstein", "penalty_form": "wgan_gp"}
    else:
        # As in the authors' code: weighted for these two divergences, unweighted for any other.
        weighted = train in ("gan", "jensen_shannon")
        given |= {"divergence": train, "penalty_form": "gradient_norm" if weighted else "unweighted"}
    return discrete.DiscreteConfig(**given)


def train_or_load(config: discrete.DiscreteConfig) -> Sampler | None:
    """Loads the generator of a finished run, or trains it to its end.

    Returns:
      ``sample(key, n)`` from the generator's moving average; ``None`` when the run was stopped by a signal.

    Raises:
      UsageError: the run cannot be started or continued.
    """
    try:
        sample, _, step = load_sampler(config.workdir)
        if step >= config.steps:
            return sample
    except UsageError:
        pass  # There is no checkpoint yet.
    logger.info("training the generator in %s", config.workdir)
    handler = signal.getsignal(signal.SIGTERM)
    outcome = run(*start(config, discrete.prepare))
    # While it trained, SIGTERM asked for a checkpoint; a critic has none, so there it ends the program again.
    signal.signal(signal.SIGTERM, handler)
    return outcome.sample if outcome.step >= config.steps else None


def generated_rows(
    sample: Sampler, key: jax.Array, *, real: np.ndarray, held_out_real: np.ndarray, num_fake: int, num_fresh: int
) -> dict[str, Rows]:
    """Draws rows of a generator in all forms: samples, the probabilities behind them, their most probable values."""
    drawn = in_forms(sample(key, num_fake + num_fresh))
    return {
        form: Rows(real=real, held_out_real=held_out_real, fake=rows[:num_fake], fresh_fake=rows[num_fake:])
        for form, rows in drawn.items()
    }


def in_forms(samples: Samples) -> dict[str, np.ndarray]:
    """Returns samples in every form that a critic may see, by the form's name."""
    if samples.probs is None:
        raise ValueError("samples of a discrete generator are needed; these have no probabilities")
    return {
        SAMPLES: samples.x,
        PROBABILITIES: samples.probs,
        THRESHOLDED: most_probable(samples.probs, like=samples.x),
    }


def most_probable(probs: np.ndarray, *, like: np.ndarray) -> np.ndarray:
    """Returns the most probable value of every coordinate, as integers.

    Args:
      probs: of a 1, shaped like the data; or of every symbol, over one more axis.
      like: samples.

    Example:
      >>> most_probable(np.array([[0.2, 0.7]]), like=np.zeros((1, 2), np.uint8)).tolist()
      [[0, 1]]
    """
    chosen = probs > 0.5 if probs.ndim == like.ndim else np.argmax(probs, axis=-1)
    return chosen.astype(like.dtype)


def pixel_entropy(probs: np.ndarray, *, like: np.ndarray) -> float:
    """Computes the mean entropy of g(x|z), in nats per example; it is 0 where every coordinate is deterministic.

    Example:
      >>> round(pixel_entropy(np.array([[0.5, 1.0]]), like=np.zeros((1, 2))), 4)
      0.6931
    """
    if probs.ndim == like.ndim:
        probs = np.stack([probs, 1.0 - probs], axis=-1)
    probs = probs.astype(np.float64)
    return float(-np.sum(probs * np.log(np.maximum(probs, 1e-30))) / len(probs))


def floor_rows(real: np.ndarray, held_out_real: np.ndarray, *, order: np.ndarray) -> Rows:
    """Splits real rows for the floor: one half is data, the other stands for the generator; a fifth of it stays fresh.

    Args:
      real: the data.
      held_out_real: other data.
      order: a permutation of the data.
    """
    half = len(real) // 2
    learned = half + (len(real) - half) * 4 // 5
    return Rows(
        real=real[order[:half]],
        held_out_real=held_out_real,
        fake=real[order[half:learned]],
        fresh_fake=real[order[learned:]],
    )


def real_rows(dataset: data.Dataset) -> np.ndarray:
    """Returns all rows of a split, in the form that generators make; stochastically binarised greys are drawn once."""
    rows = dataset.rows(np.arange(len(dataset)))
    if not dataset.spec.stochastic:
        return rows
    return np.asarray(data.preprocess(jax.random.key(0), rows, spec=dataset.spec))
