r"""The linear part of F as a control variate of any estimator of the generator's gradient.

With the linear part ``l`` (``linear_part.py``), its contribution to a gradient is known exactly,

.. math:: E\Big[\sum_m (l_{mn} - \bar l_n) \, t(x_{mn})\Big] = (M - 1) \, \mathrm{Cov}_g(t) \, a_n,

so for any constant b the coefficients :math:`c_{mn} - b (l_{mn} - \bar l_n)` together with
:math:`b (M - 1) \mathrm{Cov}_g(t) a_n` have the expected gradient of the coefficients c, and a lower variance where c
and l are correlated. For the library's form of the same, see ``losses.controlled_importance_weighted_loss``.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bgan_jax.algorithms.estimators import CoefficientSums, Context
from bgan_jax.algorithms.importance_sums import ScoredSamples, per_latent


def with_control_variate(
    coefficient_sums: CoefficientSums,
    scored: ScoredSamples,
    context: Context,
    *,
    coefficient: ArrayLike | None = None,
) -> tuple[CoefficientSums, dict[str, jax.Array]]:
    r"""Computes an estimator's sums with the linear part of F as its control variate.

    By default b is the regression, within latents and over the whole batch, of the coefficients on l,

    .. math:: b = \frac{\sum_{m, n} c_{mn} (l_{mn} - \bar l_n)}{\sum_{m, n} (l_{mn} - \bar l_n)^2}.

    Its dependence on the samples adds a bias of O(1/(MN)). All sums over m are inner products of the slope with sums
    that the streamed pass keeps already, but for one, :math:`\sum_m l_{mn} t(x_{mn})`.

    Args:
      coefficient_sums: the estimator's two sums.
      scored: the sums over the samples. Where they were scored without the linear part of F, nothing changes.
      context: M, and the device axis, over which b is fitted.
      coefficient: b M; fitted where ``None``.

    Returns:
      The two sums with the control variate; and metrics: ``control_coefficient``, b M, which is near 1 where F is
      flat; ``linear_correlation``, of F with its linear part within latents.
    """
    linear = scored.linear
    if linear is None or scored.linear_statistics is None:
        return coefficient_sums, {}
    ndim = scored.log_partition.ndim

    def along_slope(statistics: jax.Array, total: jax.Array) -> jax.Array:
        """Computes sum_m c_m l_m from sum_m c_m t(x_m) and sum_m c_m: l is linear in t(x)."""
        centred = statistics - per_latent(total, linear.mean) * linear.mean
        return jnp.sum(linear.slope * centred, axis=tuple(range(ndim, centred.ndim)))

    one = jnp.ones_like(scored.log_ratio_mean)
    linear_mean = along_slope(scored.mean_statistics, one)
    # 1/M sum_m (l_m - mean l) t(x_m), whose coefficients sum to 0.
    control = scored.linear_statistics - per_latent(linear_mean, linear.mean) * scored.mean_statistics
    variance = along_slope(control, jnp.zeros_like(one))
    covariance = along_slope(*coefficient_sums) - linear_mean * coefficient_sums.total
    log_ratio_covariance = (
        along_slope(scored.log_ratio_statistics, scored.log_ratio_mean) - linear_mean * scored.log_ratio_mean
    )
    log_ratio_variance = scored.log_ratio_square_mean - jnp.square(scored.log_ratio_mean)
    sums = jax.tree.map(jnp.sum, (covariance, variance, log_ratio_covariance, log_ratio_variance))
    if context.axis_name is not None:
        sums = jax.lax.psum(sums, context.axis_name)
    covariance, variance, log_ratio_covariance, log_ratio_variance = sums
    # b M; the sums above are means over m, of all but the coefficients.
    if coefficient is None:
        coefficient = _ratio(covariance, variance)
    # M - 1 of M, and all of it where the mean over the samples is exact.
    share = 1.0 if context.num_samples is None else 1.0 - 1.0 / context.num_samples
    expected = share * linear.covariance_product
    metrics = {
        "control_coefficient": jnp.asarray(coefficient),
        "linear_correlation": _ratio(log_ratio_covariance, jnp.sqrt(jnp.maximum(log_ratio_variance * variance, 0.0))),
    }
    return coefficient_sums._replace(
        statistics=coefficient_sums.statistics - coefficient * (control - expected)
    ), metrics


def _ratio(numerator: jax.Array, denominator: jax.Array) -> jax.Array:
    """Computes the ratio of two sums; 0 where the denominator is 0, as where F is constant."""
    return jnp.where(denominator > 0, numerator / jnp.where(denominator > 0, denominator, 1.0), 0.0)
