r"""f-divergences, parametrised so that the discriminator's logit is a log density ratio.

For a strictly convex differentiable :math:`f` on :math:`[0, \infty)` put

.. math:: D_f(P \| Q) = E_Q[f(p/q)], \qquad f^*(t) = \sup_{u \ge 0} \{u t - f(u)\}, \qquad \nu(F) = f'(e^F).

The supremum at :math:`t = \nu(F)` is attained at :math:`u = e^F`, so for every :math:`f`

.. math:: w = (f^*)'(\nu(F)) = e^F, \qquad (f^* \circ \nu)(F) = e^F f'(e^F) - f(e^F), \qquad
          (f^* \circ \nu)'(F) = e^F \nu'(F).

An :class:`FDivergence` holds ``f`` (of a ratio ``u``), ``activation`` :math:`\nu` (of a logit ``F``), ``conjugate``
:math:`f^*` (of ``t``), and ``conjugate_of_activation`` :math:`f^* \circ \nu` (of ``F``). Outside their domains ``f``
and ``conjugate`` are ``+inf``. The closed forms, which extend Table 1 of [Hjelm]_ to rows of [Nowozin]_, with softplus
written zeta:

=================  =========================  ========================  =========  =================  ===============
name               f(u)                       f*(t)                     domain     nu(F)              f*(nu(F))
=================  =========================  ========================  =========  =================  ===============
gan                u log u - (u+1) log(u+1)   -log(1 - e^t)             t < 0      -zeta(-F)          zeta(F)
jensen_shannon     u log u - (u+1) log(½u+½)  -log(2 - e^t)             t < log 2  log 2 - zeta(-F)   zeta(F) - log 2
kl                 u log u                    e^(t-1)                   all t      F + 1              e^F
reverse_kl         -log u                     -1 - log(-t)              t < 0      -e^(-F)            F - 1
squared_hellinger  (√u - 1)²                  t / (1 - t)               t < 1      1 - e^(-F/2)       e^(F/2) - 1
pearson_chi2       (u - 1)²                   t²/4 + t; -1 for t < -2   all t      2 e^F - 2          e^(2F) - 1
neyman_chi2        (u - 1)² / u               2 - 2 √(1 - t)            t ≤ 1      1 - e^(-2F)        2 - 2 e^(-F)
jeffreys           (u - 1) log u              F + e^F - 1 at t = nu(F)  all t      F + 1 - e^(-F)     F + e^F - 1
=================  =========================  ========================  =========  =================  ===============

``jensen_shannon`` is twice the Jensen-Shannon divergence, in nats: between 0 and 2 log 2. ``gan`` is that less log 4
(f(1) = -log 4). Total variation is not here: its conjugate is linear, so its weight is 1 whatever F is.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bgan_jax.losses.elementary import (
    Elementwise,
    positive,
    saturated_exp,
    sigmoid,
    slope_of,
    softplus,
    u_log_u,
    with_slope,
)


@dataclasses.dataclass(frozen=True)
class FDivergence:
    r"""One f-divergence: four elementwise functions and a name. Immutable and hashable, so it can be a static argument.

    Attributes:
      name: name in error messages and logs.
      f: the convex function of the ratio ``u = p/q >= 0``; :math:`D_f(P \| Q) = E_Q[f(p/q)]`.
      activation: :math:`\nu(F) = f'(e^F)`, from a logit to the domain of the conjugate.
      conjugate: :math:`f^*(t)`; its slope is the importance weight.
      conjugate_of_activation: :math:`f^*(\nu(F)) = e^F f'(e^F) - f(e^F)`, computed without passing through ``t``.

    Example:
      >>> kl = DIVERGENCES["kl"]
      >>> float(kl.activation(0.0)), float(kl.conjugate(1.0)), float(kl.conjugate_of_activation(0.0))
      (1.0, 1.0, 1.0)
    """

    name: str
    f: Elementwise = dataclasses.field(repr=False)
    activation: Elementwise = dataclasses.field(repr=False)
    conjugate: Elementwise = dataclasses.field(repr=False)
    conjugate_of_activation: Elementwise = dataclasses.field(repr=False)


def _closed_form(
    name: str,
    *,
    f: Elementwise,
    activation: tuple[Elementwise, Elementwise],
    conjugate: tuple[Elementwise, Elementwise],
    conjugate_of_activation: tuple[Elementwise, Elementwise],
    domain_end: float = math.inf,
) -> FDivergence:
    """Creates a record from (value, slope) pairs. The slope of f is not needed: f'(u) is the activation at log u."""
    activate = with_slope(*activation)
    conjugate_value, conjugate_slope = conjugate

    def f_or_infinity(u):
        return jnp.where(u < 0, jnp.inf, f(jnp.maximum(u, 0.0)))

    def f_slope(u):
        slope = activate(jnp.log(positive(u)))
        largest = float(jnp.finfo(slope.dtype).max)
        return jnp.clip(slope, -largest, largest)

    def conjugate_or_infinity(t):
        return jnp.where(t > domain_end, jnp.inf, conjugate_value(jnp.minimum(t, domain_end)))

    def saturated_conjugate_slope(t):
        slope = conjugate_slope(jnp.minimum(t, domain_end))
        return jnp.minimum(slope, float(jnp.finfo(slope.dtype).max))

    return FDivergence(
        name=name,
        f=with_slope(f_or_infinity, f_slope),
        activation=activate,
        conjugate=with_slope(conjugate_or_infinity, saturated_conjugate_slope),
        conjugate_of_activation=with_slope(*conjugate_of_activation),
    )


def _negative_log1mexp(t):
    """Computes -log(1 - e^t) for t <= 0, by the one of two identities that does not cancel."""
    return jnp.where(t > -math.log(2), -jnp.log(-jnp.expm1(t)), -jnp.log1p(-jnp.exp(t)))


def _log_twice_sigmoid(x):
    """Computes log(2 sigmoid(x)) = log(1 + tanh(x/2)) = log 2 - softplus(-x); the second form is exact near 0."""
    return jnp.where(x > -1, jnp.log1p(jnp.tanh(x / 2)), math.log(2) - softplus(-x))


def _jensen_shannon_f(u):
    """Computes u log(1+d) + log(1-d) with d = (u-1)/(u+1); near 1 as (u+1)/2 [d log u + log(1-d²)], more exact."""
    d = (u - 1) / (u + 1)
    near_one = (u / 2 + 0.5) * (d * jnp.log(positive(u)) + jnp.log1p(-jnp.square(jnp.clip(d, -0.5, 0.5))))
    d = jnp.clip(d, -1 + 2.0**-24, 1 - 2.0**-24)  # changes only logarithms whose factor or sum makes them irrelevant
    return jnp.where(jnp.abs(d) < 0.5, near_one, u * jnp.log1p(d) + jnp.log1p(-d))


def _invert_jeffreys_activation(t):
    """Solves F + 1 - e^-F = t for F, which is -log W(e^(1-t)), by Newton's method.

    The left side is increasing and concave, so Newton's method from the left of the root converges monotonically. For
    t >= 0 both t/2 and t - 1 are left of the root, for t < 0 it is -log(1 - t). In the form F - expm1(-F) the residual
    is exact near 0.
    """
    t = jnp.maximum(t, -(1 - 2e-5) * float(jnp.finfo(jnp.asarray(t).dtype).max))
    logit = jnp.where(t < 0, -jnp.log1p(-jnp.minimum(t, 0.0)), jnp.maximum(t / 2, t - 1))
    for _ in range(7):
        logit = logit - (logit - jnp.expm1(-logit) - t) / (1 + jnp.exp(-logit))
    return logit


def _jeffreys_conjugate(t):
    logit = _invert_jeffreys_activation(t)
    return logit + jnp.expm1(logit)


def _gan() -> FDivergence:
    return _closed_form(
        "gan",
        f=lambda u: -u * jnp.log1p(1 / positive(u)) - jnp.log1p(u),
        activation=(lambda logit: -softplus(-logit), lambda logit: sigmoid(-logit)),
        conjugate=(_negative_log1mexp, lambda t: 1 / positive(jnp.expm1(-t))),
        conjugate_of_activation=(softplus, sigmoid),
        domain_end=0.0,
    )


def _jensen_shannon() -> FDivergence:
    return _closed_form(
        "jensen_shannon",
        f=_jensen_shannon_f,
        activation=(_log_twice_sigmoid, lambda logit: sigmoid(-logit)),
        conjugate=(
            lambda t: -jnp.log1p(jnp.maximum(-jnp.expm1(t), -1.0)),
            lambda t: jnp.exp(t) / jnp.maximum(1 - jnp.expm1(t), 0.0),
        ),
        conjugate_of_activation=(lambda logit: -_log_twice_sigmoid(-logit), sigmoid),
        domain_end=math.log(2),
    )


def _kl() -> FDivergence:
    return _closed_form(
        "kl",
        f=u_log_u,
        activation=(lambda logit: logit + 1, jnp.ones_like),
        conjugate=(lambda t: jnp.exp(t - 1), lambda t: saturated_exp(t - 1)),
        conjugate_of_activation=(jnp.exp, saturated_exp),
    )


def _reverse_kl() -> FDivergence:
    return _closed_form(
        "reverse_kl",
        f=lambda u: -jnp.log(u),
        activation=(lambda logit: -jnp.exp(-logit), lambda logit: saturated_exp(-logit)),
        conjugate=(lambda t: -1 - jnp.log(-t), lambda t: 1 / positive(-t)),
        conjugate_of_activation=(lambda logit: logit - 1, jnp.ones_like),
        domain_end=0.0,
    )


def _squared_hellinger() -> FDivergence:
    return _closed_form(
        "squared_hellinger",
        f=lambda u: jnp.square((u - 1) / (jnp.sqrt(u) + 1)),
        activation=(lambda logit: -jnp.expm1(-logit / 2), lambda logit: saturated_exp(-logit / 2, scale=0.5)),
        conjugate=(lambda t: t / (1 - t), lambda t: jnp.square(1 / (1 - t))),
        conjugate_of_activation=(lambda logit: jnp.expm1(logit / 2), lambda logit: saturated_exp(logit / 2, scale=0.5)),
        domain_end=1.0,
    )


def _pearson_chi2() -> FDivergence:
    return _closed_form(
        "pearson_chi2",
        f=lambda u: jnp.square(u - 1),
        activation=(lambda logit: 2 * jnp.expm1(logit), lambda logit: saturated_exp(logit, scale=2.0)),
        conjugate=(
            lambda t: jnp.where(t < -2, -1.0, t * (1 + jnp.maximum(t, -2.0) / 4)),
            lambda t: jnp.maximum(1 + t / 2, 0.0),
        ),
        conjugate_of_activation=(lambda logit: jnp.expm1(2 * logit), lambda logit: saturated_exp(2 * logit, scale=2.0)),
    )


def _neyman_chi2() -> FDivergence:
    return _closed_form(
        "neyman_chi2",
        f=lambda u: jnp.where(u == 0, jnp.inf, (u - 1) / positive(u) * (u - 1)),
        activation=(lambda logit: -jnp.expm1(-2 * logit), lambda logit: saturated_exp(-2 * logit, scale=2.0)),
        conjugate=(lambda t: 2 * (t / (1 + jnp.sqrt(1 - t))), lambda t: 1 / jnp.sqrt(1 - t)),
        conjugate_of_activation=(lambda logit: -2 * jnp.expm1(-logit), lambda logit: saturated_exp(-logit, scale=2.0)),
        domain_end=1.0,
    )


def _jeffreys() -> FDivergence:
    return _closed_form(
        "jeffreys",
        f=lambda u: (u - 1) * jnp.log(u),
        activation=(lambda logit: logit - jnp.expm1(-logit), lambda logit: 1 + saturated_exp(-logit)),
        conjugate=(_jeffreys_conjugate, lambda t: saturated_exp(_invert_jeffreys_activation(t))),
        conjugate_of_activation=(lambda logit: logit + jnp.expm1(logit), lambda logit: 1 + saturated_exp(logit)),
    )


DIVERGENCES: Mapping[str, FDivergence] = types.MappingProxyType(
    {
        divergence.name: divergence
        for divergence in (
            _gan(),
            _jensen_shannon(),
            _kl(),
            _reverse_kl(),
            _squared_hellinger(),
            _pearson_chi2(),
            _neyman_chi2(),
            _jeffreys(),
        )
    }
)


def as_divergence(divergence: str | FDivergence) -> FDivergence:
    """Converts a ``divergence=`` argument to a record: looks up a name in ``DIVERGENCES``, returns a record unchanged.

    Args:
      divergence: static. A name, or an ``FDivergence``.

    Returns:
      The ``FDivergence``.

    Raises:
      ValueError: the name is unknown; the message lists the legal names.

    Example:
      >>> as_divergence("kl") is DIVERGENCES["kl"]
      True
    """
    if isinstance(divergence, FDivergence):
        return divergence
    if not isinstance(divergence, str) or divergence not in DIVERGENCES:
        raise ValueError(
            f"unknown divergence {divergence!r}; legal names: {', '.join(DIVERGENCES)}; "
            "or pass an FDivergence, as alpha_divergence and divergence_from_f make them"
        )
    return DIVERGENCES[divergence]


def conjugate_slope(t: ArrayLike, *, divergence: str | FDivergence) -> jax.Array:
    r"""Computes the slope of the conjugate, the importance weight of a point with dual variable ``t``.

    .. math:: w = (f^*)'(t), \qquad (f^*)'(\nu(F)) = e^F \ \text{for every } f

    Theorem 1 of [Hjelm]_. If ``F`` is known, use ``importance_weights``, which is exact where ``t`` has lost digits.

    Args:
      t: a point of the conjugate's domain, any shape. Traced.
      divergence: static.

    Returns:
      The weight, same shape; about the largest float outside the domain, where the conjugate is ``inf``.

    Raises:
      ValueError: the divergence is unknown.

    Example:
      >>> conjugate_slope(jnp.array([-2.0, 0.0, 2.0]), divergence="pearson_chi2").tolist()
      [0.0, 1.0, 2.0]
    """
    return slope_of(as_divergence(divergence).conjugate)(jnp.asarray(t))


def alpha_divergence(alpha: float) -> FDivergence:
    r"""Creates the alpha-divergence, a family that contains most divergences of the table.

    .. math:: f(u) = \frac{u^\alpha - 1 - \alpha (u - 1)}{\alpha (\alpha - 1)}, \qquad
              \nu(F) = \frac{e^{(\alpha - 1) F} - 1}{\alpha - 1}, \qquad
              f^*(\nu(F)) = \frac{e^{\alpha F} - 1}{\alpha}

    Amari's family, as tabulated by [Nowozin]_. alpha = 1/2 is twice the squared Hellinger distance, 2 half of Pearson's
    chi-squared, -1 half of Neyman's; the limits at 1 and 0 are ``kl`` and ``reverse_kl`` (activations less 1, plus 1).
    For alpha < 1 the conjugate is ``inf`` beyond t = 1/(1-alpha); for alpha > 1 it is -1/alpha left of -1/(alpha-1).

    Args:
      alpha: finite, neither 0 nor 1. Static: equal values give the same record, so nothing is traced twice.

    Returns:
      The ``FDivergence``, with the name ``alpha(<alpha>)``.

    Raises:
      ValueError: alpha is 0, 1 or not finite.

    Example:
      >>> float(alpha_divergence(2.0).f(3.0)) == float(DIVERGENCES["pearson_chi2"].f(3.0)) / 2
      True
    """
    alpha = float(alpha)
    if not math.isfinite(alpha) or alpha in (0.0, 1.0):
        raise ValueError(f"alpha must be finite and neither 0 ('reverse_kl') nor 1 ('kl'), found {alpha}")
    return _alpha_divergence(alpha)


@functools.cache
def _alpha_divergence(alpha: float) -> FDivergence:
    beta = alpha - 1

    def f(u):
        # f = e^F E(alpha - 1) - E(alpha) with E(s) = (e^{sF} - 1)/s, in powers of F where that would cancel.
        logit = jnp.log(positive(u))
        series = jnp.zeros_like(logit)
        for power in range(9, 0, -1):
            series = (series + (beta**power - alpha**power) / math.factorial(power + 1)) * logit
        near_one = jnp.expm1(logit) * jnp.expm1(beta * logit) / beta + series * logit
        first, second = u * (jnp.expm1(beta * logit) / beta), jnp.expm1(alpha * logit) / alpha
        both_finite = jnp.isfinite(first) & jnp.isfinite(second)
        far = jnp.where(both_finite, first - jnp.where(both_finite, second, 0.0), jnp.inf)
        value = jnp.where(jnp.abs(logit) * (1 + abs(alpha)) < 0.5, near_one, far)
        return jnp.where(u == 0, 1 / alpha if alpha > 0 else jnp.inf, value)

    def expm1_over(power, logit):
        # (e^{sF} - 1) / s; for large |sF| as two factors, since e^{sF} may overflow where the quotient does not.
        root = jnp.exp(power * logit / 2)
        return jnp.where(power * logit > 40, root * (root / power), jnp.expm1(power * logit) / power)

    def log_ratio(t):
        return jnp.log1p(jnp.maximum(beta * t, -1.0)) / beta

    return _closed_form(
        f"alpha({alpha:g})",
        f=f,
        activation=(lambda logit: expm1_over(beta, logit), lambda logit: saturated_exp(beta * logit)),
        conjugate=(lambda t: jnp.expm1(alpha * log_ratio(t)) / alpha, lambda t: saturated_exp(log_ratio(t))),
        conjugate_of_activation=(
            lambda logit: expm1_over(alpha, logit),
            lambda logit: saturated_exp(alpha * logit),
        ),
        domain_end=1 / (1 - alpha) if alpha < 1 else math.inf,
    )
