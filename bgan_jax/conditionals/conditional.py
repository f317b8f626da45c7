"""The record of a conditional distribution g(x|z), and drawing samples from it by index."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.losses.elementary import at_least_float32


class Conditional(NamedTuple):
    r"""A family of distributions of one example given its logits, as pure functions.

    Logits may be float32 or of 16 bits: every draw and every sum is computed in at least float32. A logit of
    ``-inf`` is a symbol that cannot occur: it is never drawn, costs nothing and gets no gradient, and its
    log-probability is ``-inf``.

    Attributes:
      name: of the family, such as ``"product_bernoulli"``.
      sample: ``(key, logits) -> x``, integers, uint8 (or uint16), or float32 where x has numbers; one draw for the
        whole array.
      statistics: ``x -> t(x)``, float32, the shape of the logits; what the discriminator sees. Raises ValueError for
        values outside the symbols, unless they are traced.
      mean: ``logits -> E[t(x)]``, the probabilities, at least float32; what relaxed methods feed the discriminator.
      log_normalizers: ``logits -> A_i(logits_i)``, in nats, one for each coordinate: the shape of x.
      event_ndims: the number of trailing dims of the logits that belong to one example.
      coordinate_ndims: the number of trailing dims of x that belong to one example.
      mask_over_logits: a mask of coordinates -> one that broadcasts to the logits. ``None`` where each coordinate has
        one logit, or an axis of them.
      sample_log_prob: ``(x, logits) -> log g(x|z)`` in nats, summed over the example's own dims, of a family whose
        log-probability is not linear in ``t(x)``; ``None`` in those where it is. Made by
        :func:`bgan_jax.conditionals.general.general_conditional`.
      sample_statistics: ``(key, logits) -> t(x)`` of the x that ``sample`` draws, the same numbers, where that is
        cheaper than both; ``None`` where it is not.
    """

    name: str
    sample: Callable[[jax.Array, jax.Array], jax.Array]
    statistics: Callable[[jax.Array], jax.Array]
    mean: Callable[[jax.Array], jax.Array]
    log_normalizers: Callable[[jax.Array], jax.Array]
    event_ndims: int
    coordinate_ndims: int
    mask_over_logits: Callable[[jax.Array], jax.Array] | None = None
    sample_log_prob: Callable[[jax.Array, jax.Array], jax.Array] | None = None
    sample_statistics: Callable[[jax.Array, jax.Array], jax.Array] | None = None

    @property
    def linear(self) -> bool:
        """Whether the log-probability is linear in the statistics, so that one backward pass serves M samples."""
        return self.sample_log_prob is None

    def log_prob_of(self, x: jax.Array, logits: jax.Array) -> jax.Array:
        """Computes ``log g(x|z)`` in nats of samples, for every family: ``[..., data] -> [...]``.

        Args:
          x: samples.
          logits: the generator's output. Differentiated.

        Returns:
          Nats, ``[...]``, at least float32.
        """
        if self.sample_log_prob is not None:
            return self.sample_log_prob(x, logits)
        return self.log_prob(self.statistics(x), logits)

    def log_prob(self, statistics: jax.Array, logits: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
        """Computes ``log g(x|z)`` in nats, summed over the example's own dims: ``[..., data] -> [...]``.

        Linear in ``statistics``: passing a weighted mean of statistics gives the weighted mean of log-probabilities.

        Args:
          statistics: ``t(x)``, or a weighted sum of them; its trailing dims are those of the logits.
          logits: the generator's output. Differentiated.
          mask: booleans, the shape of x, or one that broadcasts to it: False where a coordinate is padding, which adds
            nothing to the sum and gets no gradient, whatever its logits are. By default every coordinate counts.

        Returns:
          Nats, ``[...]``, at least float32.

        Raises:
          ValueError: the shapes do not fit, or the mask is not boolean.

        Example:
          >>> from bgan_jax.conditionals import product_bernoulli
          >>> bernoulli = product_bernoulli(event_ndims=1)
          >>> bernoulli.log_prob(jnp.array([1.0, 0.0]), jnp.array([0.0, 0.0]))
          Array(-1.3862944, dtype=float32)
          >>> bernoulli.log_prob(jnp.array([1.0, 0.0]), jnp.array([0.0, -jnp.inf]), mask=jnp.array([True, False]))
          Array(-0.6931472, dtype=float32)
        """
        return self.inner_product(statistics, logits, mask=mask) - self.log_normalizer(logits, mask=mask)

    def inner_product(self, statistics: jax.Array, logits: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
        """Computes ``<t(x), logits>``, the part of the log-probability that depends on x, where 0 times -inf is 0.

        Args:
          statistics: as in :meth:`log_prob`.
          logits: as in :meth:`log_prob`.
          mask: as in :meth:`log_prob`.

        Returns:
          Nats, ``[...]``, at least float32.
        """
        logits = at_least_float32(logits)
        own_dims = logits.shape[logits.ndim - self.event_ndims :]
        if logits.ndim < self.event_ndims or statistics.shape[statistics.ndim - self.event_ndims :] != own_dims:
            raise ValueError(
                f"{self.name}: statistics {statistics.shape} and logits {logits.shape} must agree in the last "
                f"{self.event_ndims} dims, those of one example"
            )
        absent = (statistics == 0) & jnp.isneginf(logits)
        if mask is not None:
            mask = self._checked_mask(mask)
            absent |= ~self.over_logits(mask)
        return jnp.sum(statistics * jnp.where(absent, 0.0, logits), axis=event_axes(self.event_ndims))

    def log_normalizer(self, logits: jax.Array, *, mask: jax.Array | None = None) -> jax.Array:
        """Computes ``A(logits)`` in nats, summed over the example's own dims: ``[..., data] -> [...]``.

        Args:
          logits: the generator's output. Differentiated.
          mask: as in :meth:`log_prob`.

        Returns:
          Nats, ``[...]``, at least float32.
        """
        if mask is None:
            return jnp.sum(self.log_normalizers(logits), axis=event_axes(self.coordinate_ndims))
        mask = self._checked_mask(mask)
        # Padded logits are replaced before they enter the normaliser, so that a NaN or -inf there has no gradient.
        normalizers = self.log_normalizers(jnp.where(self.over_logits(mask), logits, 0.0))
        return jnp.sum(jnp.where(mask, normalizers, 0.0), axis=event_axes(self.coordinate_ndims))

    def over_logits(self, mask: jax.Array) -> jax.Array:
        """Returns a mask of coordinates in a shape that broadcasts to the logits, which may have an axis of classes."""
        if self.mask_over_logits is not None:
            return self.mask_over_logits(mask)
        return mask if self.coordinate_ndims == self.event_ndims else mask[..., None]

    def _checked_mask(self, mask: jax.Array) -> jax.Array:
        """Returns the mask as an array; raises ValueError unless it is boolean."""
        mask = jnp.asarray(mask)
        if mask.dtype != jnp.bool_:
            raise ValueError(f"{self.name}: mask must be boolean, True where a coordinate counts, found {mask.dtype}")
        return mask


def event_axes(event_ndims: int) -> tuple[int, ...]:
    """Returns the axes of one example: the last ``event_ndims``."""
    return tuple(range(-event_ndims, 0))


def check_symbols(name: str, x: jax.Array, *, num_values: int) -> None:
    """Raises ValueError if x is not an array of whole numbers in ``0 .. num_values - 1``, whatever its dtype.

    The values of traced arrays are not known, so they are not checked.
    """
    if isinstance(x, jax.core.Tracer) or x.size == 0:
        return
    values = np.asarray(x)
    if np.issubdtype(values.dtype, np.inexact) and (values != np.round(values)).any():
        raise ValueError(f"{name}: symbols must be whole numbers, found {values[values != np.round(values)][0]}")
    smallest, largest = int(values.min()), int(values.max())
    if smallest < 0 or largest >= num_values:
        raise ValueError(f"{name}: symbols must be in 0 .. {num_values - 1}, found {smallest} .. {largest}")


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
    return _over_samples(conditional.sample, keys, logits, sample_index)


def sample_statistics(
    conditional: Conditional, keys: jax.Array, logits: jax.Array, *, sample_index: jax.Array
) -> jax.Array:
    """Draws the samples of :func:`sample_conditionals` and returns their statistics alone.

    Args:
      conditional: the family.
      keys: one key per latent, ``[N]``.
      logits: the generator's output, ``[N, ...]``.
      sample_index: the indices m to draw, ``[M]``, integer.

    Returns:
      t(x), float32, ``[M, N, ...]``.

    Example:
      >>> from bgan_jax.conditionals import example_keys, product_categorical
      >>> keys = example_keys(jax.random.key(0), jnp.arange(2))
      >>> sample_statistics(product_categorical(16), keys, jnp.zeros((2, 4, 4, 16)), sample_index=jnp.arange(5)).shape
      (5, 2, 4, 4, 16)
    """
    if conditional.sample_statistics is not None:
        return _over_samples(conditional.sample_statistics, keys, logits, sample_index)
    return conditional.statistics(sample_conditionals(conditional, keys, logits, sample_index=sample_index))


def _over_samples(
    draw: Callable[[jax.Array, jax.Array], jax.Array], keys: jax.Array, logits: jax.Array, sample_index: jax.Array
) -> jax.Array:
    """Applies ``draw`` to the key and the logits of every sample, ``[M, N, ...]``."""

    def one(m: jax.Array, key: jax.Array, example_logits: jax.Array) -> jax.Array:
        return draw(jax.random.fold_in(key, m), example_logits)

    over_latents = jax.vmap(one, in_axes=(None, 0, 0))
    return jax.vmap(over_latents, in_axes=(0, None, None))(sample_index, keys, logits)
