r"""The divergence of any strictly convex f, by its numerical Legendre transform :math:`f^*(t) = \sup_u \{u t - f(u)\}`.

With :math:`u = e^F` the supremum is where the increasing function :math:`\nu(F) = f'(e^F)` equals ``t``. It is found by
bisection in ``F``, which needs no starting point, and differentiated by the envelope theorem, :math:`(f^*)'(t) = u`.

Derivatives are taken as :math:`D_k(F) = u^k f^{(k)}(u)`, which stays in the range of a float where :math:`u^{-k}`, met
by differentiating ``f`` k times, does not: already the second derivative of :math:`u \log u` passes through
:math:`u^{-2}`, which overflows at F = -44.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from bgan_jax.losses.divergences import FDivergence
from bgan_jax.losses.elementary import Elementwise, at_least_float32, slope_of, with_slope


def scaled_derivative(f: Elementwise, order: int) -> Elementwise:
    r"""Returns :math:`D_k(F) = u^k f^{(k)}(u)` at :math:`u = e^F`, with :math:`D_k' = k D_k + D_{k+1}` to any order.

    The derivatives are the coefficients of f's Taylor series along :math:`s \mapsto u + s u`, computed in Taylor
    arithmetic. Where jax has no Taylor rule for a function that f calls, they are nested forward derivatives along the
    same line, whose intermediate numbers are larger.

    Args:
      f: elementwise on u > 0. Static.
      order: k, at least 0. Static.

    Returns:
      The elementwise function of F.
    """

    def value(logit):
        u = jnp.exp(logit)
        if order == 0:
            return f(u)
        if _has_taylor_rules(f):
            from jax.experimental.jet import jet

            return jet(f, (u,), ([u] + [jnp.zeros_like(u)] * (order - 1),))[1][-1]

        def along(s, k):
            return f(u + s * u) if k == 0 else jax.jvp(lambda s: along(s, k - 1), (s,), (jnp.ones_like(u),))[1]

        return along(jnp.zeros_like(u), order)

    def slope(logit):
        return order * derivative(logit) + scaled_derivative(f, order + 1)(logit)

    derivative = with_slope(value, slope)
    return derivative


@functools.cache
def _has_taylor_rules(f: Elementwise) -> bool:
    """Returns whether jax can differentiate f in Taylor arithmetic; some of its functions have no rule."""
    try:
        from jax.experimental.jet import jet

        jax.eval_shape(lambda u: jet(f, (u,), ([u, u],)), jax.ShapeDtypeStruct((), jnp.float32))
    except Exception:  # Which kind depends on the function that has no rule; an error of f itself shows without Taylor.
        return False
    return True


def usable_interval(
    finite: tuple[Elementwise, ...], *, positive: Elementwise, extent: float, step: float
) -> tuple[float, float]:
    """Finds the widest interval around 0 in ``[-extent, extent]`` on whose grid the functions can be used in float32.

    Args:
      finite: functions that must be finite. Static.
      positive: a function that must be positive. Static.
      extent: half the length of the grid.
      step: the grid's step.

    Returns:
      The interval's ends, 0 and 0 if there is none.
    """
    with jax.ensure_compile_time_eval():
        steps = int(extent / step)
        grid = step * jnp.arange(-steps, steps + 1, dtype=jnp.float32)

        def is_usable(x):
            return jnp.isfinite(jnp.stack([f(x) for f in finite])).all(axis=0) & (positive(x) > 0)

        # Both ways, since a compiler reorders products whose parts overflow.
        usable = (jax.jit(is_usable)(grid) & is_usable(grid)).tolist()
    low = high = steps
    while low > 0 and usable[low - 1]:
        low -= 1
    while high < 2 * steps and usable[high + 1]:
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
    widest interval of F around 0 and within [-87, 87] on which ``f`` and three derivatives, times their powers of u,
    are finite in float32, and ``f`` keeps digits enough to be convex; F is clipped to it, and the conjugate is ``inf``
    right of it. Digits that ``f`` loses to cancellation are lost, as in :math:`u \log u - (u+1) \log((u+1)/2)` for
    large u: prefer the closed forms of ``DIVERGENCES``, which agree with this function where it is exact.

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
    value, first, second, third = (scaled_derivative(f, order) for order in range(4))

    def per_ratio(function):
        return lambda logit: function(logit) * jnp.exp(-logit)

    # Eight times: slopes are sums of multiples of them. The second derivative is positive unless f has lost its digits.
    finite = tuple(
        lambda logit, function=function: 8 * function(logit)
        for function in (value, first, second, third, *map(per_ratio, (first, second, third)))
    )
    low, high = usable_interval(finite, positive=second, extent=87.0, step=0.5)
    with jax.ensure_compile_time_eval():
        grid = jnp.linspace(-2, 2, 9, dtype=jnp.float32)
        curvatures = jax.jit(lambda logit: second(logit) * jnp.exp(-2 * logit))(grid).tolist()
    if low == high or not all(curvature > 0 for curvature in curvatures):
        raise ValueError(
            f"{name}: f must be finite, twice differentiable and strictly convex around u = 1 (total variation is "
            f"not); found f'' = {curvatures} for u from e^-2 to e^2"
        )

    def clipped(function):
        return lambda logit: function(jnp.clip(logit, low, high))

    def zero_outside(function):
        return lambda logit: jnp.where((logit < low) | (logit > high), 0.0, clipped(function)(logit))

    activation = with_slope(clipped(per_ratio(first)), zero_outside(per_ratio(second)))
    return FDivergence(
        name=name,
        f=lambda u: f(at_least_float32(u)),
        activation=activation,
        conjugate=conjugate(f, activation, low=low, high=high),
        conjugate_of_activation=with_slope(clipped(lambda logit: first(logit) - value(logit)), zero_outside(second)),
    )
