"""Passing points through the discriminator a few at a time: the same sums in a compiled loop over small batches.

What lies between the layers of a small batch stays in a CPU's cache, and memory is that of one batch. Nothing here
changes a result but by the order of its sums. How many points pass at a time is an argument, :class:`Microbatches`,
which is chosen for the platform once, where a run starts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bgan_jax import losses
from bgan_jax.algorithms.passes import discriminate
from bgan_jax.networks import Player
from bgan_jax.networks.interface import Apply

Function = Callable[[Any, jax.Array], tuple[jax.Array, Any]]


class Microbatches(NamedTuple):
    """How much passes through the discriminator at a time; static. The defaults pass everything at once.

    Attributes:
      learned_values: from how many values of fake points, points times their size, the discriminator learns in one
        round of a loop; at least one sample of every latent. Fewer values read the parameters too often, and what lies
        between the layers of more does not stay in a cache. ``None`` learns from all at once.
      scored_points: how many samples are scored at a time, over all latents.
      scored_samples: how many samples of every latent are scored at a time.
      in_loop_form: whether a network runs in its ``in_loop`` form, where it has one, when it is in a loop.
    """

    learned_values: int | None = None
    scored_points: int | None = None
    scored_samples: int | None = None
    in_loop_form: bool = False

    def loop_form(self, disc: Player) -> Apply | None:
        """Returns the discriminator in its form for loops; ``None`` where there is none or it is not used."""
        return disc.in_loop if self.in_loop_form else None

    def sample_chunk(self, num_samples: int, *, num_latents: int) -> int:
        """Returns how many of the M samples are scored at a time: the largest divisor of M within the limits.

        Example:
          >>> [m.sample_chunk(20, num_latents=16) for m in (Microbatches(scored_points=64), Microbatches())]
          [4, 20]
        """
        limits = [num_samples]
        limits += [] if self.scored_points is None else [self.scored_points // num_latents]
        limits += [] if self.scored_samples is None else [self.scored_samples]
        at_most = max(min(limits), 1)
        return max(size for size in range(1, at_most + 1) if num_samples % size == 0)


#: What is fastest by the name of JAX's platform; measured on CPUs (``docs/speed.md``), chosen for memory elsewhere.
#: 1,280 digits are scored in 0.6 of the time, and learned from in half the time, by 64 at a time on a CPU.
CPU = Microbatches(learned_values=2**17, scored_points=64, in_loop_form=True)
ACCELERATOR = Microbatches(scored_samples=20)


def microbatches_for(platform: str) -> Microbatches:
    """Returns the sizes that suit a platform, by JAX's name of it.

    Example:
      >>> microbatches_for("cpu").scored_points, microbatches_for("tpu").scored_samples
      (64, 20)
    """
    return CPU if platform == "cpu" else ACCELERATOR


def lower_bound(
    disc: Player,
    params: Any,
    model_state: Any,
    *,
    real: jax.Array,
    fakes: jax.Array,
    divergence: str | losses.FDivergence,
    microbatches: Microbatches,
) -> tuple[jax.Array, tuple[jax.Array, jax.Array, Any]]:
    """Computes the variational lower bound on real points and k fake ones per latent, differentiable in the parameters.

    The bound is a term of real points plus a mean over fake ones. Where there are many fake ones, the gradient of that
    mean is taken round by round; the samples that do not fill a round pass with the real points.

    Args:
      disc: the discriminator. Static.
      params: its parameters. Differentiated, once.
      model_state: its other collections.
      real: ``[N, ...]``.
      fakes: ``[k, N, ...]``.
      divergence: what F is trained by. Static.
      microbatches: how many points pass at a time. Static.

    Returns:
      The bound in nats; and F of the real points ``[N]``, F of the fake ones ``[k, N]``, the next model state.
    """
    num_fakes, loop_form = len(fakes), microbatches.loop_form(disc)
    at_a_time = num_fakes
    if loop_form is not None and microbatches.learned_values is not None:
        at_a_time = max(1, microbatches.learned_values // fakes[0].size)
    in_rounds = loop_form if num_fakes > at_a_time else None
    first = num_fakes if in_rounds is None else num_fakes % at_a_time
    real_logits, first_logits, model_state = discriminate(
        disc, params, model_state, real=real, fake=fakes[:first].reshape((-1, *fakes.shape[2:]))
    )
    first_logits = first_logits.reshape((first, fakes.shape[1], *first_logits.shape[1:]))
    if in_rounds is None:
        bound = losses.variational_lower_bound(real_logits=real_logits, fake_logits=first_logits, divergence=divergence)
        return bound, (real_logits, first_logits, model_state)

    def fake_term(logits: jax.Array) -> jax.Array:
        # Real points enter by a constant, which leaves the gradient as it is.
        constant = jnp.zeros(1)
        return losses.variational_lower_bound(real_logits=constant, fake_logits=logits, divergence=divergence)

    def term_and_logits(params: Any, batch: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = in_rounds({"params": params, **model_state}, batch, train=True)[0]
        return fake_term(logits), logits

    rounds = fakes[first:].reshape((-1, at_a_time * fakes.shape[1], *fakes.shape[2:]))
    term, logits = mean_over_microbatches(term_and_logits, params, rounds)
    share = first / num_fakes
    slope = (1.0 - share) * term + (share * fake_term(first_logits) if first else 0.0)
    fake_logits = jnp.concatenate([first_logits, logits.reshape((num_fakes - first, *first_logits.shape[1:]))])
    bound = losses.variational_lower_bound(
        real_logits=real_logits, fake_logits=jax.lax.stop_gradient(fake_logits), divergence=divergence
    )
    return bound + (slope - jax.lax.stop_gradient(slope)), (real_logits, fake_logits, model_state)


def mean_over_microbatches(function: Function, params: Any, batches: jax.Array) -> tuple[jax.Array, Any]:
    r"""Computes the mean of a function over batches, :math:`\frac1K \sum_k f(\theta, x_k)`, differentiable once.

    The gradient of each batch is taken right after its value and added up: no intermediate of one batch is kept for the
    backward pass, so memory is that of one batch.

    Args:
      function: ``function(params, batch) -> (value, auxiliary)``, of nothing else that is differentiated. Static.
      params: what gradients are taken in.
      batches: ``[K, ...]``; constant.

    Returns:
      The mean value, and the auxiliary results, stacked, ``[K, ...]``; constant.

    Example:
      >>> batches = jnp.arange(6.0).reshape(3, 2)
      >>> value_and_aux = lambda scale: mean_over_microbatches(lambda s, x: (s * x.sum(), x[0]), scale, batches)
      >>> gradient, first = jax.grad(value_and_aux, has_aux=True)(2.0)
      >>> float(gradient), first.tolist()
      (5.0, [0.0, 2.0, 4.0])
    """

    @jax.custom_vjp
    def mean(params: Any, batches: jax.Array) -> tuple[jax.Array, Any]:
        values, auxiliary = jax.lax.map(lambda batch: function(params, batch), batches)
        return jnp.mean(values), auxiliary

    def forward(params: Any, batches: jax.Array) -> tuple[tuple[jax.Array, Any], Any]:
        def one(total: Any, batch: jax.Array) -> tuple[Any, tuple[jax.Array, Any]]:
            result, gradient = jax.value_and_grad(function, has_aux=True)(params, batch)
            return jax.tree.map(jnp.add, total, gradient), result

        total, (values, auxiliary) = jax.lax.scan(one, jax.tree.map(jnp.zeros_like, params), batches)
        return (jnp.mean(values), auxiliary), jax.tree.map(lambda leaf: leaf / len(batches), total)

    def backward(gradient: Any, cotangents: tuple[jax.Array, Any]) -> tuple[Any, None]:
        return jax.tree.map(lambda leaf: cotangents[0] * leaf, gradient), None

    mean.defvjp(forward, backward)
    return mean(params, batches)
