"""What every algorithm does with one player: run the generator, and apply a gradient to either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.flatten_util
import jax.numpy as jnp
import optax

from bgan_jax.algorithms.state import Pair, TrainState
from bgan_jax.conditionals import example_keys
from bgan_jax.networks import Networks, Player, sample_latents

# An algorithm may keep more than the rest do.
State = TypeVar("State", bound=TrainState)


def mean_over_devices(tree: Any, *, axis_name: str | None) -> Any:
    """The mean of every leaf over the devices, in one all-reduce however many leaves there are.

    Args:
      tree: arrays, float32.
      axis_name: the name of the device axis, ``None`` for none. Static. On a single device this is the identity.

    Returns:
      The same tree, averaged.
    """
    if axis_name is None or jax.lax.psum(1, axis_name) == 1:
        # What follows waits for the whole tree, as it would for a mean. Else an update might come before the last use
        # of what it changes, and the compiler would copy most parameters.
        return jax.lax.optimization_barrier(tree)
    flat, unflatten = jax.flatten_util.ravel_pytree(tree)
    return unflatten(jax.lax.pmean(flat, axis_name))


class Generated(NamedTuple):
    """One pass of the generator, with the means to go back through it.

    Attributes:
      logits: the generator's output, ``[N, ...]``.
      pull_back: gradient with respect to the logits -> gradient with respect to the generator's parameters.
      model_state: the generator's model state after the pass.
      sample_keys: one key per latent for the samples drawn from its conditional, ``[N]``.
      latents: what the generator was run on, ``[N, latent_dim]``; ``None`` where that is data.
    """

    logits: jax.Array
    pull_back: Callable[[jax.Array], Any]
    model_state: Any
    sample_keys: jax.Array
    latents: jax.Array | None = None


def draw_latents(keys: jax.Array, *, networks: Networks) -> jax.Array:
    """Latents ``z ~ h``, ``[N, latent_dim]``, one per key."""
    return jax.vmap(lambda key: sample_latents(key, (networks.latent_dim,), prior=networks.latent_prior))(keys)


def generate(state: TrainState, key: jax.Array, example_index: jax.Array, *, networks: Networks) -> Generated:
    """Draws latents by global example index and runs the generator on them.

    Args:
      state: the run's state.
      key: the (sub)step's key.
      example_index: each example's index in the global batch, ``[N]``.
      networks: both players. Static.

    Returns:
      :class:`Generated`.
    """
    latent_keys, sample_keys = jnp.unstack(jax.vmap(jax.random.split)(example_keys(key, example_index)), axis=1)
    latents = draw_latents(latent_keys, networks=networks)
    return run_generator(state, latents, sample_keys, gen=networks.gen)._replace(latents=latents)


def run_generator(state: TrainState, inputs: jax.Array, sample_keys: jax.Array, *, gen: Player) -> Generated:
    """Runs the generator in its training mode on what it is conditioned on: latents, or images to be labelled.

    Args:
      state: the run's state.
      inputs: ``[N, ...]``.
      sample_keys: one key per input for the samples drawn from its conditional, ``[N]``.
      gen: the generator. Static.

    Returns:
      :class:`Generated`, without latents.
    """

    def forward(params: Any) -> tuple[jax.Array, Any]:
        return gen.apply({"params": params, **state.model_state.gen}, inputs, train=True)

    logits, pull_back, model_state = jax.vjp(forward, state.params.gen, has_aux=True)
    return Generated(
        logits=logits,
        pull_back=lambda cotangent: pull_back(cotangent)[0],
        model_state=model_state,
        sample_keys=sample_keys,
    )


def judge(
    networks: Networks, params: Any, model_state: Any, *, real: jax.Array, fake: jax.Array
) -> tuple[jax.Array, jax.Array, Any]:
    """F of data and of generated points, by the discriminator in its training mode.

    They pass as one batch where every point is judged by itself, so that the parameters are read once; and apart, data
    first, where there are batch statistics, each with its own, as in the authors' code.

    Args:
      networks: both players. Static.
      params: the discriminator's.
      model_state: the discriminator's.
      real: data, ``[N, ...]``.
      fake: generated points, ``[N', ...]``.

    Returns:
      F of data, F of generated points, and the next model state.
    """

    def apply(points: jax.Array, model_state: Any) -> tuple[jax.Array, Any]:
        return networks.disc.apply({"params": params, **model_state}, points, train=True)

    if networks.independent:
        logits, model_state = apply(jnp.concatenate([real, fake]), model_state)
        return logits[: len(real)], logits[len(real) :], model_state
    real_logits, model_state = apply(real, model_state)
    fake_logits, model_state = apply(fake, model_state)
    return real_logits, fake_logits, model_state


def update_discriminator(state: State, gradient: Any, model_state: Any, *, optimizers: Pair) -> State:
    """The state after one optimiser step of the discriminator, with its new model state."""
    updates, opt_state = optimizers.disc.update(gradient, state.opt_state.disc, state.params.disc)
    return state.replace(
        params=state.params._replace(disc=optax.apply_updates(state.params.disc, updates)),
        opt_state=state.opt_state._replace(disc=opt_state),
        model_state=state.model_state._replace(disc=model_state),
    )


def update_generator(state: State, gradient: Any, model_state: Any, *, optimizers: Pair, average_decay: float) -> State:
    """The state after one optimiser step of the generator, with its new model state and moving average.

    ``average_decay`` (static) is the decay of the moving average per update; 0 makes the average the newest generator.
    """
    updates, opt_state = optimizers.gen.update(gradient, state.opt_state.gen, state.params.gen)
    params = optax.apply_updates(state.params.gen, updates)
    # The average warms up: early on it forgets faster, so that the random initial generator does not linger in it.
    decay = jnp.minimum(average_decay, (1.0 + state.step) / (10.0 + state.step))
    average = jax.tree.map(
        lambda old, new: decay * old + (1.0 - decay) * new, state.gen_average, {"params": params, **model_state}
    )
    return state.replace(
        params=state.params._replace(gen=params),
        opt_state=state.opt_state._replace(gen=opt_state),
        model_state=state.model_state._replace(gen=model_state),
        gen_average=average,
    )
