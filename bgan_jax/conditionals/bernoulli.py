"""Independent bits."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bgan_jax.conditionals.conditional import Conditional, check_symbols
from bgan_jax.losses.elementary import at_least_float32

NAME = "product_bernoulli"


def product_bernoulli(*, event_ndims: int = 3) -> Conditional:
    r"""Returns the distribution of independent bits: ``t(x) = x`` and ``A(l) = sum_i softplus(l_i)``.

    Args:
      event_ndims: number of trailing dims of one example's logits; 3 for images ``[H, W, C]``. Static.

    Returns:
      The :class:`Conditional`.

    Example:
      >>> bernoulli = product_bernoulli()
      >>> bernoulli.sample(jax.random.key(0), jnp.zeros((4, 28, 28, 1))).dtype
      dtype('uint8')
    """

    def sample(key: jax.Array, logits: jax.Array) -> jax.Array:
        return jax.random.bernoulli(key, jax.nn.sigmoid(at_least_float32(logits))).astype(jnp.uint8)

    def statistics(x: jax.Array) -> jax.Array:
        x = jnp.asarray(x)
        check_symbols(NAME, x, num_values=2)
        return x.astype(jnp.float32)

    return Conditional(
        name=NAME,
        sample=sample,
        statistics=statistics,
        mean=lambda logits: jax.nn.sigmoid(at_least_float32(logits)),
        log_normalizers=lambda logits: jax.nn.softplus(at_least_float32(logits)),
        event_ndims=event_ndims,
        coordinate_ndims=event_ndims,
    )
