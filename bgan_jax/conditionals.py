r"""The generator's conditional distributions g(x|z): products of independent Bernoulli or categorical coordinates.

Both are exponential families in the generator's logits ``l``. With the sufficient statistics ``t(x)`` (the bits
themselves, or one-hot vectors) and the log-normaliser ``A(l)``,

.. math:: \log g(x \mid z) = \langle t(x), l \rangle - A(l), \qquad \nabla_l A(l) = E[t(x)].

The log-probability is linear in ``t(x)``, which is what makes training cheap: a weighted sum over M samples of
``log g`` is ``log g`` at the weighted mean of their statistics, so one backward pass through the generator serves
any M. The discriminator sees ``t(x)`` too, so the same array is its input.

Shapes: ``...`` are an example's own dims. A binary image has logits and bits of shape ``[..., H, W, C]``; a
categorical one has symbols of shape ``[..., H, W]`` and logits of shape ``[..., H, W, K]``; text drops ``W``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Conditional(NamedTuple):
    """A family of distributions of one example given its logits, as pure functions.

    Attributes:
      name: ``"product_bernoulli"`` or ``"product_categorical"``.
      sample: ``(key, logits) -> x``, uint8 (or uint16) in the data's own form; one draw for the whole array.
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
        """``log g(x|z)`` in nats, summed over the example's own dims: ``[..., data] -> [...]``.

        Linear in ``statistics``: passing a weighted mean of statistics gives the weighted mean of log-probabilities.

        Example:
          >>> bernoulli = product_bernoulli(event_ndims=1)
          >>> bernoulli.log_prob(jnp.array([1.0, 0.0]), jnp.array([0.0, 0.0]))
          Array(-1.3862944, dtype=float32)
        """
        inner_product = jnp.sum(statistics * logits, axis=_event_axes(self.event_ndims))
        return inner_product - self.log_normalizer(logits)


def _event_axes(event_ndims: int) -> tuple[int, ...]:
    return tuple(range(-event_ndims, 0))


def product_bernoulli(*, event_ndims: int = 3) -> Conditional:
    r"""Independent bits: ``t(x) = x`` and ``A(l) = sum_i softplus(l_i)``.

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
        return jnp.sum(jax.nn.softplus(logits), axis=_event_axes(event_ndims))

    return Conditional(
        name="product_bernoulli",
        sample=sample,
        statistics=lambda x: x.astype(jnp.float32),
        mean=jax.nn.sigmoid,
        log_normalizer=log_normalizer,
        event_ndims=event_ndims,
    )


def product_categorical(num_classes: int, *, event_ndims: int = 3) -> Conditional:
    r"""Independent symbols: ``t(x)`` is one-hot over the last axis and ``A(l) = sum_i logsumexp_c l_ic``.

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
        return jnp.sum(jax.nn.logsumexp(logits, axis=-1), axis=_event_axes(event_ndims - 1))

    return Conditional(
        name="product_categorical",
        sample=sample,
        statistics=lambda x: jax.nn.one_hot(x, num_classes, dtype=jnp.float32),
        mean=lambda logits: jax.nn.softmax(logits, axis=-1),
        log_normalizer=log_normalizer,
        event_ndims=event_ndims,
    )


def conditional_for(kind: str, example_shape: tuple[int, ...], *, num_classes: int | None = None) -> Conditional:
    """The conditional distribution that fits a kind of data.

    Args:
      kind: ``"binary"``, ``"categorical"`` or ``"text"``, as in ``bgan_jax.data.DatasetSpec.kind``. Static.
      example_shape: one example's shape in the data's own form (``(28, 28, 1)`` bits, ``(32, 32)`` symbols). Static.
      num_classes: number of symbols; needed unless the kind is binary. Static.

    Returns:
      The :class:`Conditional`.

    Raises:
      ValueError: the kind has no discrete conditional, or ``num_classes`` is missing.

    Example:
      >>> conditional_for("text", (32,), num_classes=80).event_ndims
      2
    """
    if kind == "binary":
        return product_bernoulli(event_ndims=len(example_shape))
    if kind in ("categorical", "text"):
        if num_classes is None:
            raise ValueError(f"a {kind} conditional needs num_classes, the number of symbols")
        return product_categorical(num_classes, event_ndims=len(example_shape) + 1)
    raise ValueError(
        f"data of kind {kind!r} has no discrete conditional; legal kinds are 'binary', 'categorical', 'text'"
    )


def example_keys(key: jax.Array, example_index: jax.Array) -> jax.Array:
    """One key per example, by the example's index in the global batch.

    Keys depend on the index alone, not on the device that holds the example, so a run draws the same numbers on one
    device, on eight, or on many hosts.

    Args:
      key: the step's key.
      example_index: index of every example in the global batch, ``[N]``, integer.

    Returns:
      Keys, ``[N]``.

    Example:
      >>> example_keys(jax.random.key(0), jnp.arange(3)).shape
      (3,)
    """
    return jax.vmap(lambda index: jax.random.fold_in(key, index))(example_index)


def sample_conditionals(
    conditional: Conditional, keys: jax.Array, logits: jax.Array, *, sample_index: jax.Array
) -> jax.Array:
    """Draws from ``g(x|z_n)`` for every latent n: the samples with the given indices m, independent of one another.

    Sample (m, n) is drawn with ``fold_in(keys[n], m)``: a subset or a chunk of the M samples is the same subset of
    the same samples, so M can be walked in chunks, or a few samples drawn again, without storing any.

    Args:
      conditional: the family.
      keys: one key per latent, ``[N]``.
      logits: the generator's output, ``[N, ...]``.
      sample_index: the indices m to draw, ``[M]``, integer.

    Returns:
      Samples in the data's own form, ``[M, N, ...]``.

    Example:
      >>> keys = example_keys(jax.random.key(0), jnp.arange(2))
      >>> sample_conditionals(product_bernoulli(), keys, jnp.zeros((2, 28, 28, 1)), sample_index=jnp.arange(5)).shape
      (5, 2, 28, 28, 1)
    """

    def draw(m: jax.Array, key: jax.Array, example_logits: jax.Array) -> jax.Array:
        return conditional.sample(jax.random.fold_in(key, m), example_logits)

    over_latents = jax.vmap(draw, in_axes=(None, 0, 0))
    return jax.vmap(over_latents, in_axes=(0, None, None))(sample_index, keys, logits)
