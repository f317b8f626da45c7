r"""Quality and diversity of generated images according to a classifier of real ones.

The formula is that of the Inception score, but the classifier is trained on the data set itself. So the score has a
different name, and it is always reported together with the score of held-out real images.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class ClassifierScore(NamedTuple):
    """A score with its standard error.

    Attributes:
      score: exp of the mutual information between image and label, in [1, K].
      standard_error: of ``score``, over the sampling of the images (delta method).
    """

    score: float
    standard_error: float


class ClassifierReport(NamedTuple):
    """All statistics of the class probabilities of one set of images.

    Attributes:
      num_images: N.
      score: result of ``classifier_score``.
      class_shares: result of ``class_shares``, ``[K]``.
      smallest_share: the smallest of them.
      mean_entropy: result of ``mean_entropy``, in nats.
    """

    num_images: int
    score: ClassifierScore
    class_shares: np.ndarray
    smallest_share: float
    mean_entropy: float


def classifier_score(probs: np.ndarray) -> ClassifierScore:
    r"""Computes the exponential of the mean KL divergence of p(y|x) from its marginal.

    .. math:: S = \exp\Big(\frac1N \sum_n \mathrm{KL}\big(p(y|x_n) \,\|\, \bar p(y)\big)\Big), \qquad
              \bar p(y) = \frac1N \sum_n p(y|x_n)

    Salimans et al. 2016, section 4 (https://arxiv.org/abs/1606.03498), with our own classifier and no splits. The
    derivative of the exponent with respect to one image's weight is that image's KL minus the mean (the term of the
    marginal cancels because probabilities sum to one), so the delta method needs only the standard deviation of the KL
    terms. The estimate is biased low, by at most about (K - 1) / 2N in the exponent: compare scores of the same N
    only.

    Args:
      probs: p(y|x), ``[N, K]``, rows sum to 1; N >= 2.

    Returns:
      The score, from 1 (the same prediction for all images) to K (certain predictions, every class equally often), and
      its standard error.

    Raises:
      ValueError: ``probs`` is not a matrix of probabilities.

    Example:
      >>> classifier_score(np.eye(4)).score
      4.0
    """
    probs = _checked(probs)
    divergences = _sum_p_log(probs, probs) - _sum_p_log(probs, probs.mean(axis=0, keepdims=True))
    score = float(np.exp(divergences.mean()))
    return ClassifierScore(score=score, standard_error=float(score * divergences.std(ddof=1) / np.sqrt(len(probs))))


def class_shares(probs: np.ndarray) -> np.ndarray:
    """Computes the fraction of images of which each class is the most probable class.

    Args:
      probs: p(y|x), ``[N, K]``.

    Returns:
      Fractions that sum to 1, ``[K]`` float64.

    Example:
      >>> class_shares(np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [1.0, 0.0]])).tolist()
      [0.75, 0.25]
    """
    probs = _checked(probs)
    return np.bincount(np.argmax(probs, axis=1), minlength=probs.shape[1]) / len(probs)


def mean_entropy(probs: np.ndarray) -> float:
    r"""Computes the mean entropy of the classifier's predictions, :math:`\frac1N \sum_n H(p(y|x_n))`.

    Args:
      probs: p(y|x), ``[N, K]``.

    Returns:
      Nats, in [0, log K]; compare with the value of held-out real images.

    Example:
      >>> round(mean_entropy(np.full((3, 2), 0.5)), 4)
      0.6931
    """
    probs = _checked(probs)
    return float(-_sum_p_log(probs, probs).mean())


def classifier_report(probs: np.ndarray) -> ClassifierReport:
    """Computes the score, the class shares and the entropy of one set of images.

    Args:
      probs: p(y|x), ``[N, K]``.

    Returns:
      The record.

    Example:
      >>> classifier_report(np.eye(2)).smallest_share
      0.5
    """
    shares = class_shares(probs)
    return ClassifierReport(
        num_images=len(probs),
        score=classifier_score(probs),
        class_shares=shares,
        smallest_share=float(shares.min()),
        mean_entropy=mean_entropy(probs),
    )


def _sum_p_log(probs: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Computes sum_k p_k log o_k per row, with 0 log 0 = 0."""
    positive = np.broadcast_to(other, probs.shape) > 0
    logs = np.log(np.where(positive, other, 1.0))
    return np.sum(probs * logs, axis=1)


def _checked(probs: np.ndarray) -> np.ndarray:
    probs = np.asarray(probs, np.float64)
    if probs.ndim != 2 or len(probs) < 2:
        raise ValueError(f"probs must be [N, K] with N >= 2, got the shape {list(probs.shape)}")
    if not np.allclose(probs.sum(axis=1), 1.0, atol=1e-3) or probs.min() < 0:
        raise ValueError("probs must be non-negative with rows that sum to 1; pass probabilities, not logits")
    # The sums of float32 rows are not exactly 1; normalised rows keep the KL terms non-negative.
    return probs / probs.sum(axis=1, keepdims=True)
