"""Independent bits."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bgan_jax.conditionals.conditional import Conditional, event_axes


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
        return jax.random.bernoulli(key, jax.nn.sigmoid(logits)).astype(jnp.uint8)

    def log_normalizer(logits: jax.Array) -> jax.Array:
        return jnp.sum(jax.nn.softplus(logits), axis=event_axes(event_ndims))

    return Conditional(
        name="product_bernoulli",
        sample=sample,
        statistics=lambda x: x.astype(jnp.float32),
        mean=jax.nn.sigmoid,
        log_normalizer=log_normalizer,
        event_ndims=event_ndims,
    )
