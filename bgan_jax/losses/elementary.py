r"""Elementwise functions with numerically exact derivatives.

Every closed form of this library is a pair of a value and a slope, because the derivative of a stable value need not be
stable: JAX evaluates the derivative of ``expm1`` as ``expm1(x) + 1``, which is 0 instead of :math:`e^{-20}` at
``x = -20``.

Precision: 16-bit floats are converted to float32 first, and the results are float32; wider floats stay as they are.

Overflow: a *value* that float32 cannot represent is ``inf``; a *slope* saturates at about the largest float instead, so
that a zero cotangent (of a masked example) is never multiplied by ``inf``, and no gradient is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Elementwise = Callable[[Any], jax.Array]


def at_least_float32(x: Any) -> jax.Array:
    """Converts 16-bit floats to float32, so that nothing is computed or summed in fewer bits; other dtypes stay."""
    x = jnp.asarray(x)
    return x.astype(jnp.float32) if jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize < 4 else x


def with_slope(value: Elementwise, slope: Elementwise) -> Elementwise:
    """Returns the elementwise function ``value`` with derivative ``slope``, in either mode and to any order."""
    function = jax.custom_jvp(value)

    @function.defjvp
    def _differentiate(primals, tangents):
        (x,), (direction,) = primals, tangents
        return function(x), slope(x) * direction

    def elementwise(x: Any) -> jax.Array:
        """Computes the function of an array of at least float32, elementwise."""
        return function(at_least_float32(x))

    return elementwise


def slope_of(f: Elementwise) -> Elementwise:
    """Returns the derivative of an elementwise function as an elementwise function."""

    def slope(u):
        u = jnp.asarray(u)
        return jax.jvp(f, (u,), (jnp.ones_like(u),))[1]

    return slope


def saturated_exp(x: jax.Array, *, scale: float = 1.0) -> jax.Array:
    r"""Computes :math:`\mathrm{scale} \cdot e^x`, constant from just below the largest float: always finite."""
    x = jnp.asarray(x)
    limit = math.log(float(jnp.finfo(x.dtype).max) / max(scale, 1.0)) - 2e-5
    # Not jnp.minimum: its slope is a product of 0 and the cotangent, which may be inf.
    return scale * jnp.exp(jnp.where(x > limit, limit, x))


def positive(u: jax.Array) -> jax.Array:
    """Returns ``u``, clipped below at the smallest normal float, for logarithms and quotients."""
    u = jnp.asarray(u)
    return jnp.maximum(u, float(jnp.finfo(u.dtype).tiny))


exp = with_slope(jnp.exp, saturated_exp)
expm1 = with_slope(jnp.expm1, saturated_exp)
sigmoid = with_slope(jax.nn.sigmoid, lambda x: jax.nn.sigmoid(x) * jax.nn.sigmoid(-x))
softplus = with_slope(lambda x: jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x))), sigmoid)
u_log_u = with_slope(lambda u: u * jnp.log(positive(u)), lambda u: jnp.log(positive(u)) + 1)


def mean(x: jax.Array) -> jax.Array:
    """Computes the mean, dividing each entry before the sum, so that partial sums cannot overflow to ``inf - inf``."""
    return jnp.sum(x / x.size)
