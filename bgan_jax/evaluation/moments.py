r"""Mean and covariance of a stream of features, in float64, mergeable.

Each worker computes its own :class:`Moments`; merging them gives the moments of all features, up to rounding and in
any order. In numpy, because float64 is slow or unavailable on accelerators.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Moments of a set of feature vectors.

    Attributes:
      num_samples: number of vectors N.
      mean: their mean, ``[D]`` float64.
      scatter: sum of outer products of the deviations from the mean, ``[D, D]`` float64.
    """

    num_samples: int
    mean: np.ndarray
    scatter: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance, ``[D, D]``; needs at least two vectors."""
        if self.num_samples < 2:
            raise ValueError(f"a covariance needs at least 2 feature vectors, got {self.num_samples}")
        return self.scatter / (self.num_samples - 1)


def feature_moments(features: np.ndarray) -> Moments:
    """Computes the moments of one batch of features.

    Args:
      features: ``[N, D]``, any real dtype, finite, N >= 1.

    Returns:
      The moments in float64.

    Raises:
      ValueError: the features are not a finite matrix.

    Example:
      >>> feature_moments(np.array([[0.0, 0.0], [2.0, 4.0]])).covariance.tolist()
      [[2.0, 4.0], [4.0, 8.0]]
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) == 0:
        raise ValueError(f"features must be [N, D] with N >= 1, got the shape {list(features.shape)}")
    if not np.isfinite(features).all():
        raise ValueError("features contain NaN or infinity; check the extractor and its input")
    mean = features.mean(axis=0)
    deviations = features - mean[None]
    return Moments(num_samples=len(features), mean=mean, scatter=deviations.T @ deviations)


def merge_moments(first: Moments, second: Moments) -> Moments:
    r"""Merges the moments of two disjoint sets (Chan, Golub, LeVeque 1979).

    .. math:: S = S_1 + S_2 + \frac{n_1 n_2}{n_1 + n_2} (\mu_2 - \mu_1)(\mu_2 - \mu_1)^\top

    Args:
      first: moments of one set.
      second: moments of another, of the same D.

    Returns:
      Moments of the union.

    Raises:
      ValueError: the dimensions differ.

    Example:
      >>> left, right = feature_moments(np.array([[1.0]])), feature_moments(np.array([[3.0]]))
      >>> merge_moments(left, right).mean.tolist()
      [2.0]
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError(f"cannot merge moments of {first.mean.size} and {second.mean.size} dimensions")
    count = first.num_samples + second.num_samples
    difference = second.mean - first.mean
    return Moments(
        num_samples=count,
        mean=first.mean + difference * (second.num_samples / count),
        scatter=first.scatter
        + second.scatter
        + np.outer(difference, difference) * (first.num_samples * second.num_samples / count),
    )


def stream_moments(batches: Iterable[np.ndarray]) -> Moments:
    """Computes the moments of a stream of batches, with one batch in memory at a time.

    Args:
      batches: arrays ``[n, D]``.

    Returns:
      The moments of all batches.

    Raises:
      ValueError: there are no batches.

    Example:
      >>> stream_moments(np.ones((4, 3)) for _ in range(5)).num_samples
      20
    """
    moments: Moments | None = None
    for batch in batches:
        of_batch = feature_moments(batch)
        moments = of_batch if moments is None else merge_moments(moments, of_batch)
    if moments is None:
        raise ValueError("there are no features: the stream of batches is empty")
    return moments
