r"""Penalties on the input gradient of the discriminator, and the table of them by name.

``log_ratio_fn`` (``critic_fn``) maps ``[N, ...]`` to ``[N]``, one F per example, and must treat examples
independently: gradients are taken of the sum over the batch, so a batch norm that mixes examples would mix their
gradients. :math:`\|\nabla_x F\|` is over all data dims, whatever their rank. The function is called with points of
their own dtype; norms and means are computed in at least float32. Penalties are scalars *without* their coefficient.
``PENALTIES`` names them:

==================  ====================================  ===================================  ================
name                function                              scalar                               add to the loss
==================  ====================================  ===================================  ================
``gradient_norm``   ``gradient_norm_penalty``             Omega, density-weighted squared      gamma/2 times it
                                                          norms
``unweighted``      ``unweighted_gradient_norm_penalty``  E_P ‖∇F‖² + E_Q ‖∇F‖²                gamma/2 times it
``r1``              ``r1_penalty``                        E_P ‖∇F‖²                            gamma/2 times it
``wgan_gp``         ``gradient_penalty``                  E (‖∇F‖ - 1)² between data and       gamma times it
                                                          generated points
==================  ====================================  ===================================  ================

Sources, by arXiv number: ``gradient_norm`` Roth et al. 2017, 1705.09367; ``unweighted`` the code of Hjelm et al. 2018;
``r1`` Mescheder et al. 2018, 1801.04406; ``wgan_gp`` Gulrajani et al. 2017, 1704.00028.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bgan_jax.losses import shapes
from bgan_jax.losses.divergences import DIVERGENCES, FDivergence, as_divergence
from bgan_jax.losses.elementary import at_least_float32, mean, sigmoid, slope_of

LogRatioFn = Callable[[jax.Array], jax.Array]


def _logits_and_gradients(name: str, function: LogRatioFn, points: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Computes F ``[N]`` and its gradient with respect to the input, flattened to ``[N, D]``; both at least float32."""
    logits, vjp = jax.vjp(function, points)
    if logits.shape != points.shape[:1]:
        raise ValueError(
            f"{name} must map {points.shape} to one number per example {points.shape[:1]}, found {logits.shape}"
        )
    (gradients,) = vjp(jnp.ones_like(logits))
    return at_least_float32(logits), at_least_float32(gradients.reshape(points.shape[0], -1))


def _of_both(
    function: LogRatioFn, *, real: jax.Array, fake: jax.Array, one_pass: bool
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    """Computes F and its gradients at real and at fake points, in one pass or in two."""
    if not one_pass:
        at_real = _logits_and_gradients("log_ratio_fn", function, real)
        return at_real, _logits_and_gradients("log_ratio_fn", function, fake)
    logits, gradients = _logits_and_gradients("log_ratio_fn", function, jnp.concatenate([real, fake]))
    return (logits[: len(real)], gradients[: len(real)]), (logits[len(real) :], gradients[len(real) :])


def _squared_norms(gradients: jax.Array) -> jax.Array:
    """Computes the squared norm per example, saturating at a quarter of the largest float.

    So a weight of 0 never meets an inf, not even where the compiler moves the weight's constant factor over here.
    """
    return jnp.minimum(jnp.sum(jnp.square(gradients), axis=1), float(jnp.finfo(gradients.dtype).max) / 4)


def _norms(gradients: jax.Array) -> jax.Array:
    """Computes the norm per example, scaled by its largest entry against overflow; at 0 its slope is 0, not NaN."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(gradients), axis=1))
    scale = jnp.where(largest > 0, largest, 1.0)
    squared = jnp.sum(jnp.square(gradients / scale[:, None]), axis=1)
    return scale * jnp.where(largest > 0, jnp.sqrt(jnp.where(largest > 0, squared, 1.0)), 0.0)


def gradient_norm_penalty(
    log_ratio_fn: LogRatioFn,
    *,
    real: ArrayLike,
    fake: ArrayLike,
    divergence: str | FDivergence,
    one_pass: bool = False,
) -> jax.Array:
    r"""Computes the density-weighted gradient-norm penalty of Roth et al., Omega in d_loss += (gamma/2) Omega.

    .. math::

       \Omega = E_P[(1 - \sigma(F))^2 \|\nabla_x F\|^2] + E_Q[\sigma(F)^2 \|\nabla_x F\|^2]
          \quad \text{(gan, jensen\_shannon)}

       \Omega = E_Q[(f^*)''(\nu(F)) \, \|\nabla_x \nu(F)\|^2] = E_Q[e^F \nu'(F) \|\nabla_x F\|^2]
          \quad \text{(any other)}

    [Roth]_: to first order what noise of variance gamma on the inputs does to the bound. The second form is the general
    one; for ``gan`` and ``jensen_shannon`` its weight is sigmoid(F), and the first, their practical form, equals it at
    the optimal F and also sees the data. The weight :math:`e^F \nu'(F) = (f^* \circ \nu)'(F)` is

    - kl :math:`e^F`; reverse_kl 1; squared_hellinger :math:`e^{F/2}/2`; pearson_chi2 :math:`2 e^{2F}`;
    - neyman_chi2 :math:`2 e^{-F}`; jeffreys :math:`1 + e^F`; alpha :math:`e^{\alpha F}`.

    All but that of reverse_kl explode with F (or -F); ``unweighted_gradient_norm_penalty`` does not. As in Roth's code
    the weight is differentiated with the rest. Omega is never NaN for finite F and finite input gradients; once it
    overflows, so does what is handed back to ``log_ratio_fn``.

    The coefficient of the authors of [Hjelm]_ multiplies half of Omega too: their 5.0 (discrete) or 1.0 (images) is
    gamma. For discrete data their ``fake`` is the generator's probabilities, not samples.

    Args:
      log_ratio_fn: F, ``[N, ...] -> [N]``, examples independent. Static.
      real: data, ``[N, ...]``, floats. Traced.
      fake: generated points, ``[N', ...]``, floats. Traced.
      divergence: a name of ``DIVERGENCES`` or an ``FDivergence``. Static. The first form is for the two named records
        only.
      one_pass: whether real and fake points pass through ``log_ratio_fn`` as one batch, real points first; the same up
        to rounding, and faster. Static.

    Returns:
      Omega, a scalar, without its gamma/2.

    Raises:
      ValueError: the divergence is unknown; the points are not floats or their data dims differ; F is not ``[N]``.

    Example:
      >>> points = jnp.array([[1.0, 2.0], [3.0, 4.0]])
      >>> float(gradient_norm_penalty(lambda x: 2 * x[:, 0], real=points, fake=points, divergence="reverse_kl"))
      4.0
    """
    divergence = as_divergence(divergence)
    real, fake = shapes.examples(real=real, fake=fake)
    if divergence in (DIVERGENCES["gan"], DIVERGENCES["jensen_shannon"]):
        (real_logits, real_gradients), (fake_logits, fake_gradients) = _of_both(
            log_ratio_fn, real=real, fake=fake, one_pass=one_pass
        )
        real_term = mean(jnp.square(sigmoid(-real_logits)) * _squared_norms(real_gradients))
        return real_term + mean(jnp.square(sigmoid(fake_logits)) * _squared_norms(fake_gradients))
    fake_logits, fake_gradients = _logits_and_gradients("log_ratio_fn", log_ratio_fn, fake)
    weights = slope_of(divergence.conjugate_of_activation)(fake_logits)
    return mean(weights * _squared_norms(fake_gradients))


def unweighted_gradient_norm_penalty(
    log_ratio_fn: LogRatioFn, *, real: ArrayLike, fake: ArrayLike, one_pass: bool = False
) -> jax.Array:
    r"""Computes the gradient-norm penalty without weights.

    .. math:: \Omega = E_P[\|\nabla_x F\|^2] + E_Q[\|\nabla_x F\|^2]

    What the authors of [Hjelm]_ use, as (gamma/2) Omega with gamma = 5.0, for every divergence but ``gan`` and
    ``jensen_shannon``. No weight, so nothing explodes when F does.

    Args:
      log_ratio_fn: F, ``[N, ...] -> [N]``, examples independent. Static.
      real: data, ``[N, ...]``, floats. Traced.
      fake: generated points, ``[N', ...]``, floats. Traced.
      one_pass: whether real and fake points pass through ``log_ratio_fn`` as one batch, real points first; the same up
        to rounding, and faster. Static.

    Returns:
      Omega, a scalar, without its gamma/2.

    Raises:
      ValueError: the points are not floats or their data dims differ; F is not ``[N]``.

    Example:
      >>> points = jnp.array([[1.0, 2.0], [3.0, 4.0]])
      >>> float(unweighted_gradient_norm_penalty(lambda x: 2 * x[:, 0], real=points, fake=points))
      8.0
    """
    real, fake = shapes.examples(real=real, fake=fake)
    (_, real_gradients), (_, fake_gradients) = _of_both(log_ratio_fn, real=real, fake=fake, one_pass=one_pass)
    return mean(_squared_norms(real_gradients)) + mean(_squared_norms(fake_gradients))


def r1_penalty(log_ratio_fn: LogRatioFn, *, real: ArrayLike) -> jax.Array:
    r"""Computes the R1 penalty: the squared gradient norm on data only.

    .. math:: R_1 = E_P[\|\nabla_x F\|^2]

    [Mescheder]_, without the gamma/2 that is printed before it.

    Args:
      log_ratio_fn: F, ``[N, ...] -> [N]``, examples independent. Static.
      real: data, ``[N, ...]``, floats. Traced.

    Returns:
      The penalty, a scalar, without its gamma/2.

    Raises:
      ValueError: the points are not floats; F is not ``[N]``.

    Example:
      >>> float(r1_penalty(lambda x: 3 * x, real=jnp.array([1.0, 2.0])))
      9.0
    """
    (real,) = shapes.examples(real=real)
    return mean(_squared_norms(_logits_and_gradients("log_ratio_fn", log_ratio_fn, real)[1]))


def gradient_penalty(critic_fn: LogRatioFn, key: jax.Array, *, real: ArrayLike, fake: ArrayLike) -> jax.Array:
    r"""Computes the WGAN-GP penalty: the critic's gradient should have norm one between data and generated points.

    .. math:: E_{\hat x}[(\|\nabla_{\hat x} F(\hat x)\|_2 - 1)^2], \qquad
              \hat x = \epsilon x + (1 - \epsilon) \tilde x, \quad \epsilon \sim U[0, 1) \ \text{per example}

    [Gulrajani]_, there with lambda = 10. The norm is over all data dims of one example. Where the gradient is exactly
    zero the norm's slope is taken as zero.

    Args:
      critic_fn: F, ``[N, ...] -> [N]``, examples independent. Static.
      key: one PRNG key; or typed keys ``[N]``, one per example, so that the draw does not depend on the batching.
        Traced.
      real: data x, ``[N, ...]``, floats. Traced.
      fake: generated points, the same shape. Traced.

    Returns:
      The penalty, a scalar, without its lambda.

    Raises:
      ValueError: the shapes differ, or the points are not floats; F is not ``[N]``; keys are neither one nor N.

    Example:
      >>> points = jnp.array([[1.0, 2.0], [3.0, 4.0]])
      >>> float(gradient_penalty(lambda x: 3 * x[:, 0], jax.random.key(0), real=points, fake=-points))
      4.0
    """
    real, fake = shapes.examples(real=real, fake=fake)
    if real.shape != fake.shape:
        raise ValueError(
            f"real and fake must have one shape, to be mixed in pairs; found {real.shape} and {fake.shape}"
        )
    num_examples, dtype = real.shape[0], at_least_float32(real).dtype
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.ndim > 0:
        if key.shape != (num_examples,):
            raise ValueError(f"key must be one key or one per example, shape ({num_examples},), found {key.shape}")
        mixing = jax.vmap(lambda example_key: jax.random.uniform(example_key, dtype=dtype))(key)
    else:
        mixing = jax.random.uniform(key, (num_examples,), dtype=dtype)
    mixing = mixing.reshape((num_examples,) + (1,) * (real.ndim - 1))
    points = (mixing * at_least_float32(real) + (1 - mixing) * at_least_float32(fake)).astype(real.dtype)
    _, gradients = _logits_and_gradients("critic_fn", critic_fn, points)
    return mean(jnp.square(_norms(gradients) - 1))


class Penalty(NamedTuple):
    """A penalty by name, with one signature for all; static.

    Attributes:
      function: ``(log_ratio_fn, key, *, real, fake, divergence, one_pass=False) -> scalar``, float32. ``key`` is one
        PRNG key or one per example, as in :func:`gradient_penalty`; arguments that a penalty does not need are ignored.
      factor: what multiplies gamma times the penalty in the discriminator's loss.
      needs_divergence: whether the penalty is only defined where a divergence trains F.

    Example:
      >>> points, record = jnp.array([1.0, 2.0]), PENALTIES["r1"]
      >>> float(record.function(lambda x: 3 * x, jax.random.key(0), real=points, fake=points, divergence="gan"))
      9.0
    """

    function: Callable[..., jax.Array]
    factor: float
    needs_divergence: bool = False


def _taking(penalty_fn: Callable[..., jax.Array], *names: str) -> Callable[..., jax.Array]:
    """Adapts a penalty to the signature of all: it is given the arguments that it takes, by their names."""

    def function(
        log_ratio_fn: LogRatioFn,
        key: jax.Array,
        *,
        real: ArrayLike,
        fake: ArrayLike,
        divergence: str | FDivergence,
        one_pass: bool = False,
    ) -> jax.Array:
        given = {"key": key, "real": real, "fake": fake, "divergence": divergence, "one_pass": one_pass}
        return penalty_fn(log_ratio_fn, **{name: given[name] for name in names})

    return function


PENALTIES: Mapping[str, Penalty] = types.MappingProxyType(
    {
        "gradient_norm": Penalty(
            _taking(gradient_norm_penalty, "real", "fake", "divergence", "one_pass"), factor=0.5, needs_divergence=True
        ),
        "unweighted": Penalty(_taking(unweighted_gradient_norm_penalty, "real", "fake", "one_pass"), factor=0.5),
        "r1": Penalty(_taking(r1_penalty, "real"), factor=0.5),
        "wgan_gp": Penalty(_taking(gradient_penalty, "key", "real", "fake"), factor=1.0),
    }
)
