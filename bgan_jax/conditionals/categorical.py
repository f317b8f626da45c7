"""Independent symbols of K classes each."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bgan_jax.conditionals.conditional import Conditional, event_axes


def product_categorical(num_classes: int, *, event_ndims: int = 3) -> Conditional:
    r"""Returns the distribution of independent symbols.

    ``t(x)`` is one-hot over the last axis and ``A(l) = sum_i logsumexp_c l_ic``.

    A symbol is drawn by inverting the cumulative distribution: one uniform number per coordinate rather than one
    per coordinate and class, and no array of Gumbel noise of the size of the logits.

    Args:
      num_classes: K, the size of the logits' last axis; at least 2, at most 65,536. Static.
      event_ndims: number of trailing dims of one example's logits, the class axis among them; 3 for palette images
        ``[H, W, K]``, 2 for text ``[L, K]``. Static.

    Returns:
      The :class:`Conditional`.

    Raises:
      ValueError: ``num_classes`` is out of its range.

    Example:
      >>> categorical = product_categorical(16)
      >>> x = categorical.sample(jax.random.key(0), jnp.zeros((4, 32, 32, 16)))
      >>> x.shape, categorical.statistics(x).shape
      ((4, 32, 32), (4, 32, 32, 16))
    """
    if not 2 <= num_classes <= 65536:
        raise ValueError(f"num_classes is {num_classes}; a categorical coordinate has 2 to 65,536 classes")
    symbol_dtype = jnp.uint8 if num_classes <= 256 else jnp.uint16

    def sample(key: jax.Array, logits: jax.Array) -> jax.Array:
        cumulative = jnp.cumsum(jax.nn.softmax(logits, axis=-1), axis=-1)
        # The last class takes what is left, so that a sum of 0.9999999 can never yield the symbol K.
        threshold = jax.random.uniform(key, logits.shape[:-1])[..., None]
        return jnp.sum(threshold >= cumulative[..., :-1], axis=-1, dtype=jnp.int32).astype(symbol_dtype)

    def log_normalizer(logits: jax.Array) -> jax.Array:
        return jnp.sum(jax.nn.logsumexp(logits, axis=-1), axis=event_axes(event_ndims - 1))

    return Conditional(
        name="product_categorical",
        sample=sample,
        statistics=lambda x: jax.nn.one_hot(x, num_classes, dtype=jnp.float32),
        mean=lambda logits: jax.nn.softmax(logits, axis=-1),
        log_normalizer=log_normalizer,
        event_ndims=event_ndims,
    )
