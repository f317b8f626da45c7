r"""Kernel distance (squared maximum mean discrepancy) between two sets of features: unbiased at any sample count.

Unlike the Frechet distance it does not depend systematically on the number of images, so results of sets of different
sizes are comparable. It can be slightly negative if the sets are similar.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from bgan_jax.evaluation.frechet import DistanceProtocol
from bgan_jax.evaluation.host_randomness import host_generator


class KernelDistance(NamedTuple):
    """An unbiased squared discrepancy with its standard error and protocol.

    Attributes:
      value: mean over subsets of the unbiased squared discrepancy.
      standard_error: of the mean, from the standard deviation over disjoint subsets.
      num_subsets: number of subsets.
      subset_size: images of each set in a subset.
      protocol: features, reference split and counts.
    """

    value: float
    standard_error: float
    num_subsets: int
    subset_size: int
    protocol: DistanceProtocol


def squared_discrepancy(*, reference: np.ndarray, generated: np.ndarray) -> float:
    r"""Computes an unbiased estimate of the squared maximum mean discrepancy under the cubic polynomial kernel.

    .. math:: k(x, y) = \Big(\frac{x^\top y}{D} + 1\Big)^3, \qquad
              \widehat{\mathrm{MMD}}{}^2 = \frac{\sum_{i \ne j} k(x_i, x_j)}{m(m-1)}
              + \frac{\sum_{i \ne j} k(y_i, y_j)}{n(n-1)} - \frac{2 \sum_{ij} k(x_i, y_j)}{mn}

    Binkowski et al. 2018 (https://arxiv.org/abs/1801.01401), Gretton et al. 2012. Unbiased: zero on average for equal
    distributions, so single values can be negative.

    Args:
      reference: features x, ``[m, D]``, m >= 2.
      generated: features y, ``[n, D]``, n >= 2.

    Returns:
      The estimate.

    Raises:
      ValueError: the shapes do not match.

    Example:
      >>> squared_discrepancy(reference=np.zeros((3, 2)), generated=np.ones((3, 2)))
      7.0
    """
    reference, generated = np.asarray(reference, np.float64), np.asarray(generated, np.float64)
    _check(reference, generated)
    dimension = reference.shape[1]

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x @ y.T / dimension + 1.0) ** 3

    def off_diagonal_mean(x: np.ndarray) -> float:
        values = kernel(x, x)
        return float((values.sum() - np.trace(values)) / (len(x) * (len(x) - 1)))

    return off_diagonal_mean(reference) + off_diagonal_mean(generated) - 2 * float(kernel(reference, generated).mean())


def kernel_distance(
    key: jax.Array,
    *,
    reference: np.ndarray,
    generated: np.ndarray,
    features_name: str,
    reference_name: str,
    subset_size: int = 500,
) -> KernelDistance:
    """Computes the unbiased kernel distance as an average over disjoint random subsets, with a valid standard error.

    Overlapping subsets, as are common, share images, and their standard error is too small.

    Args:
      key: PRNG key of the division of the images into subsets.
      reference: features of the reference images, ``[m, D]``.
      generated: features of the generated images, ``[n, D]``.
      features_name: the extractor of the features, for the protocol.
      reference_name: data set and split of the reference, for the protocol.
      subset_size: images of each set per subset; at least two subsets must fit into the smaller set.

    Returns:
      The distance with its standard error and protocol.

    Raises:
      ValueError: the shapes do not match, or fewer than two subsets fit.

    Example:
      >>> features = np.random.default_rng(0).normal(size=(400, 2))
      >>> distance = kernel_distance(
      ...     jax.random.key(0), reference=features[:200], generated=features[200:],
      ...     features_name="raw", reference_name="normal", subset_size=50,
      ... )
      >>> distance.num_subsets
      4
    """
    reference, generated = np.asarray(reference), np.asarray(generated)
    _check(reference, generated)
    num_subsets = min(len(reference), len(generated)) // subset_size if subset_size >= 2 else 0
    if num_subsets < 2:
        raise ValueError(
            f"subset_size={subset_size} gives fewer than two disjoint subsets of {len(reference)} and {len(generated)} "
            f"images; use a value between 2 and {min(len(reference), len(generated)) // 2}"
        )
    dealer = host_generator(key)
    deals = [
        dealer.permutation(len(features))[: num_subsets * subset_size].reshape(num_subsets, subset_size)
        for features in (reference, generated)
    ]
    values = [
        squared_discrepancy(reference=reference[rows], generated=generated[other_rows])
        for rows, other_rows in zip(*deals, strict=True)
    ]
    return KernelDistance(
        value=float(np.mean(values)),
        standard_error=float(np.std(values, ddof=1) / np.sqrt(num_subsets)),
        num_subsets=num_subsets,
        subset_size=subset_size,
        protocol=DistanceProtocol(
            features=features_name,
            reference=reference_name,
            num_reference=len(reference),
            num_generated=len(generated),
        ),
    )


def _check(reference: np.ndarray, generated: np.ndarray) -> None:
    if reference.ndim != 2 or generated.ndim != 2 or reference.shape[1:] != generated.shape[1:]:
        raise ValueError(
            f"features must be [N, D] from one extractor, got {list(reference.shape)} and {list(generated.shape)}"
        )
    if min(len(reference), len(generated)) < 2:
        raise ValueError(f"each set needs at least 2 images, got {len(reference)} and {len(generated)}")
