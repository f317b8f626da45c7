r"""The Legendre transform :math:`f^*(t) = \sup_u \{u t - f(u)\}` of a strictly convex function, numerically.

With :math:`u = e^F` the supremum is where the increasing function :math:`\nu(F) = f'(e^F)` equals ``t``. It is found by
bisection in ``F``, which needs no starting point, and differentiated by the envelope theorem, :math:`(f^*)'(t) = u`.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from bgan_jax.losses.elementary import Elementwise, with_slope


def slope_of(f: Elementwise) -> Elementwise:
    """The derivative of an elementwise function, elementwise."""

    @functools.wraps(f)
    def slope(u):
        u = jnp.asarray(u)
        return jax.jvp(f, (u,), (jnp.ones_like(u),))[1]

    return slope


def finite_interval(functions: tuple[Elementwise, ...], *, extent: float, step: float) -> tuple[float, float]:
    """The widest interval around 0, within ``[-extent, extent]``, on whose grid every function is finite in float32."""
    with jax.ensure_compile_time_eval():
        steps = int(extent / step)
        grid = step * jnp.arange(-steps, steps + 1, dtype=jnp.float32)
        finite = jax.jit(lambda x: jnp.isfinite(jnp.stack([f(x) for f in functions])).all(axis=0))(grid).tolist()
    low = high = steps
    while low > 0 and finite[low - 1]:
        low -= 1
    while high < 2 * steps and finite[high + 1]:
        high += 1
    return step * (low - steps), step * (high - steps)


def inverse(increasing: Elementwise, *, low: float, high: float) -> Elementwise:
    """The inverse of an increasing elementwise function on ``[low, high]``; its ends where there is no solution."""

    def solve(t):
        t = jnp.asarray(t)

        def halve(_, bracket):
            below, above = bracket
            middle = 0.5 * (below + above)
            to_the_right = increasing(middle) < t
            return jnp.where(to_the_right, middle, below), jnp.where(to_the_right, above, middle)

        # Each step adds a bit: the mantissa's, and those of the interval's length.
        num_steps = jnp.finfo(t.dtype).nmant + 16
        below, above = jax.lax.fori_loop(0, num_steps, halve, (jnp.full_like(t, low), jnp.full_like(t, high)))
        return 0.5 * (below + above)

    inverted = with_slope(solve, lambda t: 1 / slope_of(increasing)(inverted(t)))
    return inverted


def conjugate(f: Elementwise, activation: Elementwise, *, low: float, high: float) -> Elementwise:
    r"""The conjugate of ``f``, given :math:`\nu(F) = f'(e^F)` on ``[low, high]``.

    Right of :math:`\nu(high)` the value is ``inf`` (outside the domain, or too large for a float). Left of
    :math:`\nu(low)` the supremum is at ``u = 0`` to rounding, where it is ``-f(0)`` when that is finite.
    """
    log_ratio = inverse(activation, low=low, high=high)

    def value(t):
        t = jnp.asarray(t)
        u = jnp.exp(log_ratio(t))
        inside = t * u - f(u)
        at_zero = jnp.fmax(inside, -f(jnp.zeros_like(t)))  # fmax: f(0) may be NaN or inf, then it says nothing
        left = jnp.where(jnp.isfinite(at_zero), at_zero, inside)
        ends = activation(jnp.full_like(t, low)), activation(jnp.full_like(t, high))
        return jnp.where(t > ends[1], jnp.inf, jnp.where(t < ends[0], left, inside))

    def slope(t):
        t = jnp.asarray(t)
        return jnp.where(t < activation(jnp.full_like(t, low)), 0.0, jnp.exp(log_ratio(t)))

    return with_slope(value, slope)
