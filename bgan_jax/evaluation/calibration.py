r"""Checks whether a discriminator's F is the log density ratio that the theory takes it for.

Among as many real examples as samples, those with ``F = f`` should be real and fake in the ratio :math:`e^f`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Calibration(NamedTuple):
    """How F compares with observed log ratios of real examples to samples.

    Attributes:
      logits: mean F of each bin, rising, ``[B]``, in nats.
      log_ratios: the observed log ratio of each bin, ``[B]``, in nats.
      standard_errors: of ``log_ratios``, over the examples of the bin, ``[B]``.
      intercept: of :func:`calibration_line`.
      slope: of :func:`calibration_line`.
    """

    logits: np.ndarray
    log_ratios: np.ndarray
    standard_errors: np.ndarray
    intercept: float
    slope: float


def calibration(real_logits: np.ndarray, fake_logits: np.ndarray, *, num_bins: int = 10) -> Calibration:
    r"""Computes observed log ratios beside F, in bins of equally many examples.

    .. math:: r_b = \log \frac{(n_b + 1/2) / (N + 1/2)}{(m_b + 1/2) / (M + 1/2)}

    where :math:`n_b` of N real examples and :math:`m_b` of M samples fall into bin b. The halves keep it finite.

    Args:
      real_logits: F of real examples that the discriminator has not learned from, ``[N]``, in nats.
      fake_logits: F of samples, ``[M]``, in nats.
      num_bins: B, static.

    Returns:
      The comparison. F is a log density ratio where ``log_ratios`` equal ``logits`` within their standard errors.

    Raises:
      ValueError: there are fewer examples than bins, or a logit is not finite.

    Example:
      >>> rng = np.random.default_rng(0)
      >>> real, fake = rng.normal(1.0, 1.0, 4000), rng.normal(0.0, 1.0, 4000)  # log p/q = x - 1/2
      >>> found = calibration(real - 0.5, fake - 0.5)
      >>> bool(np.abs((found.log_ratios - found.logits) / found.standard_errors).max() < 4.0)
      True
    """
    real, fake = (np.asarray(logits, np.float64).ravel() for logits in (real_logits, fake_logits))
    if min(len(real), len(fake)) < num_bins:
        raise ValueError(f"{num_bins} bins need as many real examples and samples, got {len(real)} and {len(fake)}")
    if not (np.isfinite(real).all() and np.isfinite(fake).all()):
        raise ValueError("a logit is not finite")
    logits = np.concatenate([real, fake])
    is_real = np.arange(len(logits)) < len(real)
    order = np.argsort(logits, kind="stable")
    means, ratios, errors = [], [], []
    for members in np.array_split(order, num_bins):
        n = np.count_nonzero(is_real[members])
        m = len(members) - n
        means.append(logits[members].mean())
        ratios.append(np.log((n + 0.5) / (len(real) + 0.5)) - np.log((m + 0.5) / (len(fake) + 0.5)))
        errors.append(np.sqrt(1.0 / (n + 0.5) + 1.0 / (m + 0.5)))
    return Calibration(np.array(means), np.array(ratios), np.array(errors), *calibration_line(real, fake))


def calibration_line(real_logits: np.ndarray, fake_logits: np.ndarray, *, steps: int = 50) -> tuple[float, float]:
    r"""Fits ``log p/q = a + b F`` by logistic regression (Cox 1958).

    .. math:: \max_{a,b} \; \frac1N \sum_n \log \sigma(a + b F(x_n)) + \frac1M \sum_m \log \sigma(-a - b F(y_m))

    Args:
      real_logits: F of real examples, ``[N]``, in nats.
      fake_logits: F of samples, ``[M]``, in nats.
      steps: of Newton's method, at most; static.

    Returns:
      The intercept a and the slope b. ``(0, 1)``: F is a log density ratio as it is. A slope below 1: F is too sure of
      itself, and its weights are too uneven; above 1: too cautious. Where F separates the two sets there is no finite
      slope, and the one that was reached is returned.

    Example:
      >>> rng = np.random.default_rng(0)
      >>> real, fake = rng.normal(1.0, 1.0, 4000), rng.normal(0.0, 1.0, 4000)
      >>> a, b = calibration_line(2 * (real - 0.5), 2 * (fake - 0.5))  # Twice too sure.
      >>> round(abs(a), 1), round(b, 1)
      (0.0, 0.5)
    """
    logits = np.concatenate([np.asarray(real_logits, np.float64), np.asarray(fake_logits, np.float64)])
    is_real = (np.arange(len(logits)) < len(real_logits)).astype(np.float64)
    weights = np.where(is_real > 0, 1.0 / len(real_logits), 1.0 / len(fake_logits))
    inputs = np.stack([np.ones_like(logits), logits], axis=1)
    line = np.array([0.0, 1.0])
    for _ in range(steps):
        probs = 1.0 / (1.0 + np.exp(-np.clip(inputs @ line, -500.0, 500.0)))
        gradient = inputs.T @ (weights * (is_real - probs))
        curvature = (inputs * (weights * probs * (1.0 - probs))[:, None]).T @ inputs
        # A little curvature of a prior, for F that is one constant or that separates the sets.
        change = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        line = line + np.clip(change, -2.0, 2.0)
        if np.abs(change).max() < 1e-10:
            break
    return float(line[0]), float(line[1])
