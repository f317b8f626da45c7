"""A part of an example that may be missing."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bgan_jax.conditionals.conditional import Conditional
from bgan_jax.conditionals.parts import Part, product_of_parts
from bgan_jax.losses.elementary import at_least_float32


def optional(part: Part) -> Conditional:
    r"""Returns the distribution of a part that is there or missing, as a whole.

    An example is a bit b, 1 where the part is there, and the coordinates y of the part, which are 0 where it is
    missing. It is an exponential family again: with the logit :math:`l_0` of the bit,

    .. math:: t(b, y) = (b, \; b \, t(y)), \qquad A(l_0, l) = \log(1 + e^{l_0 + A(l)}).

    So :math:`P(b = 1) = \mathrm{sigmoid}(l_0 + A(l))`, and the mean of the part's statistics is that times
    :math:`E[t(y)]`. The discriminator sees no value of what is missing.

    Args:
      part: a family with linear statistics, and the shape of its logits. Static.

    Returns:
      The :class:`Conditional` of flat examples: x is ``[..., 1 + C]``, logits and statistics are ``[..., 1 + D]``.

    Raises:
      ValueError: the part has no linear statistics.

    Example:
      >>> from bgan_jax.conditionals import product_categorical
      >>> answer = optional(Part(product_categorical(3, event_ndims=1), (3,)))
      >>> answer.statistics(jnp.array([[1, 2], [0, 0]])).tolist()
      [[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]]
      >>> answer.mean(jnp.array([-jnp.log(3.0), 0.0, 0.0, 0.0])).tolist()  # of 3 equal answers, there half of the time
      [0.5, 0.167, 0.167, 0.167]
    """
    present = product_of_parts({"part": part}, name=f"optional {part.conditional.name}")

    def split(array: jax.Array) -> tuple[jax.Array, jax.Array]:
        return array[..., :1], array[..., 1:]

    def presence_logit(logits: jax.Array) -> jax.Array:
        """Computes l0 + A(l), ``[..., 1]``."""
        own, rest = split(at_least_float32(logits))
        return own + present.log_normalizer(rest)[..., None]

    def sample(key: jax.Array, logits: jax.Array) -> jax.Array:
        key_of_bit, key_of_part = jax.random.split(key)
        there = jax.random.bernoulli(key_of_bit, jax.nn.sigmoid(presence_logit(logits)))
        y = present.sample(key_of_part, split(logits)[1])
        return jnp.concatenate([there.astype(y.dtype), jnp.where(there, y, 0)], axis=-1)

    def statistics(x: jax.Array) -> jax.Array:
        there, y = split(jnp.asarray(x))
        there = there.astype(jnp.float32)
        return jnp.concatenate([there, there * present.statistics(y)], axis=-1)

    def mean(logits: jax.Array) -> jax.Array:
        probability = jax.nn.sigmoid(presence_logit(logits))
        return jnp.concatenate([probability, probability * present.mean(split(logits)[1])], axis=-1)

    def log_normalizers(logits: jax.Array) -> jax.Array:
        # One normaliser for the whole example, at the bit; the shape of x.
        whole = jax.nn.softplus(presence_logit(logits))
        return jnp.concatenate([whole, jnp.zeros_like(present.log_normalizers(split(logits)[1]))], axis=-1)

    def mask_over_logits(mask: jax.Array) -> jax.Array:
        # The bit's mask is that of the example: without the bit there is no value either.
        return mask[..., :1]

    return Conditional(
        name=present.name,
        sample=sample,
        statistics=statistics,
        mean=mean,
        log_normalizers=log_normalizers,
        event_ndims=1,
        coordinate_ndims=1,
        mask_over_logits=mask_over_logits,
    )
