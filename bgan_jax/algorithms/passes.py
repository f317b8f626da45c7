"""One pass through each player: the generator on latents or images, the discriminator on real and generated points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bgan_jax.algorithms.state import TrainState
from bgan_jax.conditionals import latent_and_sample_keys
from bgan_jax.networks import Networks, Player, sample_latents


class GeneratorPass(NamedTuple):
    """One forward pass of the generator, with its backward pass.

    Attributes:
      logits: the generator's output, ``[N, ...]``.
      vjp: gradient with respect to the logits -> gradient with respect to the generator's parameters.
      model_state: the generator's model state after the pass.
      sample_keys: one key per latent for the samples drawn from its conditional, ``[N]``.
      latents: what the generator was run on, ``[N, latent_dim]``; ``None`` where that is data.
    """

    logits: jax.Array
    vjp: Callable[[jax.Array], Any]
    model_state: Any
    sample_keys: jax.Array
    latents: jax.Array | None = None


def draw_latents(keys: jax.Array, *, networks: Networks) -> jax.Array:
    """Draws latents ``z ~ h``, ``[N, latent_dim]``, one per key."""
    return jax.vmap(lambda key: sample_latents(key, (networks.latent_dim,), prior=networks.latent_prior))(keys)


def generate(state: TrainState, key: jax.Array, example_index: jax.Array, *, networks: Networks) -> GeneratorPass:
    """Draws latents by global example index and runs the generator on them.

    Args:
      state: the run's state.
      key: the round's key.
      example_index: each example's index in the global batch, ``[N]``.
      networks: both players. Static.

    Returns:
      :class:`GeneratorPass`.
    """
    latent_keys, sample_keys = latent_and_sample_keys(key, example_index)
    latents = draw_latents(latent_keys, networks=networks)
    return run_generator(state, latents, sample_keys, gen=networks.gen)._replace(latents=latents)


def run_generator(state: TrainState, inputs: jax.Array, sample_keys: jax.Array, *, gen: Player) -> GeneratorPass:
    """Runs the generator in its training mode on what it is conditioned on: latents, or images to be labelled.

    Args:
      state: the run's state.
      inputs: ``[N, ...]``.
      sample_keys: one key per input for the samples drawn from its conditional, ``[N]``.
      gen: the generator. Static.

    Returns:
      :class:`GeneratorPass`, without latents.
    """

    def forward(params: Any) -> tuple[jax.Array, Any]:
        return gen.apply({"params": params, **state.model_state.gen}, inputs, train=True)

    logits, vjp, model_state = jax.vjp(forward, state.params.gen, has_aux=True)
    return GeneratorPass(
        logits=logits,
        vjp=lambda cotangent: vjp(cotangent)[0],
        model_state=model_state,
        sample_keys=sample_keys,
    )


def discriminate(
    disc: Player, params: Any, model_state: Any, *, real: jax.Array, fake: jax.Array
) -> tuple[jax.Array, jax.Array, Any]:
    """Evaluates F on data and on generated points, in the discriminator's training mode.

    Real and fake points pass as one batch where F at one point does not depend on the rest of the batch, so that the
    parameters are read once. With batch statistics they pass one after the other, data first, each with its own
    statistics, as in the authors' code.

    Args:
      disc: the discriminator. Static.
      params: its parameters.
      model_state: its other collections.
      real: data, ``[N, ...]``.
      fake: generated points, ``[N', ...]``.

    Returns:
      F of data, F of generated points, and the next model state.
    """

    def apply(points: jax.Array, model_state: Any) -> tuple[jax.Array, Any]:
        return disc.apply({"params": params, **model_state}, points, train=True)

    if disc.batch_independent:
        logits, model_state = apply(jnp.concatenate([real, fake]), model_state)
        return logits[: len(real)], logits[len(real) :], model_state
    real_logits, model_state = apply(real, model_state)
    fake_logits, model_state = apply(fake, model_state)
    return real_logits, fake_logits, model_state
