"""One step's gradient, many times over, against exact gradients: bias, spread, direction and cost of each estimator."""

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
from experiments.estimators.gradients import OBJECTIVES, Situation, estimate_fn, exact_gradients, pairs


class Row(NamedTuple):
    """One estimator at one number of samples.

    Attributes:
      target: name of p.
      num_samples: M.
      estimator: its name.
      objective: the divergence whose gradient is its own target.
      own: against that gradient.
      marginal: against the gradient of the marginal KL(p || q).
      law: against the exact mean at this M, where there is one.
      law_bias: bias that the exact mean has, relative to the norm of its own gradient; ``None`` where there is none.
      law_worst: largest difference from the exact mean over coordinates, in standard errors.
    """

    target: str
    num_samples: int
    estimator: str
    objective: str
    own: EstimatorQuality
    marginal: EstimatorQuality
    law: EstimatorQuality | None
    law_bias: float | None
    law_worst: float | None


def known_deviations(
    here: Situation, *, sample_counts: Sequence[int], batch_size: int
) -> dict[tuple[str, int], np.ndarray]:
    """Standard deviations that samples understate: of the plain form over the whole batch, whose weights are unbounded.

    Rare states with heavy weights carry much of its mean, and mostly do not show up in as few repeats as here.
    """
    return {
        ("boundary_seeking_marginal_plain", m): marginal_standard_deviation(
            num_samples=m, num_latents=batch_size, **_listed(here)
        ).ravel()
        for m in sample_counts
    }


def _listed(here: Situation) -> dict[str, np.ndarray]:
    points = np.asarray(target_conditional(here.target).statistics(jnp.asarray(here.target.states)))
    return {
        "conditional_log_probs": np.asarray(here.log_g),
        "log_ratio": np.asarray(here.log_ratio),
        "latent_log_probs": np.full(len(here.table), -math.log(len(here.table))),
        "statistics": points.reshape(len(points), -1),
    }


def laws(
    here: Situation, own: dict[str, np.ndarray], *, sample_counts: Sequence[int], batch_size: int
) -> dict[tuple[str, int], np.ndarray]:
    """The exact mean of every estimator that has one, by name and M.

    The self-normalised forms by quadrature; REINFORCE, which is unbiased, by its exact gradient.
    """
    means = finite_sample_means(num_samples=sample_counts, num_latents=batch_size, **_listed(here))
    reverse = own["reverse KL"]
    found = {}
    for i, m in enumerate(sample_counts):
        for name in ("boundary_seeking", "boundary_seeking_plain"):
            found[name, m] = means.per_latent[i].ravel()
        found["boundary_seeking_marginal_plain", m] = means.marginal[i].ravel()
        found["boundary_seeking_marginal", m] = means.marginal_centered[i].ravel()
        for name in OBJECTIVES:
            if name.startswith("reinforce"):
                found[name, m] = reverse
    return found


def measure(
    key: jax.Array,
    here: Situation,
    *,
    names: Sequence[str],
    sample_counts: Sequence[int],
    batch_size: int,
    repeats: int,
    temperature: float,
) -> list[Row]:
    """Every estimator at every M in one situation.

    Args:
      key: of all samples.
      here: the situation.
      names: keys of ``OBJECTIVES``.
      sample_counts: values of M.
      batch_size: N.
      repeats: independent gradients per number.
      temperature: of the relaxed estimators.

    Returns:
      The rows.
    """
    own = exact_gradients(here)
    known = known_deviations(here, sample_counts=sample_counts, batch_size=batch_size)
    exact_means = laws(here, own, sample_counts=sample_counts, batch_size=batch_size)
    estimate = estimate_fn(here, names, sample_counts=sample_counts, batch_size=batch_size, temperature=temperature)
    # A line of the repeats holds every gradient; nothing is gained by vectorising over repeats as well.
    runs = repeat_estimator(key, estimate, num_repeats=repeats, batch_size=1)
    blocks = np.split(runs.astype(np.float64), len(pairs(names, sample_counts)), axis=1)
    rows = []
    for (m, name), gradients in zip(pairs(names, sample_counts), blocks, strict=True):
        objective, law = OBJECTIVES[name][0], exact_means.get((name, m))
        rows.append(
            Row(
                target=here.target.name,
                num_samples=m,
                estimator=name,
                objective=objective,
                own=estimator_quality(gradients, exact=own[objective]),
                marginal=estimator_quality(gradients, exact=own["marginal KL"]),
                law=None if law is None else estimator_quality(gradients, exact=law),
                law_bias=None if law is None else _relative(law - own[objective], own[objective]),
                law_worst=None if law is None else worst_deviation(gradients, law, deviation=known.get((name, m), 0.0)),
            )
        )
    return rows


def _relative(difference: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(difference) / np.linalg.norm(exact))


def worst_deviation(estimates: np.ndarray, expected: np.ndarray, *, deviation: np.ndarray | float = 0.0) -> float:
    """Largest distance of the mean of ``[R, P]`` estimates from ``[P]``, over coordinates, in standard errors.

    ``deviation`` is the least that an estimate's standard deviation is known to be, ``[P]``.
    """
    spread = np.maximum(estimates.std(axis=0, ddof=1), deviation)
    standard_error = np.maximum(spread / math.sqrt(len(estimates)), 1e-7)
    return float(np.max(np.abs(estimates.mean(axis=0) - expected) / standard_error))


def cost_per_step(
    here: Situation, names: Sequence[str], *, sample_counts: Sequence[int], batch_size: int, temperature: float
) -> dict[tuple[str, int], float]:
    """Microseconds of one gradient, by name and M: the fastest of five groups of calls, compiled before."""
    microseconds = {}
    for m, name in pairs(names, sample_counts):
        run = jax.jit(
            estimate_fn(here, [name], sample_counts=[m], batch_size=batch_size, temperature=temperature),
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
