r"""Importance weights of generated points, computed in log space: the logit F is the log weight.

The re-weighted generator is :math:`\tilde p(x) = w(x) q(x) / \beta` with :math:`w = e^F` and :math:`\beta = E_Q[w]`; at
:math:`F = \log p/q` it is the data distribution (Theorem 1 of [Hjelm]_).
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bgan_jax.losses import shapes
from bgan_jax.losses.elementary import exp, expm1

Axis = int | tuple[int, ...]


def importance_weights(fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the importance weight of each point.

    .. math:: w(x) = (f^*)'(\nu(F(x))) = e^{F(x)} \quad \text{for every f-divergence}

    Theorem 1 and Table 1 of [Hjelm]_ (whose Jensen-Shannon row has a wrong sign in the middle column). ``inf`` for
    F > 88.7 in float32; ``normalized_importance_weights`` are always finite.

    Args:
      fake_logits: F, any shape. Traced.

    Returns:
      The weights, same shape, no unit.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> importance_weights(jnp.array([0.0, -200.0])).tolist()
      [1.0, 0.0]
    """
    return exp(shapes.floating("fake_logits", fake_logits))


def normalized_importance_weights(fake_logits: ArrayLike, *, axis: Axis = 0) -> jax.Array:
    r"""Computes self-normalised weights, the softmax of the logits over the samples.

    .. math:: \tilde w_m = \frac{w_m}{\sum_{m'} w_{m'}} = \mathrm{softmax}_m F(x_m)

    Algorithm 1 of [Hjelm]_, with one softmax per latent over its own M samples. A constant added to F does not change
    them, so the normaliser of F does not matter. As an estimate of w/beta their bias is O(1/M); with M = 1 the weight
    is 1.

    Args:
      fake_logits: F, any shape, ``[M, N]`` for M samples of N latents. Traced.
      axis: the axis (or axes) of the samples. Static.

    Returns:
      Non-negative weights that sum to 1 over ``axis``, same shape.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> normalized_importance_weights(jnp.log(jnp.array([[1.0], [3.0]]))).round(4).tolist()
      [[0.25], [0.75]]
    """
    return jax.nn.softmax(shapes.floating("fake_logits", fake_logits), axis=axis)


def log_partition(
    fake_logits: ArrayLike, *, axis: Axis = 0, axis_name: str | tuple[str, ...] | None = None
) -> jax.Array:
    r"""Computes the logarithm of the mean weight, the estimate of the normaliser.

    .. math:: \log \hat\beta = \log \frac{1}{M} \sum_m e^{F(x_m)}

    Over the samples of one latent this is :math:`\log \hat\alpha(z)` of [Hjelm]_, over a whole batch :math:`\log
    \hat\beta`. Zero at the optimal F (in expectation of :math:`\hat\beta`); biased down by Jensen's inequality
    otherwise. Its gradient is the softmax. With ``axis_name`` the mean is over all devices' entries, and the result
    is the same on each of them; differentiating through it then sums the cotangents of all devices, as through any
    ``psum``.

    Args:
      fake_logits: F, any shape. Traced.
      axis: the axis (or axes) to average over. Static.
      axis_name: the mapped axis (or axes) of ``pmap``, ``shard_map`` or ``vmap`` to average over as well. Static.

    Returns:
      The log-partition in nats, the shape of the logits without ``axis``.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> float(log_partition(jnp.full((5,), 3.0)))
      3.0
    """
    fake_logits = shapes.floating("fake_logits", fake_logits)
    largest = jnp.max(jax.lax.stop_gradient(fake_logits), axis=axis, keepdims=True)
    if axis_name is not None:
        largest = jax.lax.pmax(largest, axis_name)
    excess = fake_logits - largest
    sums = jnp.sum(exp(excess), axis=axis), jnp.sum(expm1(excess), axis=axis)
    count = fake_logits.size // sums[0].size
    if axis_name is not None:
        sums = jax.lax.psum(sums, axis_name)
        count = count * jax.lax.psum(1, axis_name)
    ratio, ratio_less_one = (total / count for total in sums)
    # log1p for logits that are nearly equal, log otherwise; both arguments are valid also where they are not selected.
    nearly_equal = ratio > 0.5
    log_ratio = jnp.where(
        nearly_equal,
        jnp.log1p(jnp.where(nearly_equal, ratio_less_one, 0.0)),
        jnp.log(jnp.where(nearly_equal, 1.0, ratio)),
    )
    return log_ratio + jnp.reshape(largest, log_ratio.shape)


def effective_sample_size(fake_logits: ArrayLike, *, axis: Axis = 0) -> jax.Array:
    r"""Computes the effective sample size: the number of equally weighted samples with the same variance.

    .. math:: \mathrm{ESS} = \frac{(\sum_m w_m)^2}{\sum_m w_m^2} = \frac{1}{\sum_m \tilde w_m^2} \in [1, M]

    Kong (1992); see chapter 9 of [Owen]_. Evaluated from logits minus their maximum, so it neither overflows nor
    underflows.

    Args:
      fake_logits: F, any shape, ``[M, N]`` for M samples of N latents. Traced.
      axis: the axis (or axes) of the samples. Static.

    Returns:
      A number of samples between 1 and M, the shape of the logits without ``axis``.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> effective_sample_size(jnp.array([[0.0, 0.0], [0.0, -1e30]])).tolist()
      [2.0, 1.0]
    """
    fake_logits = shapes.floating("fake_logits", fake_logits)
    relative = jnp.exp(fake_logits - jnp.max(jax.lax.stop_gradient(fake_logits), axis=axis, keepdims=True))
    size = jnp.square(jnp.sum(relative, axis=axis)) / jnp.sum(jnp.square(relative), axis=axis)
    return jnp.clip(size, 1.0, float(math.prod(fake_logits.shape) // size.size))
