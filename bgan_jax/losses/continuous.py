r"""Generator losses through gradients, for continuous data: :math:`F(G(z))` is differentiated with respect to G.

All generator losses are elementwise in F and are *minimised*; the slopes below say what a generated point feels.

=====================================  ====================  =========================
function                               loss                  slope in F
=====================================  ====================  =========================
``boundary_seeking_loss``              F²                    2F
``centered_boundary_seeking_loss``     (F - log Z)²          2 (F - log Z)
``boundary_cross_entropy_loss``        log(2 cosh(F/2))      tanh(F/2) / 2
``minimax_loss``                       -zeta(F)              -sigmoid(F)
``non_saturating_loss``                zeta(-F)              -sigmoid(-F)
``f_gan_generator_loss``               -f*(nu(F))            -e^F nu'(F)
``least_squares_generator_loss``       (F - c)² / 2          F - c
``hinge_generator_loss``               -F                    -1
=====================================  ====================  =========================

Only the boundary-seeking losses stop at the boundary F = 0, where the discriminator cannot tell; the others push past
it. Train F by :func:`bgan_jax.losses.discriminator_loss` (the paper's continuous experiments: ``gan``); the
least-squares and hinge losses have a discriminator loss of their own, and their F is not a log density ratio.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bgan_jax.losses import shapes
from bgan_jax.losses.divergences import FDivergence, as_divergence
from bgan_jax.losses.elementary import mean, softplus, with_slope

_log_two_cosh_half = with_slope(
    lambda x: jnp.abs(x) / 2 + jnp.log1p(jnp.exp(-jnp.abs(x))), lambda x: jnp.tanh(x / 2) / 2
)

# Twice the largest float32 is not one, and compilers make NaN of it as well as infinity: the slope stops short of that.
_square = with_slope(jnp.square, lambda x: 2 * jnp.clip(x, -1.7e38, 1.7e38))


def boundary_seeking_loss(fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the continuous BGAN loss: the squared log weight of each generated point.

    .. math:: L = (\log w(G(z)))^2 = F(G(z))^2

    The boundary-seeking objective of [Hjelm]_ for continuous data, where :math:`\log w = F` is the raw logit; the
    square of the activated output, or of a probability, has no minimum at the boundary. Zero iff w = 1. The slope 2F
    is unbounded: see ``boundary_cross_entropy_loss``.

    Args:
      fake_logits: F(G(z)), any shape. Traced; differentiated.

    Returns:
      Loss per point, in nats squared, same shape; ``inf`` for ``|F| > 1.8e19``.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> boundary_seeking_loss(jnp.array([-2.0, 0.0, 1.0])).tolist()
      [4.0, 0.0, 1.0]
    """
    return _square(shapes.floating("fake_logits", fake_logits))


def centered_boundary_seeking_loss(fake_logits: ArrayLike, *, log_partition: ArrayLike) -> jax.Array:
    r"""Computes the boundary-seeking loss with the normaliser taken out of the weight.

    .. math:: L = (F(G(z)) - \log Z)^2

    The authors' variant with a running average of ``log_partition(fake_logits)`` for log Z. Caution: where F is the
    same for all generated points and log Z has caught up, the loss is zero for any F: the anchor at the boundary is
    gone.

    Args:
      fake_logits: F(G(z)), any shape. Traced; differentiated.
      log_partition: log Z in nats, broadcastable to the logits. Traced; a constant here.

    Returns:
      Loss per point, in nats squared, same shape.

    Raises:
      ValueError: the logits are not floats, or empty; ``log_partition`` does not broadcast to them.

    Example:
      >>> centered_boundary_seeking_loss(jnp.array([-2.0, 0.0, 1.0]), log_partition=1.0).tolist()
      [9.0, 1.0, 0.0]
    """
    fake_logits = shapes.floating("fake_logits", fake_logits)
    constant = jax.lax.stop_gradient(jnp.asarray(log_partition, fake_logits.dtype))
    return _square(fake_logits - shapes.broadcast("log_partition", constant, fake_logits.shape))


def boundary_cross_entropy_loss(fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the boundary-seeking loss with a bounded slope: cross-entropy of a fair coin and the discriminator.

    .. math:: L = -\tfrac12 \log \sigma(F) - \tfrac12 \log \sigma(-F) = \zeta(-F) + F/2 = \log(2 \cosh(F/2))

    From the authors' code. The slope is in (-1/2, 1/2), the minimum log 2 is at F = 0, and near it the loss is
    :math:`\log 2 + F^2/8`.

    Args:
      fake_logits: F(G(z)), any shape. Traced; differentiated.

    Returns:
      Loss per point, in nats, same shape.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> boundary_cross_entropy_loss(jnp.array([0.0, 1e30])).round(4).tolist()[0]
      0.6931
    """
    return _log_two_cosh_half(shapes.floating("fake_logits", fake_logits))


def minimax_loss(fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the generator's loss of the original game, with D = sigmoid(F).

    .. math:: L = \log(1 - D(G(z))) = -\zeta(F(G(z)))

    [Goodfellow]_; the lower-bound generator of the ``gan`` row, and not the "proxy" loss. It saturates where the
    discriminator is sure: the slope -sigmoid(F) is nearly zero for very fake points.

    Args:
      fake_logits: F(G(z)), any shape. Traced; differentiated.

    Returns:
      Loss per point, in nats, same shape.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> minimax_loss(jnp.array([0.0, -1e30])).round(4).tolist()
      [-0.6931, -0.0]
    """
    return -softplus(shapes.floating("fake_logits", fake_logits))


def non_saturating_loss(fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the non-saturating ("proxy") generator loss, with D = sigmoid(F).

    .. math:: L = -\log D(G(z)) = \zeta(-F(G(z)))

    Section 3 of [Goodfellow]_. The slope -sigmoid(-F) is -1 for very fake points, -1/2 at the boundary, and pushes on.

    Args:
      fake_logits: F(G(z)), any shape. Traced; differentiated.

    Returns:
      Loss per point, in nats, same shape.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> non_saturating_loss(jnp.array([0.0, 1e30])).round(4).tolist()
      [0.6931, 0.0]
    """
    return softplus(-shapes.floating("fake_logits", fake_logits))


def f_gan_generator_loss(fake_logits: ArrayLike, *, divergence: str | FDivergence) -> jax.Array:
    r"""Computes the generator's part of the variational bound, which it minimises.

    .. math:: L = -f^*(\nu(F(G(z))))

    The objective of [Nowozin]_: of :math:`V = E_P[\nu(F)] - E_Q[f^*(\nu(F))]` only the second term knows the
    generator, and its *negative* is minimised. The slope is :math:`-e^F \nu'(F) < 0`: every divergence pushes F up,
    without end. For ``gan`` this is ``minimax_loss``.

    Args:
      fake_logits: F(G(z)), any shape. Traced; differentiated.
      divergence: a name of ``DIVERGENCES`` or an ``FDivergence``. Static.

    Returns:
      Loss per point, same shape, in the bound's unit; ``-inf`` where float32 cannot hold it (KL: F > 88.7).

    Raises:
      ValueError: the divergence is unknown; the logits are not floats, or empty.

    Example:
      >>> f_gan_generator_loss(jnp.array([0.0, 2.0]), divergence="reverse_kl").tolist()
      [1.0, -1.0]
    """
    return -as_divergence(divergence).conjugate_of_activation(shapes.floating("fake_logits", fake_logits))


def least_squares_discriminator_loss(
    *, real_logits: ArrayLike, fake_logits: ArrayLike, real_target: float = 1.0, fake_target: float = 0.0
) -> jax.Array:
    r"""Computes the least-squares discriminator loss.

    .. math:: L_D = \tfrac12 E_P[(F - b)^2] + \tfrac12 E_Q[(F - a)^2]

    [Mao]_. The minimiser is :math:`F = (b p + a q) / (p + q)`: bounded, and no log density ratio.

    Args:
      real_logits: F on data, any shape. Traced.
      fake_logits: F on generated points, any shape. Traced.
      real_target: b.
      fake_target: a.

    Returns:
      The loss, a scalar.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> float(least_squares_discriminator_loss(real_logits=jnp.ones(3), fake_logits=jnp.ones(5)))
      0.5
    """
    real_logits = shapes.floating("real_logits", real_logits)
    fake_logits = shapes.floating("fake_logits", fake_logits)
    return (mean(_square(real_logits - real_target)) + mean(_square(fake_logits - fake_target))) / 2


def least_squares_generator_loss(fake_logits: ArrayLike, *, target: float = 1.0) -> jax.Array:
    r"""Computes the least-squares generator loss.

    .. math:: L = \tfrac12 (F(G(z)) - c)^2

    [Mao]_: c = 1 is their usual choice; with targets 1 and 0 the decision boundary is c = 1/2, the boundary-seeking
    one.

    Args:
      fake_logits: F(G(z)), any shape. Traced; differentiated.
      target: c.

    Returns:
      Loss per point, same shape.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> least_squares_generator_loss(jnp.array([1.0, -1.0])).tolist()
      [0.0, 2.0]
    """
    return _square(shapes.floating("fake_logits", fake_logits) - target) / 2


def hinge_discriminator_loss(*, real_logits: ArrayLike, fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the hinge discriminator loss.

    .. math:: L_D = E_P[\max(0, 1 - F)] + E_Q[\max(0, 1 + F)]

    [Lim]_, [Miyato]_. The minimiser is the sign of p - q: no log density ratio.

    Args:
      real_logits: F on data, any shape. Traced.
      fake_logits: F on generated points, any shape. Traced.

    Returns:
      The loss, a scalar.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> float(hinge_discriminator_loss(real_logits=jnp.array([2.0, 0.0]), fake_logits=jnp.array([-3.0])))
      0.5
    """
    real_logits = shapes.floating("real_logits", real_logits)
    fake_logits = shapes.floating("fake_logits", fake_logits)
    return mean(jnp.maximum(1 - real_logits, 0)) + mean(jnp.maximum(1 + fake_logits, 0))


def hinge_generator_loss(fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the generator loss that goes with the hinge discriminator.

    .. math:: L = -F(G(z))

    [Lim]_, [Miyato]_.

    Args:
      fake_logits: F(G(z)), any shape. Traced; differentiated.

    Returns:
      Loss per point, same shape.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> hinge_generator_loss(jnp.array([1.0, -1.0])).tolist()
      [-1.0, 1.0]
    """
    return -shapes.floating("fake_logits", fake_logits)
