"""Repeats the gradient of one step, and compares it with exact gradients: bias, deviation, direction, cost."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.evaluation.enumerable import target_conditional
from bgan_jax.evaluation.estimator_quality import (
    QUICK_COMPILATION,
    EstimatorQuality,
    estimator_quality,
    repeat_estimator,
)
from bgan_jax.evaluation.self_normalized import finite_sample_means, marginal_standard_deviation
from experiments.estimators.gradients import ESTIMATED_LOSSES, estimate_fn, exact_gradients, pairs
from experiments.estimators.problem import Problem


class Row(NamedTuple):
    """What was measured of one estimator at one number of samples.

    Attributes:
      target: name of p.
      num_samples: M.
      estimator: its name.
      loss: name of the loss whose gradient it estimates.
      own: against that gradient.
      marginal: against the gradient of the marginal KL(p || q).
      law: against the exact mean at this M, where there is one.
      law_bias: bias that the exact mean has, relative to the norm of its own gradient; ``None`` where there is none.
      law_worst: largest difference from the exact mean over coordinates, in standard errors.
    """

    target: str
    num_samples: int
    estimator: str
    loss: str
    own: EstimatorQuality
    marginal: EstimatorQuality
    law: EstimatorQuality | None
    law_bias: float | None
    law_worst: float | None


def known_deviations(
    problem: Problem, *, sample_counts: Sequence[int], batch_size: int
) -> dict[tuple[str, int], np.ndarray]:
    """Computes standard deviations that samples understate: of plain weights over the whole batch, which are unbounded.

    Rare states with heavy weights carry much of its mean, and mostly do not show up in as few repeats as these.
    """
    return {
        ("boundary_seeking_marginal_plain", m): marginal_standard_deviation(
            num_samples=m, num_latents=batch_size, **_exact_arrays(problem)
        ).ravel()
        for m in sample_counts
    }


def _exact_arrays(problem: Problem) -> dict[str, np.ndarray]:
    points = np.asarray(target_conditional(problem.target).statistics(jnp.asarray(problem.target.states)))
    return {
        "conditional_log_probs": np.asarray(problem.log_g),
        "log_ratio": np.asarray(problem.log_ratio),
        "latent_log_probs": np.full(len(problem.table), -math.log(len(problem.table))),
        "statistics": points.reshape(len(points), -1),
    }


def laws(
    problem: Problem, own: dict[str, np.ndarray], *, sample_counts: Sequence[int], batch_size: int
) -> dict[tuple[str, int], np.ndarray]:
    """Computes the exact mean of every estimator that has one, by name and M.

    The self-normalised forms by quadrature; REINFORCE, which is unbiased, by its exact gradient.
    """
    means = finite_sample_means(num_samples=sample_counts, num_latents=batch_size, **_exact_arrays(problem))
    reverse = own["reverse KL"]
    found = {}
    for i, m in enumerate(sample_counts):
        for name in ("boundary_seeking", "boundary_seeking_controlled", "boundary_seeking_plain"):
            found[name, m] = means.per_latent[i].ravel()
        found["boundary_seeking_marginal_plain", m] = means.marginal[i].ravel()
        found["boundary_seeking_marginal", m] = means.marginal_centered[i].ravel()
        for name in ESTIMATED_LOSSES:
            if name.startswith("reinforce"):
                found[name, m] = reverse
    return found


def measure(
    key: jax.Array,
    problem: Problem,
    *,
    names: Sequence[str],
    sample_counts: Sequence[int],
    batch_size: int,
    repeats: int,
    temperature: float,
) -> list[Row]:
    """Measures every estimator at every M on one problem.

    Args:
      key: of all samples.
      problem: target and generator.
      names: keys of ``ESTIMATED_LOSSES``.
      sample_counts: values of M.
      batch_size: N.
      repeats: independent gradients per number.
      temperature: of the relaxed estimators.

    Returns:
      The rows.
    """
    own = exact_gradients(problem)
    known = known_deviations(problem, sample_counts=sample_counts, batch_size=batch_size)
    exact_means = laws(problem, own, sample_counts=sample_counts, batch_size=batch_size)
    estimate = estimate_fn(problem, names, sample_counts=sample_counts, batch_size=batch_size, temperature=temperature)
    # A line of the repeats holds every gradient; nothing is gained by vectorising over repeats as well.
    runs = repeat_estimator(key, estimate, num_repeats=repeats, batch_size=1)
    blocks = np.split(runs.astype(np.float64), len(pairs(names, sample_counts)), axis=1)
    rows = []
    for (m, name), gradients in zip(pairs(names, sample_counts), blocks, strict=True):
        loss, law = ESTIMATED_LOSSES[name][0], exact_means.get((name, m))
        rows.append(
            Row(
                target=problem.target.name,
                num_samples=m,
                estimator=name,
                loss=loss,
                own=estimator_quality(gradients, exact=own[loss]),
                marginal=estimator_quality(gradients, exact=own["marginal KL"]),
                law=None if law is None else estimator_quality(gradients, exact=law),
                law_bias=None if law is None else _relative(law - own[loss], own[loss]),
                law_worst=None if law is None else worst_deviation(gradients, law, deviation=known.get((name, m), 0.0)),
            )
        )
    return rows


def _relative(difference: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(difference) / np.linalg.norm(exact))


def worst_deviation(estimates: np.ndarray, expected: np.ndarray, *, deviation: np.ndarray | float = 0.0) -> float:
    """Computes the largest distance of the mean of ``[R, P]`` estimates from ``[P]``, in standard errors.

    ``deviation`` is the least that an estimate's standard deviation is known to be, ``[P]``.
    """
    sd = np.maximum(estimates.std(axis=0, ddof=1), deviation)
    standard_error = np.maximum(sd / math.sqrt(len(estimates)), 1e-7)
    return float(np.max(np.abs(estimates.mean(axis=0) - expected) / standard_error))


def cost_per_step(
    problem: Problem, names: Sequence[str], *, sample_counts: Sequence[int], batch_size: int, temperature: float
) -> dict[tuple[str, int], float]:
    """Measures microseconds of one gradient, by name and M: the fastest of five groups of calls, after compilation."""
    microseconds = {}
    for m, name in pairs(names, sample_counts):
        run = jax.jit(
            estimate_fn(problem, [name], sample_counts=[m], batch_size=batch_size, temperature=temperature),
            compiler_options=QUICK_COMPILATION,
        )
        key = jax.random.key(m)
        jax.block_until_ready(run(key))
        groups = []
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(4):
                jax.block_until_ready(run(key))
            groups.append((time.perf_counter() - start) / 4)
        microseconds[name, m] = 1e6 * min(groups)
    return microseconds
