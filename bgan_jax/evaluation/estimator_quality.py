r"""Bias, variance and direction of a Monte-Carlo gradient relative to the exact one, with standard errors.

Sampling (``repeat_estimator``) and statistics (``estimator_quality``) are separate functions, so that one set of
repeats can be compared with several exact gradients (of the conditional KL, of the marginal KL, ...).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

# XLA's CPU compiler spends seconds on optimising random number generators, without making them faster.
QUICK_COMPILATION = {"xla_backend_optimization_level": 1}


class Estimate(NamedTuple):
    """An estimate with its standard error.

    Attributes:
      value: the estimate.
      standard_error: its jackknife standard error over the repeats.
    """

    value: float
    standard_error: float


class EstimatorQuality(NamedTuple):
    """Errors of an estimator's gradients relative to the exact gradient g; all but the count are dimensionless.

    Attributes:
      num_repeats: number of independent estimates.
      squared_bias: squared norm of (mean estimate - g), divided by that of g; corrected for the noise of the mean, so
        it can be slightly negative if there is no bias.
      variance: trace of the estimates' covariance, divided by the squared norm of g.
      mean_square_error: squared bias plus variance.
      norm_ratio: component of the mean estimate along g, divided by the norm of g; below 1 means shrinkage.
      cosine: cosine between the mean estimate and g: the direction of an average over many steps.
      single_cosine: mean cosine between one estimate and g: the direction of one step.
    """

    num_repeats: int
    squared_bias: Estimate
    variance: Estimate
    mean_square_error: Estimate
    norm_ratio: Estimate
    cosine: Estimate
    single_cosine: Estimate


def repeat_estimator(
    key: jax.Array, estimator: Callable[[jax.Array], Any], *, num_repeats: int, batch_size: int = 100
) -> np.ndarray:
    """Computes independent estimates of a gradient, flattened.

    Args:
      key: PRNG key; estimate r uses ``fold_in(key, r)``, so the first estimates do not depend on R.
      estimator: ``key -> gradient`` (any pytree of arrays), jit-able. Static.
      num_repeats: R.
      batch_size: estimates per compiled call, vectorised; it determines the memory.

    Returns:
      ``[R, P]`` float32, P the total number of parameters.

    Raises:
      ValueError: ``num_repeats`` or ``batch_size`` is not positive.

    Example:
      >>> repeat_estimator(jax.random.key(0), lambda key: {"w": jax.random.normal(key, (3,))}, num_repeats=5).shape
      (5, 3)
    """
    if num_repeats < 1 or batch_size < 1:
        raise ValueError(f"num_repeats and batch_size must be positive, got {num_repeats} and {batch_size}")
    batch_size = min(batch_size, num_repeats)

    @functools.partial(jax.jit, compiler_options=QUICK_COMPILATION)
    def batch(indices: jax.Array) -> jax.Array:
        return jax.vmap(lambda index: ravel_pytree(estimator(jax.random.fold_in(key, index)))[0])(indices)

    starts = range(0, num_repeats, batch_size)
    runs = [np.asarray(batch(np.arange(start, start + batch_size, dtype=np.int32))) for start in starts]
    return np.concatenate(runs)[:num_repeats]


def flatten_gradient(gradient: Any) -> np.ndarray:
    """Flattens a gradient pytree to one vector, in the order of ``repeat_estimator``.

    Args:
      gradient: any pytree of arrays.

    Returns:
      ``[P]``.

    Example:
      >>> flatten_gradient({"b": np.ones(1), "a": np.zeros(2)}).tolist()
      [0.0, 0.0, 1.0]
    """
    return np.asarray(ravel_pytree(gradient)[0])


def estimator_quality(estimates: np.ndarray, *, exact: np.ndarray) -> EstimatorQuality:
    r"""Computes bias, variance and direction of repeated estimates of a gradient.

    With mean :math:`\bar g` and covariance :math:`\hat\Sigma` of R estimates, and exact g,

    .. math:: \text{squared bias} = \frac{|\bar g - g|^2 - \mathrm{tr}\hat\Sigma / R}{|g|^2}, \qquad
              \text{variance} = \frac{\mathrm{tr}\hat\Sigma}{|g|^2}

    both unbiased. Standard errors are those of the jackknife over repeats, in closed form.

    Args:
      estimates: independent estimates, ``[R, P]``, R >= 3.
      exact: the exact gradient, ``[P]``, not zero.

    Returns:
      The record.

    Raises:
      ValueError: the shapes do not match, or the exact gradient is zero.

    Example:
      >>> noise = np.random.default_rng(0).normal(size=(1000, 2))
      >>> quality = estimator_quality(np.array([[3.0, 4.0]]) + noise, exact=np.array([3.0, 4.0]))
      >>> round(quality.variance.value, 2)
      0.08
    """
    estimates, exact = np.asarray(estimates, np.float64), np.asarray(exact, np.float64)
    if estimates.ndim != 2 or len(estimates) < 3 or exact.shape != estimates.shape[1:]:
        raise ValueError(
            f"estimates must be [R, P] with R >= 3 and exact [P], got {list(estimates.shape)} and {list(exact.shape)}"
        )
    square_norm = float(exact @ exact)
    if square_norm == 0.0:
        raise ValueError("the exact gradient is zero: relative bias and cosine are undefined")
    num_repeats = len(estimates)
    # The sufficient quantities of each estimate: its inner products with g and with the sum, and its squared norm.
    along = estimates @ exact
    squares = np.sum(np.square(estimates), axis=1)
    total = estimates.sum(axis=0)
    with_total = estimates @ total
    norms = np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny))
    single = along / (norms * np.sqrt(square_norm))

    statistics = functools.partial(_statistics, square_norm=square_norm)
    whole = statistics(num_repeats, along.sum(), squares.sum(), total @ total, single.sum())
    left_out = statistics(
        num_repeats - 1,
        along.sum() - along,
        squares.sum() - squares,
        total @ total - 2 * with_total + squares,
        single.sum() - single,
    )
    measured = [
        Estimate(value=float(value), standard_error=_jackknife(replicates))
        for value, replicates in zip(whole, left_out, strict=True)
    ]
    return EstimatorQuality(num_repeats, *measured)


def _statistics(count, along_sum, square_sum, sum_square, single_sum, *, square_norm):
    """Computes the six fields of the record from sums over estimates; vectorised over leave-one-out sums."""
    mean_square = sum_square / count**2
    variance = (square_sum - count * mean_square) / (count - 1) / square_norm
    raw_squared_bias = (mean_square - 2 * along_sum / count) / square_norm + 1
    squared_bias = raw_squared_bias - variance / count
    norm_ratio = along_sum / count / square_norm
    mean_norm = np.sqrt(np.maximum(mean_square, np.finfo(np.float64).tiny) * square_norm)
    cosine = along_sum / count / mean_norm
    return squared_bias, variance, squared_bias + variance, norm_ratio, cosine, single_sum / count


def _jackknife(replicates: np.ndarray) -> float:
    count = len(replicates)
    return float(np.sqrt((count - 1) * np.mean(np.square(replicates - replicates.mean()))))
