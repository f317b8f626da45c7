r"""The divergence of any strictly convex f, by its numerical Legendre transform :math:`f^*(t) = \sup_u \{u t - f(u)\}`.

With :math:`u = e^F` the supremum is where the increasing function :math:`\nu(F) = f'(e^F)` equals ``t``. It is found by
bisection in ``F``, which needs no starting point, and differentiated by the envelope theorem, :math:`(f^*)'(t) = u`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from bgan_jax.losses.divergences import FDivergence
from bgan_jax.losses.elementary import Elementwise, slope_of, with_slope


def finite_interval(functions: tuple[Elementwise, ...], *, extent: float, step: float) -> tuple[float, float]:
    """Finds the widest interval around 0 in ``[-extent, extent]`` on whose grid every function is finite in float32."""
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
    """Inverts an increasing elementwise function on ``[low, high]``; without a solution the result is an end of it."""

    def solve(t):
        t = jnp.asarray(t)

        def halve(_, bracket):
            below, above = bracket
            middle = 0.5 * (below + above)
            to_the_right = increasing(middle) < t
            return jnp.where(to_the_right, middle, below), jnp.where(to_the_right, above, middle)

        # Each step adds one bit: those of the mantissa and those of the interval's length.
        num_steps = jnp.finfo(t.dtype).nmant + 16
        below, above = jax.lax.fori_loop(0, num_steps, halve, (jnp.full_like(t, low), jnp.full_like(t, high)))
        return 0.5 * (below + above)

    inverted = with_slope(solve, lambda t: 1 / slope_of(increasing)(inverted(t)))
    return inverted


def conjugate(f: Elementwise, activation: Elementwise, *, low: float, high: float) -> Elementwise:
    r"""Returns the conjugate of ``f``, given :math:`\nu(F) = f'(e^F)` on ``[low, high]``.

    Right of :math:`\nu(high)` the value is ``inf`` (outside the domain, or too large for a float). Left of
    :math:`\nu(low)` the supremum is at ``u = 0`` to rounding, where it is ``-f(0)`` when that is finite.
    """
    log_ratio = inverse(activation, low=low, high=high)

    def value(t):
        t = jnp.asarray(t)
        u = jnp.exp(log_ratio(t))
        inside = t * u - f(u)
        at_zero = jnp.fmax(inside, -f(jnp.zeros_like(t)))  # fmax ignores f(0) if it is NaN or inf
        left = jnp.where(jnp.isfinite(at_zero), at_zero, inside)
        ends = activation(jnp.full_like(t, low)), activation(jnp.full_like(t, high))
        return jnp.where(t > ends[1], jnp.inf, jnp.where(t < ends[0], left, inside))

    def slope(t):
        t = jnp.asarray(t)
        return jnp.where(t < activation(jnp.full_like(t, low)), 0.0, jnp.exp(log_ratio(t)))

    return with_slope(value, slope)


def divergence_from_f(f: Callable[[jax.Array], jax.Array], *, name: str) -> FDivergence:
    r"""Creates the divergence of any strictly convex function by automatic differentiation.

    .. math:: \nu(F) = f'(e^F), \qquad (f^* \circ \nu)(F) = e^F f'(e^F) - f(e^F), \qquad
              f^*(t) = u t - f(u) \ \text{at}\ f'(u) = t

    The conjugate solves :math:`f'(u) = t` by bisection in log u and has slope u. All functions are evaluated on the
    widest interval of F around 0 and within [-87, 87] on which ``f`` and two derivatives are finite in float32; F is
    clipped to it, and the conjugate is ``inf`` right of it. Digits that ``f`` loses to cancellation are lost: prefer
    the closed forms of ``DIVERGENCES``, which agree with this function.

    Args:
      f: elementwise, twice differentiable, strictly convex on u > 0. With f(1) = 0 it is zero at P = Q. Static.
      name: name in error messages and logs. Static.

    Returns:
      The ``FDivergence``. Create it once: a static argument is compared by identity, and a second one is traced again.

    Raises:
      ValueError: ``f`` or its derivatives are not finite at u = 1, or f'' is not positive around it.

    Example:
      >>> kl = divergence_from_f(lambda u: u * jnp.log(u), name="kl by autodiff")
      >>> [round(float(g(0.5)), 4) for g in (kl.activation, kl.conjugate, kl.conjugate_of_activation)]
      [1.5, 0.6065, 1.6487]
    """
    slope = slope_of(f)
    curvature = slope_of(slope)

    def unclipped_value(logit):
        u = jnp.exp(logit)
        return u * slope(u) - f(u)

    def unclipped_slope(logit):
        u = jnp.exp(logit)
        return u * (u * curvature(u))

    low, high = finite_interval((unclipped_value, unclipped_slope), extent=87.0, step=0.5)
    with jax.ensure_compile_time_eval():
        curvatures = jax.jit(lambda x: curvature(jnp.exp(x)))(jnp.linspace(-2, 2, 9, dtype=jnp.float32)).tolist()
    if low == high or not all(value > 0 for value in curvatures):
        raise ValueError(
            f"{name}: f must be finite, twice differentiable and strictly convex around u = 1 (total variation is "
            f"not); found f'' = {curvatures} for u from e^-2 to e^2"
        )

    def inside(logit):
        return jnp.clip(logit, low, high)

    def activation_slope(logit):
        u = jnp.exp(inside(logit))
        return jnp.where((logit < low) | (logit > high), 0.0, u * curvature(u))

    activation = with_slope(lambda logit: slope(jnp.exp(inside(logit))), activation_slope)
    return FDivergence(
        name=name,
        f=f,
        activation=activation,
        conjugate=conjugate(f, activation, low=low, high=high),
        conjugate_of_activation=with_slope(
            lambda logit: unclipped_value(inside(logit)),
            lambda logit: jnp.where((logit < low) | (logit > high), 0.0, unclipped_slope(inside(logit))),
        ),
    )
