"""Positions that do not exist: the padding of examples of different sizes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from bgan_jax.conditionals.conditional import Conditional


def with_mask(conditional: Conditional, mask: npt.ArrayLike) -> Conditional:
    r"""Returns the same distribution of the coordinates that exist; the others are 0, and so are their statistics.

    A position that does not exist is never seen by the discriminator, costs nothing and gets no gradient, whatever its
    logits are, as long as they are finite.

    Args:
      conditional: a family with linear statistics. Static.
      mask: booleans, the shape of one example of x; False where there is no coordinate. Static.

    Returns:
      The :class:`Conditional`.

    Raises:
      ValueError: the mask is not boolean, or the family has no linear statistics.

    Example:
      >>> from bgan_jax.conditionals import product_bernoulli
      >>> bits = with_mask(product_bernoulli(event_ndims=1), np.array([True, True, False]))
      >>> bits.sample(jax.random.key(0), jnp.full((3,), 50.0)).tolist()
      [1, 1, 0]
      >>> bits.mean(jnp.full((3,), jnp.nan))[2].item()
      0.0
    """
    counts = np.asarray(mask)
    if counts.dtype != bool:
        raise ValueError(
            f"{conditional.name}: mask must be boolean, True where a coordinate counts, found {counts.dtype}"
        )
    if not conditional.linear:
        raise ValueError(f"{conditional.name} has no linear statistics: leave the positions out in its log-probability")

    def of_shape(x: jax.Array) -> jax.Array:
        """Returns the mask with the rank of an array of coordinates."""
        return jnp.asarray(counts).reshape((1,) * (x.ndim - counts.ndim) + counts.shape)

    def over_logits(array: jax.Array) -> jax.Array:
        own = conditional.over_logits(jnp.asarray(counts))
        return own.reshape((1,) * (array.ndim - own.ndim) + own.shape)

    def replaced(logits: jax.Array) -> jax.Array:
        # Before anything is computed, so that a NaN there has no gradient either.
        return jnp.where(over_logits(logits), logits, 0.0)

    def sample(key: jax.Array, logits: jax.Array) -> jax.Array:
        x = conditional.sample(key, replaced(logits))
        return jnp.where(of_shape(x), x, 0)

    def statistics(x: jax.Array) -> jax.Array:
        x = jnp.asarray(x)
        found = conditional.statistics(jnp.where(of_shape(x), x, 0))
        return jnp.where(over_logits(found), found, 0.0)

    def mean(logits: jax.Array) -> jax.Array:
        found = conditional.mean(replaced(logits))
        return jnp.where(over_logits(found), found, 0.0)

    def log_normalizers(logits: jax.Array) -> jax.Array:
        found = conditional.log_normalizers(replaced(logits))
        return jnp.where(of_shape(found), found, 0.0)

    return conditional._replace(
        sample=sample,
        statistics=statistics,
        mean=mean,
        log_normalizers=log_normalizers,
        sample_statistics=None,  # It would draw without the mask.
    )
