"""The Jensen-Shannon divergence of two histograms, used by the n-gram and palette statistics."""

from __future__ import annotations

import numpy as np


def js_divergence_bits(first_counts: np.ndarray, second_counts: np.ndarray) -> float:
    r"""Computes the Jensen-Shannon divergence of two histograms in bits: 0 if proportional, 1 if disjoint.

    .. math:: \mathrm{JSD} = \tfrac12 \mathrm{KL}(p \| m) + \tfrac12 \mathrm{KL}(q \| m), \qquad m = \tfrac12 (p + q)

    each KL summed over its own support, with base-2 logarithms.

    Args:
      first_counts: counts or probabilities of each bin, non-negative, not all zero; normalised here.
      second_counts: those of the second histogram, of the same shape.

    Returns:
      Bits, in [0, 1].

    Raises:
      ValueError: the shapes differ, or a histogram cannot be normalised.

    Example:
      >>> js_divergence_bits(np.array([1, 0]), np.array([0, 5])), js_divergence_bits(np.array([1, 2]), np.array([2, 4]))
      (1.0, 0.0)
    """
    first, second = _normalised("first_counts", first_counts), _normalised("second_counts", second_counts)
    if first.shape != second.shape:
        raise ValueError(f"the histograms must have the same bins, got {list(first.shape)} and {list(second.shape)}")
    middle = (first + second) / 2
    return min(max((_kl_bits(first, middle) + _kl_bits(second, middle)) / 2, 0.0), 1.0)


def _normalised(name: str, counts: np.ndarray) -> np.ndarray:
    counts = np.asarray(counts, np.float64)
    total = counts.sum()
    if counts.size == 0 or counts.min() < 0 or not 0 < total < np.inf:
        raise ValueError(f"{name} must be non-negative with a positive finite sum")
    return counts / total


def _kl_bits(probs: np.ndarray, middle: np.ndarray) -> float:
    support = probs > 0
    return float(np.sum(probs[support] * np.log2(probs[support] / middle[support])))
