"""The record of a conditional distribution g(x|z), and drawing samples from it by index."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Conditional(NamedTuple):
    """A family of distributions of one example given its logits, as pure functions.

    Attributes:
      name: ``"product_bernoulli"`` or ``"product_categorical"``.
      sample: ``(key, logits) -> x``, integers, uint8 (or uint16); one draw for the whole array.
      statistics: ``x -> t(x)``, float32, the shape of the logits; what the discriminator sees.
      mean: ``logits -> E[t(x)]``, the probabilities; what relaxed methods feed the discriminator.
      log_normalizer: ``logits -> A(logits)``, in nats, summed over the example's own dims.
      event_ndims: the number of trailing dims of the logits that belong to one example.
    """

    name: str
    sample: Callable[[jax.Array, jax.Array], jax.Array]
    statistics: Callable[[jax.Array], jax.Array]
    mean: Callable[[jax.Array], jax.Array]
    log_normalizer: Callable[[jax.Array], jax.Array]
    event_ndims: int

    def log_prob(self, statistics: jax.Array, logits: jax.Array) -> jax.Array:
        """Computes ``log g(x|z)`` in nats, summed over the example's own dims: ``[..., data] -> [...]``.

        Linear in ``statistics``: passing a weighted mean of statistics gives the weighted mean of log-probabilities.

        Example:
          >>> from bgan_jax.conditionals import product_bernoulli
          >>> bernoulli = product_bernoulli(event_ndims=1)
          >>> bernoulli.log_prob(jnp.array([1.0, 0.0]), jnp.array([0.0, 0.0]))
          Array(-1.3862944, dtype=float32)
        """
        inner_product = jnp.sum(statistics * logits, axis=event_axes(self.event_ndims))
        return inner_product - self.log_normalizer(logits)


def event_axes(event_ndims: int) -> tuple[int, ...]:
    """Returns the axes of one example: the last ``event_ndims``."""
    return tuple(range(-event_ndims, 0))


def sample_conditionals(
    conditional: Conditional, keys: jax.Array, logits: jax.Array, *, sample_index: jax.Array
) -> jax.Array:
    """Draws independent samples from ``g(x|z_n)`` for every latent n, by their indices m.

    Sample (m, n) is drawn with ``fold_in(keys[n], m)``: a subset or a chunk of the M samples is the same subset of
    the same samples, so M can be walked in chunks, or a few samples drawn again, without storing any.

    Args:
      conditional: the family.
      keys: one key per latent, ``[N]``.
      logits: the generator's output, ``[N, ...]``.
      sample_index: the indices m to draw, ``[M]``, integer.

    Returns:
      Samples as integers, ``[M, N, ...]``.

    Example:
      >>> from bgan_jax.conditionals import example_keys, product_bernoulli
      >>> keys = example_keys(jax.random.key(0), jnp.arange(2))
      >>> sample_conditionals(product_bernoulli(), keys, jnp.zeros((2, 28, 28, 1)), sample_index=jnp.arange(5)).shape
      (5, 2, 28, 28, 1)
    """

    def draw(m: jax.Array, key: jax.Array, example_logits: jax.Array) -> jax.Array:
        return conditional.sample(jax.random.fold_in(key, m), example_logits)

    over_latents = jax.vmap(draw, in_axes=(None, 0, 0))
    return jax.vmap(over_latents, in_axes=(0, None, None))(sample_index, keys, logits)
