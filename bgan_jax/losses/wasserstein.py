r"""Wasserstein GAN: the critic's logit is a potential, not a log density ratio.

By Kantorovich and Rubinstein :math:`W_1(P, Q) = \sup_{\|F\|_{Lip} \le 1} E_P[F] - E_Q[F]`. These losses do not make the
critic Lipschitz: combine them with :func:`bgan_jax.losses.gradient_penalty` or clip the parameters.
"""

from __future__ import annotations

import jax
from jax.typing import ArrayLike

from bgan_jax.losses import shapes
from bgan_jax.losses.elementary import mean


def wasserstein_critic_loss(*, real_logits: ArrayLike, fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the critic's loss, without its Lipschitz penalty.

    .. math:: L_D = E_Q[F] - E_P[F]

    [Arjovsky]_; its negative estimates the Wasserstein-1 distance, times the critic's Lipschitz constant, from below.

    Args:
      real_logits: F on data, any shape. Traced.
      fake_logits: F on generated points, any shape. Traced.

    Returns:
      The loss, a scalar, in the unit of the data's metric.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> import jax.numpy as jnp
      >>> float(wasserstein_critic_loss(real_logits=jnp.array([1.0, 3.0]), fake_logits=jnp.zeros(5)))
      -2.0
    """
    return mean(shapes.floating("fake_logits", fake_logits)) - mean(shapes.floating("real_logits", real_logits))


def wasserstein_generator_loss(fake_logits: ArrayLike) -> jax.Array:
    r"""Computes the generator's loss.

    .. math:: L = -F(G(z))

    [Arjovsky]_.

    Args:
      fake_logits: F(G(z)), any shape. Traced; differentiated.

    Returns:
      Loss per point, same shape.

    Raises:
      ValueError: the logits are not floats, or empty.

    Example:
      >>> import jax.numpy as jnp
      >>> wasserstein_generator_loss(jnp.array([1.0, -1.0])).tolist()
      [-1.0, 1.0]
    """
    return -shapes.floating("fake_logits", fake_logits)
