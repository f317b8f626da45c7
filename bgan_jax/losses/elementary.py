r"""Functions of one real number with exact slopes.

Every closed form of this library is written as a pair, its value and its slope, because differentiating a stable value
need not give a stable slope: the derivative of ``expm1`` is evaluated by JAX as ``expm1(x) + 1``, which is 0 instead of
:math:`e^{-20}` at ``x = -20``.

Overflow: a *value* that float32 cannot hold is ``inf``; a *slope* saturates at about the largest float instead, so that
a zero cotangent (a masked example) never meets an ``inf``, and no gradient is ever NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Elementwise = Callable[[Any], jax.Array]


def with_slope(value: Elementwise, slope: Elementwise) -> Elementwise:
    """The elementwise function ``value``, differentiated (in either mode, to any order) through ``slope``."""
    function = jax.custom_jvp(value)

    @function.defjvp
    def _differentiate(primals, tangents):
        (x,), (direction,) = primals, tangents
        return function(x), slope(x) * direction

    return function


def slope_of(f: Elementwise) -> Elementwise:
    """The derivative of an elementwise function, elementwise."""

    def slope(u):
        u = jnp.asarray(u)
        return jax.jvp(f, (u,), (jnp.ones_like(u),))[1]

    return slope


def saturated_exp(x: jax.Array, *, scale: float = 1.0) -> jax.Array:
    r""":math:`\mathrm{scale} \cdot e^x`, constant from just below the largest float: finite, and so are its slopes."""
    x = jnp.asarray(x)
    limit = math.log(float(jnp.finfo(x.dtype).max) / max(scale, 1.0)) - 2e-5
    # Not jnp.minimum: its slope is a product with 0, and what comes down to it may have overflowed.
    return scale * jnp.exp(jnp.where(x > limit, limit, x))


def positive(u: jax.Array) -> jax.Array:
    """``u``, or the smallest normal float where ``u`` is less: the argument of a logarithm or a quotient."""
    u = jnp.asarray(u)
    return jnp.maximum(u, float(jnp.finfo(u.dtype).tiny))


exp = with_slope(jnp.exp, saturated_exp)
expm1 = with_slope(jnp.expm1, saturated_exp)
sigmoid = with_slope(jax.nn.sigmoid, lambda x: jax.nn.sigmoid(x) * jax.nn.sigmoid(-x))
softplus = with_slope(lambda x: jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x))), sigmoid)
u_log_u = with_slope(lambda u: u * jnp.log(positive(u)), lambda u: jnp.log(positive(u)) + 1)


def mean(x: jax.Array) -> jax.Array:
    """The mean of all entries, each divided before the sum: partial sums cannot overflow and leave ``inf - inf``."""
    return jnp.sum(x / x.size)
