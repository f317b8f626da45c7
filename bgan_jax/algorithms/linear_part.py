r"""The linear part of F around each latent's mean sample, which the control variate of a generator's gradient uses.

The M samples of a latent differ in few coordinates, and over so small a neighbourhood F is nearly linear. With the mean
sample :math:`p_n = E_g[t(x)]` and the discriminator's slope there, :math:`a_n = \nabla_x F(p_n)`,

.. math:: F(x_{mn}) \approx F(p_n) + l_{mn}, \qquad l_{mn} = \langle a_n, t(x_{mn}) - p_n \rangle.

The slope costs one forward and one backward pass over N points, not M N. Where every position of a sentence has an F of
its own, :math:`a_n` is the slope of their sum, and a position's l is over its own coordinates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bgan_jax.conditionals import Conditional


class LinearPart(NamedTuple):
    r"""The slope of F at the mean sample of every latent, and what the conditional makes of it. Constants.

    Attributes:
      mean: :math:`p_n = E_g[t(x)]`, ``[N, ...]``.
      slope: :math:`a_n = \nabla_x F(p_n)`, in nats, ``[N, ...]``.
      covariance_product: :math:`\mathrm{Cov}_g(t) \, a_n`, ``[N, ...]``: the exact gradient of
        :math:`\langle a_n, E_g[t(x)] \rangle` in the logits, with a constant.
    """

    mean: jax.Array
    slope: jax.Array
    covariance_product: jax.Array

    def logits(self, statistics: jax.Array, *, ndim: int) -> jax.Array:
        """Computes l of samples: ``[M, N, ...] -> [M, N]``, or ``[M, N, L]``.

        Args:
          statistics: the samples' sufficient statistics, ``[M, N, ...]``.
          ndim: how many dims F of these samples has: 2, or 3 with an F per position. Static.

        Returns:
          l, in nats.
        """
        own_axes = tuple(range(ndim, statistics.ndim))
        return jnp.sum(self.slope[None] * (statistics - self.mean[None]), axis=own_axes)


def linear_part(
    log_ratio_fn: Callable[[jax.Array], jax.Array], conditional: Conditional, logits: jax.Array
) -> LinearPart:
    """Computes the linear part of F for every latent.

    Args:
      log_ratio_fn: the discriminator with its parameters inside, ``[N, ...] -> [N]``, or ``[N, L]`` with an F per
        position.
      conditional: the generator's conditional family. Static.
      logits: the generator's output, ``[N, ...]``.

    Returns:
      :class:`LinearPart`. No gradient flows into the logits.

    Example:
      >>> from bgan_jax.conditionals import product_bernoulli
      >>> bits = product_bernoulli(event_ndims=1)
      >>> part = linear_part(lambda points: points @ jnp.array([1.0, -2.0]), bits, jnp.zeros((1, 2)))
      >>> part.slope.tolist(), part.covariance_product.tolist()
      ([[1.0, -2.0]], [[0.25, -0.5]])
      >>> part.logits(jnp.array([[[1.0, 0.0]]]), ndim=2).tolist()  # 1 * (1 - 0.5) - 2 * (0 - 0.5)
      [[1.5]]
    """
    logits = jax.lax.stop_gradient(logits)
    mean = conditional.mean(logits)
    slope = jax.grad(lambda points: jnp.sum(log_ratio_fn(points)))(mean)
    # The mean is the gradient of the log-normaliser, so its derivative in a direction is the covariance times that.
    covariance_product = jax.jvp(conditional.mean, (logits,), (slope.astype(logits.dtype),))[1]
    return LinearPart(mean, slope, covariance_product)
