"""Independent numbers with Gaussian noise of a fixed scale."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bgan_jax.conditionals.conditional import Conditional
from bgan_jax.losses.elementary import at_least_float32

NAME = "product_gaussian"


def product_gaussian(*, scale: float = 0.1, event_ndims: int = 1) -> Conditional:
    r"""Returns the distribution of independent numbers, :math:`N(\sigma^2 l_i, \sigma^2)`.

    Of fixed scale :math:`\sigma` it is an exponential family in the logits without bounds on them: ``t(x) = x`` and
    :math:`A(l) = \sum_i \sigma^2 l_i^2 / 2`. Over many latents it is a mixture of Gaussians, as smooth as
    :math:`\sigma`, which is in units of the data: scale the data first.

    Log-probabilities are relative to :math:`N(0, \sigma^2)`, the distribution of logits 0, which no gradient depends
    on.

    Args:
      scale: :math:`\sigma`, above 0. Static.
      event_ndims: number of trailing dims of one example's logits. Static.

    Returns:
      The :class:`Conditional`.

    Raises:
      ValueError: ``scale`` is not above 0.

    Example:
      >>> gaussian = product_gaussian(scale=0.5)
      >>> gaussian.mean(jnp.array([4.0, -2.0])).tolist()
      [1.0, -0.5]
    """
    if not scale > 0.0:
        raise ValueError(f"{NAME}: scale is {scale}; it must be above 0")
    variance = scale * scale

    def sample(key: jax.Array, logits: jax.Array) -> jax.Array:
        return variance * at_least_float32(logits) + scale * jax.random.normal(key, logits.shape)

    return Conditional(
        name=NAME,
        sample=sample,
        statistics=lambda x: jnp.asarray(x, jnp.float32),
        mean=lambda logits: variance * at_least_float32(logits),
        log_normalizers=lambda logits: 0.5 * variance * jnp.square(at_least_float32(logits)),
        event_ndims=event_ndims,
        coordinate_ndims=event_ndims,
    )
