r"""Gumbel-softmax: samples of a discrete conditional, relaxed so that gradients pass through them.

With Gumbel noise :math:`\gamma` the symbol :math:`\arg\max_c (l_c + \gamma_c)` has the probabilities softmax(l); at
temperature :math:`\tau` the argmax becomes

.. math:: y = \mathrm{softmax}\big((l + \gamma) / \tau\big)

and a bit the same with two symbols, :math:`\sigma((l + \lambda) / \tau)` with logistic noise (Jang et al. 2017,
https://arxiv.org/abs/1611.01144; Maddison et al. 2017, https://arxiv.org/abs/1611.00712). The gradient is that of the
relaxed problem: biased for the discrete one, less so and noisier as the temperature falls.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bgan_jax.conditionals import Conditional
from bgan_jax.losses.elementary import at_least_float32


def relaxed_sample(
    key: jax.Array, logits: jax.Array, *, conditional: Conditional, temperature: float | jax.Array
) -> jax.Array:
    """Draws a sample between the vertices, which the discriminator sees instead of ``t(x)``.

    Args:
      key: PRNG key.
      logits: the generator's output, ``[..., data]``. Differentiated.
      conditional: the generator's conditional family. Static.
      temperature: tau > 0; may be traced.

    Returns:
      Relaxed statistics in [0, 1], at least float32, the shape of the logits.

    Example:
      >>> from bgan_jax.conditionals import product_categorical
      >>> relaxed = relaxed_sample(
      ...     jax.random.key(0), jnp.zeros((5, 3)), conditional=product_categorical(3, event_ndims=1), temperature=0.5)
      >>> relaxed.sum(axis=-1).tolist()
      [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    logits = at_least_float32(logits)
    if conditional.name == "product_bernoulli":
        return jax.nn.sigmoid((logits + jax.random.logistic(key, logits.shape)) / temperature)
    return jax.nn.softmax((logits + jax.random.gumbel(key, logits.shape)) / temperature, axis=-1)


def straight_through(relaxed: jax.Array, *, conditional: Conditional) -> jax.Array:
    """Returns the nearest vertex, with the gradient of the relaxed sample.

    Args:
      relaxed: from :func:`relaxed_sample`. Differentiated, as if this were the identity.
      conditional: the generator's conditional family. Static.

    Returns:
      Bits or one-hot vectors, float32, the shape of ``relaxed``.

    Example:
      >>> from bgan_jax.conditionals import product_bernoulli
      >>> straight_through(jnp.array([0.2, 0.7]), conditional=product_bernoulli(event_ndims=1)).tolist()
      [0.0, 1.0]
    """
    if conditional.name == "product_bernoulli":
        hard = jnp.round(relaxed)
    else:
        hard = jax.nn.one_hot(jnp.argmax(relaxed, axis=-1), relaxed.shape[-1], dtype=relaxed.dtype)
    # In this order the sum is exactly the vertex: the bracket is zero.
    return jax.lax.stop_gradient(hard) + (relaxed - jax.lax.stop_gradient(relaxed))


def annealed_temperature(step: jax.Array, *, initial: float, rate: float, minimum: float) -> jax.Array:
    r"""Computes the temperature :math:`\max(\tau_0 e^{-r \cdot \mathrm{step}}, \tau_{\min})`.

    Args:
      step: number of the step. Traced.
      initial: tau_0, the authors' 3.
      rate: r, per step.
      minimum: tau_min, the authors' 0.5.

    Returns:
      The temperature, scalar.

    Example:
      >>> [round(float(annealed_temperature(step, initial=3.0, rate=0.01, minimum=0.5)), 3) for step in (0, 100, 1000)]
      [3.0, 1.104, 0.5]
    """
    return jnp.maximum(initial * jnp.exp(-rate * jnp.asarray(step, jnp.float32)), minimum)
