r"""Coverage of the modes of two-dimensional mixtures whose modes are known.

A sample is of high quality if it is within three standard deviations of a mode, and a mode is covered if it is the
nearest mode of a high-quality sample. Written in jax, so that ``vmap`` can evaluate many seeds at once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp


class ModeCoverage(NamedTuple):
    """Mode coverage of a set of samples.

    Attributes:
      modes_covered: modes with at least ``min_samples`` high-quality samples, int32.
      high_quality_fraction: share of all samples that are of high quality.
      mode_counts: high-quality samples of each mode, ``[K]`` int32.
      share_divergence: KL in nats of the modes' shares of the high-quality samples from the uniform distribution; 0
        if every mode has the same share, log K if one has all, and nan if there are none.
    """

    modes_covered: jax.Array
    high_quality_fraction: jax.Array
    mode_counts: jax.Array
    share_divergence: jax.Array


def mode_coverage(
    samples: jax.Array,
    *,
    centers: jax.Array,
    standard_deviation: float,
    num_deviations: float = 3.0,
    min_samples: int = 1,
) -> ModeCoverage:
    """Counts the modes that samples cover, and the samples that are close to a mode.

    The metric of Srivastava et al. 2017 (VEEGAN, https://arxiv.org/abs/1705.07761), section 4.1.

    Args:
      samples: points, ``[N, D]``.
      centers: the modes' centres, ``[K, D]``.
      standard_deviation: of each mode per coordinate, in the units of the points.
      num_deviations: radius of a mode in standard deviations.
      min_samples: high-quality samples that a covered mode needs.

    Returns:
      The record; every field gains a leading axis under ``vmap``. Compare the fraction with
      ``expected_high_quality_fraction``, that of perfect samples, which is below 1.

    Raises:
      ValueError: samples and centres have different dimensions.

    Example:
      >>> centers = jnp.array([[0.0, 0.0], [5.0, 0.0]])
      >>> coverage = mode_coverage(jnp.array([[0.1, 0.0], [2.5, 0.0]]), centers=centers, standard_deviation=0.1)
      >>> int(coverage.modes_covered), float(coverage.high_quality_fraction)
      (1, 0.5)
    """
    if samples.ndim != 2 or centers.ndim != 2 or samples.shape[1] != centers.shape[1]:
        raise ValueError(f"samples must be [N, D] and centers [K, D], got {samples.shape} and {centers.shape}")
    distances = jnp.linalg.norm(samples[:, None] - centers[None], axis=-1)
    nearest = jnp.argmin(distances, axis=1)
    high_quality = jnp.min(distances, axis=1) <= num_deviations * standard_deviation
    counts = jnp.sum(high_quality[:, None] & (nearest[:, None] == jnp.arange(len(centers))[None]), axis=0)
    shares = counts / jnp.sum(counts)
    return ModeCoverage(
        modes_covered=jnp.sum(counts >= min_samples),
        high_quality_fraction=jnp.mean(high_quality),
        mode_counts=counts,
        share_divergence=jnp.sum(jax.scipy.special.xlogy(shares, shares * len(centers))),
    )


def expected_high_quality_fraction(*, num_deviations: float = 3.0) -> float:
    r"""Computes the high-quality fraction of perfect samples of separate 2-D normal modes, :math:`1 - e^{-r^2/2}`.

    Args:
      num_deviations: radius r of a mode in standard deviations.

    Returns:
      A fraction in [0, 1).

    Example:
      >>> round(expected_high_quality_fraction(), 4)
      0.9889
    """
    return -math.expm1(-(num_deviations**2) / 2)
