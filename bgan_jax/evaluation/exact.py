r"""Divergences and generator gradients by enumeration: the exact values of what estimators estimate.

The model is a mixture over finitely many latents, :math:`q(x) = \sum_z h(z)\, g(x|z)`, and all states are listed, so
nothing here is random. Shapes: ``S`` states, ``Z`` latents. All functions are differentiable with respect to the
conditionals' log-probabilities, hence to the parameters of the generator.

=======================================================  ==========================
quantity                                                 function
=======================================================  ==========================
log g(x|z) of every state                                ``conditional_log_probs``
log q(x)                                                 ``marginal_log_probs``
F*(x) = log p(x) - log q(x)                              ``optimal_log_ratio``
D_f(P || Q)                                              ``exact_divergence``
V_f(F), the bound at any F                               ``exact_bound``
log alpha(z) = log E_g[e^F | z]                          ``conditional_log_partitions``
log p~(x|z) = log g(x|z) + F(x) - log alpha(z)           ``conditional_target``
E_h KL(p~(x|z) || g(x|z)), minimised by BGAN             ``conditional_kl``
KL(p~ || q), minimised by the whole-batch weights        ``marginal_kl``
E_h KL(g(x|z) || p~(x|z)), minimised by REINFORCE        ``conditional_reverse_kl``
KL(q || p~)                                              ``marginal_reverse_kl``
=======================================================  ==========================

The four KL functions return the divergence and treat the reweighted target p~ as a constant, as the algorithms do:
their *gradients* are the exact values of what the estimators estimate.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bgan_jax.conditionals import Conditional
from bgan_jax.losses import FDivergence
from bgan_jax.losses.divergences import as_divergence

# With e^80 the square in a chi-squared term of a rare state does not overflow float32.
MAX_LOG_RATIO = 80.0


def conditional_log_probs(conditional: Conditional, states: ArrayLike, logits: jax.Array) -> jax.Array:
    """Computes log g(x|z) of every state and every latent by one matrix product.

    Args:
      conditional: the family. Static.
      states: every state as integers, ``[S, ...]``.
      logits: the generator's output for every latent, ``[Z, ...]``. Differentiated.

    Returns:
      Nats, ``[Z, S]``.

    Example:
      >>> from bgan_jax.conditionals import product_bernoulli
      >>> states = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
      >>> log_g = conditional_log_probs(product_bernoulli(event_ndims=1), states, jnp.zeros((3, 2)))
      >>> log_g.shape, float(jnp.exp(log_g).sum(axis=1)[0])
      ((3, 4), 1.0)
    """
    statistics = conditional.statistics(jnp.asarray(states))
    flat_statistics = statistics.reshape(statistics.shape[0], -1).astype(logits.dtype)
    flat_logits = logits.reshape(logits.shape[0], -1)
    inner_products = jnp.matmul(flat_logits, flat_statistics.T, precision="highest")
    return inner_products - conditional.log_normalizer(logits)[:, None]


def marginal_log_probs(conditional_log_probs: jax.Array, *, latent_log_probs: jax.Array) -> jax.Array:
    r"""Computes the log-probabilities of the mixture, log q(x) with :math:`q(x) = \sum_z h(z) g(x|z)`.

    Args:
      conditional_log_probs: log g(x|z), ``[Z, S]``. Differentiated.
      latent_log_probs: log h(z), ``[Z]``.

    Returns:
      Nats, ``[S]``.

    Example:
      >>> log_g = jnp.log(jnp.array([[0.5, 0.5], [0.1, 0.9]]))
      >>> jnp.exp(marginal_log_probs(log_g, latent_log_probs=jnp.log(jnp.array([0.5, 0.5])))).tolist()
      [0.3, 0.7]
    """
    return jax.nn.logsumexp(conditional_log_probs + latent_log_probs[:, None], axis=0)


def optimal_log_ratio(*, target_log_probs: ArrayLike, model_log_probs: ArrayLike) -> jax.Array:
    """Computes F*(x) = log p(x) - log q(x), the output of the optimal discriminator for every divergence.

    Args:
      target_log_probs: log p, ``[S]``; ``-inf`` where p is zero.
      model_log_probs: log q, ``[S]``, finite.

    Returns:
      Nats, ``[S]``.

    Example:
      >>> optimal_log_ratio(target_log_probs=jnp.zeros(1), model_log_probs=jnp.full(1, -2.0)).tolist()
      [2.0]
    """
    return jnp.asarray(target_log_probs) - jnp.asarray(model_log_probs)


def exact_divergence(
    *, target_log_probs: ArrayLike, model_log_probs: ArrayLike, divergence: str | FDivergence
) -> jax.Array:
    r"""Computes the divergence exactly, :math:`D_f(P \| Q) = \sum_x q(x) f(p(x)/q(x))`.

    Where p > q the term is computed as :math:`p\, f(u)/u`, so that a state with almost no probability under the model
    still counts. Ratios above e^80 count as e^80.

    Args:
      target_log_probs: log p, ``[S]``; ``-inf`` where p is zero.
      model_log_probs: log q, ``[S]``, finite. Differentiated.
      divergence: a name of ``DIVERGENCES``, or an ``FDivergence``. Static.

    Returns:
      Scalar, in nats where the divergence has a unit; ``inf`` where it is infinite.

    Raises:
      ValueError: the divergence is unknown.

    Example:
      >>> p, q = jnp.log(jnp.array([0.5, 0.3, 0.2])), jnp.log(jnp.array([0.1, 0.6, 0.3]))
      >>> float(exact_divergence(target_log_probs=p, model_log_probs=q, divergence="kl"))
      0.5157
    """
    f = as_divergence(divergence).f
    target_log_probs, model_log_probs = jnp.asarray(target_log_probs), jnp.asarray(model_log_probs)
    log_ratio = jnp.minimum(target_log_probs - model_log_probs, MAX_LOG_RATIO)
    rare_in_model = log_ratio > 0
    ratio = jnp.exp(log_ratio)
    at_least_one = jnp.where(rare_in_model, ratio, 1.0)
    at_most_one = jnp.where(rare_in_model, 1.0, ratio)
    terms = jnp.where(
        rare_in_model,
        jnp.exp(jnp.where(rare_in_model, target_log_probs, 0.0)) * f(at_least_one) / at_least_one,
        jnp.exp(model_log_probs) * f(at_most_one),
    )
    return jnp.sum(terms)


def exact_bound(
    log_ratio: jax.Array,
    *,
    target_log_probs: ArrayLike,
    model_log_probs: ArrayLike,
    divergence: str | FDivergence,
) -> jax.Array:
    r"""Computes the variational bound of any discriminator, with exact expectations.

    .. math:: V_f(F) = \sum_x p(x)\, \nu(F(x)) - \sum_x q(x)\, f^*(\nu(F(x))) \le D_f(P \| Q)

    Args:
      log_ratio: F of every state, ``[S]``, finite. Differentiated.
      target_log_probs: log p, ``[S]``.
      model_log_probs: log q, ``[S]``.
      divergence: a name of ``DIVERGENCES``, or an ``FDivergence``. Static.

    Returns:
      Scalar; its gap to ``exact_divergence`` is zero for the optimal discriminator.

    Raises:
      ValueError: the divergence is unknown.

    Example:
      >>> p = q = jnp.log(jnp.array([0.25, 0.75]))
      >>> float(exact_bound(jnp.zeros(2), target_log_probs=p, model_log_probs=q, divergence="jensen_shannon"))
      0.0
    """
    divergence = as_divergence(divergence)
    gain = jnp.sum(jnp.exp(jnp.asarray(target_log_probs)) * divergence.activation(log_ratio))
    return gain - jnp.sum(jnp.exp(jnp.asarray(model_log_probs)) * divergence.conjugate_of_activation(log_ratio))


def conditional_log_partitions(conditional_log_probs: jax.Array, *, log_ratio: jax.Array) -> jax.Array:
    r"""Computes :math:`\log \alpha(z) = \log \sum_x g(x|z) e^{F(x)}`, the log of the mean weight of a latent's samples.

    Args:
      conditional_log_probs: log g(x|z), ``[Z, S]``.
      log_ratio: F, ``[S]``.

    Returns:
      Nats, ``[Z]``.

    Example:
      >>> conditional_log_partitions(jnp.log(jnp.full((1, 2), 0.5)), log_ratio=jnp.array([1.0, 1.0])).tolist()
      [1.0]
    """
    return jax.nn.logsumexp(conditional_log_probs + log_ratio[None], axis=1)


def conditional_target(conditional_log_probs: jax.Array, *, log_ratio: jax.Array) -> jax.Array:
    r"""Computes the target log p~(x|z): each conditional reweighted by the discriminator and normalised.

    .. math:: \tilde p(x|z) = g(x|z)\, e^{F(x)} / \alpha(z)

    Args:
      conditional_log_probs: log g(x|z), ``[Z, S]``.
      log_ratio: F, ``[S]``.

    Returns:
      Nats, ``[Z, S]``.

    Example:
      >>> jnp.exp(conditional_target(jnp.log(jnp.full((1, 2), 0.5)), log_ratio=jnp.log(jnp.array([1.0, 3.0])))).tolist()
      [[0.25, 0.75]]
    """
    log_partitions = conditional_log_partitions(conditional_log_probs, log_ratio=log_ratio)
    return conditional_log_probs + log_ratio[None] - log_partitions[:, None]


def conditional_kl(conditional_log_probs: jax.Array, *, log_ratio: jax.Array, latent_log_probs: jax.Array) -> jax.Array:
    r"""Computes :math:`E_h\, \mathrm{KL}(\tilde p(x|z) \| g(x|z))`, :math:`\tilde p` constant; minimised by BGAN.

    Its gradient :math:`-E_h \sum_x \tilde p(x|z) \nabla \log g(x|z)` is the limit of ``importance_weighted_loss`` as
    M grows (Hjelm et al. 2018, https://arxiv.org/abs/1702.08431). It is not the gradient of the marginal KL: here all
    latents have the same weight, whatever their :math:`\alpha(z)`.

    Args:
      conditional_log_probs: log g(x|z), ``[Z, S]``. Differentiated.
      log_ratio: F, ``[S]``; ``optimal_log_ratio`` or any discriminator's. A constant here.
      latent_log_probs: log h(z), ``[Z]``. A constant here.

    Returns:
      Scalar, in nats.

    Example:
      >>> uniform = jnp.log(jnp.full((1, 2), 0.5))
      >>> float(conditional_kl(uniform, log_ratio=jnp.zeros(2), latent_log_probs=jnp.zeros(1)))
      0.0
    """
    log_target = jax.lax.stop_gradient(conditional_target(conditional_log_probs, log_ratio=log_ratio))
    return _mean_over_latents(_kl(log_target, conditional_log_probs), latent_log_probs)


def marginal_kl(conditional_log_probs: jax.Array, *, log_ratio: jax.Array, latent_log_probs: jax.Array) -> jax.Array:
    r"""Computes KL(p~ || q), p~ constant; minimised by weights normalised over the whole batch.

    .. math:: \tilde p(x) = q(x)\, e^{F(x)} / \beta, \qquad
              -\nabla = E_h\Big[\frac{\alpha(z)}{\beta} \sum_x \tilde p(x|z) \nabla \log g(x|z)\Big]

    At F = log p/q it is KL(p || q), value and gradient.

    Args:
      conditional_log_probs: log g(x|z), ``[Z, S]``. Differentiated.
      log_ratio: F, ``[S]``. A constant here.
      latent_log_probs: log h(z), ``[Z]``. A constant here.

    Returns:
      Scalar, in nats.

    Example:
      >>> uniform = jnp.log(jnp.full((1, 2), 0.5))
      >>> float(marginal_kl(uniform, log_ratio=jnp.log(jnp.array([1.0, 3.0])), latent_log_probs=jnp.zeros(1)))
      0.1308
    """
    log_model = marginal_log_probs(conditional_log_probs, latent_log_probs=jax.lax.stop_gradient(latent_log_probs))
    log_target = jax.lax.stop_gradient(jax.nn.log_softmax(log_model + log_ratio))
    return _kl(log_target, log_model)


def conditional_reverse_kl(
    conditional_log_probs: jax.Array, *, log_ratio: jax.Array, latent_log_probs: jax.Array
) -> jax.Array:
    r"""Computes :math:`E_h\, \mathrm{KL}(g(x|z) \| \tilde p(x|z))`, :math:`\tilde p` constant; minimised by REINFORCE.

    Its gradient is :math:`-E_h E_g[(F - \log \alpha(z) - 1) \nabla \log g]`, unchanged by any baseline.

    Args:
      conditional_log_probs: log g(x|z), ``[Z, S]``. Differentiated.
      log_ratio: F, ``[S]``. A constant here.
      latent_log_probs: log h(z), ``[Z]``. A constant here.

    Returns:
      Scalar, in nats.

    Example:
      >>> uniform = jnp.log(jnp.full((1, 2), 0.5))
      >>> float(conditional_reverse_kl(uniform, log_ratio=jnp.zeros(2), latent_log_probs=jnp.zeros(1)))
      0.0
    """
    log_target = jax.lax.stop_gradient(conditional_target(conditional_log_probs, log_ratio=log_ratio))
    return _mean_over_latents(_kl(conditional_log_probs, log_target), latent_log_probs)


def marginal_reverse_kl(
    conditional_log_probs: jax.Array, *, log_ratio: jax.Array, latent_log_probs: jax.Array
) -> jax.Array:
    r"""Computes KL(q || p~), p~ constant; at F = log p/q it is KL(q || p), value and gradient.

    Its gradient equals that of ``conditional_reverse_kl``: a latent's own :math:`\log \alpha(z)` is only a baseline.

    Args:
      conditional_log_probs: log g(x|z), ``[Z, S]``. Differentiated.
      log_ratio: F, ``[S]``. A constant here.
      latent_log_probs: log h(z), ``[Z]``. A constant here.

    Returns:
      Scalar, in nats.

    Example:
      >>> uniform = jnp.log(jnp.full((1, 2), 0.5))
      >>> float(marginal_reverse_kl(uniform, log_ratio=jnp.zeros(2), latent_log_probs=jnp.zeros(1)))
      0.0
    """
    log_model = marginal_log_probs(conditional_log_probs, latent_log_probs=jax.lax.stop_gradient(latent_log_probs))
    log_target = jax.lax.stop_gradient(jax.nn.log_softmax(log_model + log_ratio))
    return _kl(log_model, log_target)


def _kl(log_first: jax.Array, log_second: jax.Array) -> jax.Array:
    """Computes KL over the last axis; states of probability zero under the first distribution contribute nothing."""
    possible = log_first > -jnp.inf
    difference = jnp.where(possible, log_first, 0.0) - jnp.where(possible, log_second, 0.0)
    return jnp.sum(jnp.exp(log_first) * difference, axis=-1)


def _mean_over_latents(values: jax.Array, latent_log_probs: jax.Array) -> jax.Array:
    return jnp.sum(jnp.exp(jax.lax.stop_gradient(latent_log_probs)) * values)
