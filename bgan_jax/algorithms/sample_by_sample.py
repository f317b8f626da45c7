r"""The generator's gradient of any conditional family: by sums where they suffice, else sample by sample.

Where ``log g`` is linear in a sample's statistics, the weighted sum of the statistics is all that the backward pass
needs. Where it is not, the coefficients of the samples are needed themselves. They come from the same estimators by the
same sums: instead of its statistics, sample m sums up the unit vector :math:`e_m`, and

.. math:: \sum_m c_{mn} e_m = (c_{1n}, \ldots, c_{Mn}).

Then each sample is drawn again, and its ``log g`` differentiated, one sample of every latent at a time: M backward
passes through the conditional, and one through the generator. Memory grows with N M^2 numbers.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bgan_jax.algorithms.estimators import CoefficientSums, generator_loss
from bgan_jax.algorithms.passes import GeneratorPass
from bgan_jax.conditionals import Conditional, sample_conditionals


def logits_gradient(fakes: GeneratorPass, coefficient_sums: CoefficientSums, *, conditional: Conditional) -> jax.Array:
    r"""Computes the gradient of :math:`-\frac1N \sum_n \sum_m c_{mn} \log g(x_{mn} \mid z_n)` in the logits.

    Args:
      fakes: the generator's pass, with the keys of its samples.
      coefficient_sums: the estimator's two sums; of a family without linear statistics, the first are the coefficients
        c, ``[N, M]``. Constants.
      conditional: the generator's conditional family. Static.

    Returns:
      The gradient, ``[N, ...]``.
    """
    if conditional.linear:
        return jax.grad(generator_loss)(fakes.logits, coefficient_sums, conditional=conditional)
    num_latents, num_samples = coefficient_sums.statistics.shape
    drawn_from = jax.lax.stop_gradient(fakes.logits)

    def loss_of(logits: jax.Array, m: jax.Array) -> jax.Array:
        x = sample_conditionals(conditional, fakes.sample_keys, drawn_from, sample_index=m[None])[0]
        return -jnp.sum(coefficient_sums.statistics[:, m] * conditional.log_prob_of(x, logits)) / num_latents

    def add(m: jax.Array, gradient: jax.Array) -> jax.Array:
        return gradient + jax.grad(loss_of)(fakes.logits, m)

    return jax.lax.fori_loop(0, num_samples, add, jnp.zeros_like(fakes.logits))


def points_between(conditional: Conditional, logits: jax.Array, fake_points: jax.Array) -> jax.Array:
    """Returns the generated points that the discriminator's penalty is taken at, ``[N, ...]``.

    They are probabilities, as in the authors' code: between the vertices, where no sample is, a discriminator of
    discrete data could grow steep without any sample showing it. A family without an exact mean gives its first sample.

    Args:
      conditional: the generator's conditional family. Static.
      logits: the generator's output, ``[N, ...]``. Constant.
      fake_points: the samples that the discriminator learns from, ``[k, N, ...]``.

    Returns:
      The points.
    """
    return conditional.mean(jax.lax.stop_gradient(logits)) if conditional.linear else fake_points[0]
