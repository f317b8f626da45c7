"""Independent symbols of K classes each."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bgan_jax.conditionals.conditional import Conditional, check_symbols
from bgan_jax.losses.elementary import at_least_float32

NAME = "product_categorical"


def product_categorical(num_classes: int, *, event_ndims: int = 3, draws_one_hot: bool = False) -> Conditional:
    r"""Returns the distribution of independent symbols.

    ``t(x)`` is one-hot over the last axis and ``A(l) = sum_i logsumexp_c l_ic``.

    A symbol is drawn by inverting the cumulative distribution: one uniform number per coordinate rather than one
    per coordinate and class, and no array of Gumbel noise of the size of the logits.

    Args:
      num_classes: K, the size of the logits' last axis; at least 2, at most 65,536. Static.
      event_ndims: number of trailing dims of one example's logits, the class axis among them; 3 for palette images
        ``[H, W, K]``, 2 for text ``[L, K]``. Static.
      draws_one_hot: whether samples that are only scored are drawn as one-hot at once: the same numbers, without a
        symbol in between. A compiler may sum them in another order then, as that for CPUs does. Static.

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

    def checked(logits: jax.Array) -> jax.Array:
        if logits.shape[-1:] != (num_classes,):
            raise ValueError(f"{NAME}: the logits' last axis must be the {num_classes} classes, found {logits.shape}")
        return at_least_float32(logits)

    def exceeded(key: jax.Array, logits: jax.Array) -> jax.Array:
        """Draws, for every coordinate, which of its first K - 1 classes lie before the symbol: ones, then zeros."""
        probabilities = jax.nn.softmax(checked(logits), axis=-1)
        # Without the impossible classes the running sum never rises at one, also where its rounding does. Scaled to the
        # total, the threshold stays below it, so neither 0.9999999 nor an impossible last class can be exceeded.
        cumulative = jnp.where(probabilities > 0, jnp.cumsum(probabilities, axis=-1), 0.0)
        cumulative = jax.lax.cummax(cumulative, axis=cumulative.ndim - 1)
        threshold = jax.random.uniform(key, logits.shape[:-1])[..., None] * cumulative[..., -1:]
        return threshold >= cumulative[..., :-1]

    def sample(key: jax.Array, logits: jax.Array) -> jax.Array:
        return jnp.sum(exceeded(key, logits), axis=-1, dtype=jnp.int32).astype(symbol_dtype)

    def sample_statistics(key: jax.Array, logits: jax.Array) -> jax.Array:
        # The symbol is where the ones end, so that it need not be counted and compared with every class again.
        before = exceeded(key, logits)
        edge = [(0, 0)] * (before.ndim - 1)
        reached = jnp.pad(before, [*edge, (1, 0)], constant_values=True)
        return (reached & ~jnp.pad(before, [*edge, (0, 1)])).astype(jnp.float32)

    def statistics(x: jax.Array) -> jax.Array:
        x = jnp.asarray(x)
        check_symbols(NAME, x, num_values=num_classes)
        # Symbols beside numbers in one array are floating-point.
        whole = x if jnp.issubdtype(x.dtype, jnp.integer) else x.astype(jnp.int32)
        return jax.nn.one_hot(whole, num_classes, dtype=jnp.float32)

    return Conditional(
        name=NAME,
        sample=sample,
        statistics=statistics,
        mean=lambda logits: jax.nn.softmax(checked(logits), axis=-1),
        log_normalizers=lambda logits: jax.nn.logsumexp(checked(logits), axis=-1),
        event_ndims=event_ndims,
        coordinate_ndims=event_ndims - 1,
        sample_statistics=sample_statistics if draws_one_hot else None,
    )
