r"""The variational lower bound on an f-divergence, which the discriminator maximises.

For any function F the bound :math:`V(F) = E_P[\nu(F)] - E_Q[f^*(\nu(F))]` is at most :math:`D_f(P \| Q)`, with equality
exactly at :math:`F = \log p/q`, whatever f is.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bgan_jax.losses import shapes
from bgan_jax.losses.divergences import FDivergence, as_divergence
from bgan_jax.losses.elementary import mean


@jax.custom_jvp
def _data_term_less_fake_term(data_term, fake_term):
    """Computes the difference, with -inf for inf - inf, which is still a lower bound."""
    vacuous = jnp.isneginf(data_term) | jnp.isposinf(fake_term)
    return jnp.where(vacuous, -jnp.inf, data_term - fake_term)


@_data_term_less_fake_term.defjvp
def _differentiate_difference(primals, tangents):
    return _data_term_less_fake_term(*primals), tangents[0] - tangents[1]


def variational_lower_bound(
    *, real_logits: ArrayLike, fake_logits: ArrayLike, divergence: str | FDivergence
) -> jax.Array:
    r"""Computes the sample estimate of the lower bound on :math:`D_f(P \| Q)`.

    .. math:: V = \frac{1}{|\mathrm{real}|} \sum \nu(F_{\mathrm{real}})
                - \frac{1}{|\mathrm{fake}|} \sum (f^* \circ \nu)(F_{\mathrm{fake}})

    The bound of [Nguyen]_ and [Nowozin]_ with the activation of :mod:`bgan_jax.losses.divergences`; the value
    estimate of Algorithm 1 of [Hjelm]_, which prints F for nu(F) and w for f*(nu(F)). Unbiased for the bound of this
    F, in nats (chi-squared and Hellinger: no unit).

    Numerics: a term that float32 cannot hold is infinite. The bound is then infinite, and where both terms overflow,
    so that the difference is undetermined, it is ``-inf``, which is still a lower bound. Gradients saturate and are
    never NaN.

    Args:
      real_logits: F on data, any shape. Traced.
      fake_logits: F on generated points, any shape (``[M, N]`` or ``[N]``). Traced.
      divergence: a name of ``DIVERGENCES`` or an ``FDivergence``. Static.

    Returns:
      The bound, a scalar.

    Raises:
      ValueError: the divergence is unknown; logits are not floats, or empty.

    Example:
      >>> logits = jnp.zeros(4)
      >>> float(variational_lower_bound(real_logits=logits, fake_logits=logits, divergence="jensen_shannon"))
      0.0
    """
    divergence = as_divergence(divergence)
    real_logits = shapes.floating("real_logits", real_logits)
    fake_logits = shapes.floating("fake_logits", fake_logits)
    data_term = mean(divergence.activation(real_logits))
    fake_term = mean(divergence.conjugate_of_activation(fake_logits))
    return _data_term_less_fake_term(data_term, fake_term)


def discriminator_loss(*, real_logits: ArrayLike, fake_logits: ArrayLike, divergence: str | FDivergence) -> jax.Array:
    r"""Computes the discriminator's loss, the negative of :func:`variational_lower_bound`.

    .. math:: L_D = E_Q[(f^* \circ \nu)(F)] - E_P[\nu(F)]

    For ``gan`` this is the usual binary cross-entropy, :math:`E_P[\zeta(-F)] + E_Q[\zeta(F)]`, with softplus
    :math:`\zeta` [Goodfellow]_. Its minimiser is :math:`F = \log p/q` for every divergence.

    Args:
      real_logits: F on data, any shape. Traced.
      fake_logits: F on generated points, any shape. Traced.
      divergence: a name of ``DIVERGENCES`` or an ``FDivergence``. Static.

    Returns:
      The loss, a scalar.

    Raises:
      ValueError: as in ``variational_lower_bound``.

    Example:
      >>> logits = jnp.zeros(4)
      >>> round(float(discriminator_loss(real_logits=logits, fake_logits=logits, divergence="gan")), 4)  # log 4
      1.3863
    """
    return -variational_lower_bound(real_logits=real_logits, fake_logits=fake_logits, divergence=divergence)
