"""The game on an enumerable state space: a generator that is a table, and its optimal discriminator.

The generator is a mixture of Z products, q(x) = 1/Z sum_z g(x|z): its parameters are a table of logits with a row per
latent, so q can be written out. Latents are those of the package: the row is the argmax of Z normal numbers, which is
uniform. The optimal discriminator looks log p up and takes the generator's table, so its parameters *are* the
generator's. Both are ordinary players for the training steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from bgan_jax.algorithms.discrete import DiscreteGame, DiscreteSettings, score, train_generator
from bgan_jax.algorithms.learned_baseline import with_baseline
from bgan_jax.algorithms.microbatches import CPU
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.state import Pair, TrainState
from bgan_jax.conditionals import Conditional
from bgan_jax.evaluation.enumerable import EnumerableTarget, state_index, target_conditional
from bgan_jax.evaluation.exact import conditional_log_probs, marginal_log_probs
from bgan_jax.networks import Networks, player
from bgan_jax.networks.interface import Player
from bgan_jax.networks.mlp import MLPDiscriminator


class TableGenerator(nn.Module):
    """Logits from a table, one row per latent.

    Attributes:
      num_latents: Z.
      logits_shape: shape of one row.
      initial_sd: standard deviation of the initial logits.
    """

    num_latents: int
    logits_shape: tuple[int, ...]
    initial_sd: float = 0.5

    @nn.compact
    def __call__(self, latents: jax.Array, *, train: bool) -> jax.Array:
        """Maps normal numbers ``[N, Z]`` to logits ``[N, ...]``."""
        del train
        shape = (self.num_latents, *self.logits_shape)
        table = self.param("logits", nn.initializers.normal(self.initial_sd), shape)
        return table[jnp.argmax(latents, axis=-1)]


def logits_shape(target: EnumerableTarget) -> tuple[int, ...]:
    """Returns the shape of one example's logits."""
    shape = target.states.shape[1:]
    return shape if target.num_symbols == 2 else (*shape, target.num_symbols)


def finite_log_probs(target: EnumerableTarget) -> np.ndarray:
    """Returns log p, at least -30 nats, so that F is finite, ``[S]`` float32."""
    return np.maximum(target.log_probs, -30.0).astype(np.float32)


def latent_log_probs(num_latents: int) -> jax.Array:
    """Returns the uniform log h(z), ``[Z]``."""
    return jnp.full(num_latents, -math.log(num_latents))


def optimal_discriminator(target: EnumerableTarget, *, num_latents: int) -> Player:
    """Makes the player F(x) = log p(x) - log q(x), with q of the generator whose parameters are also its own.

    Args:
      target: p.
      num_latents: Z, rows of the generator's table.

    Returns:
      The player: statistics ``[B, ...]`` -> F ``[B]``.
    """
    conditional, example_ndims = target_conditional(target), target.states.ndim - 1
    log_probs = finite_log_probs(target)

    def init(key: jax.Array, /) -> dict[str, Any]:
        del key
        return {"params": {"logits": jnp.zeros((num_latents, *logits_shape(target)))}}

    def apply(variables: Any, points: jax.Array, /, *, train: bool) -> tuple[jax.Array, dict[str, Any]]:
        del train
        states = points if target.num_symbols == 2 else jnp.argmax(points, axis=-1)
        rows = state_index(states, num_symbols=target.num_symbols, event_ndims=example_ndims)
        log_g = conditional_log_probs(conditional, states, variables["params"]["logits"])
        return jnp.asarray(log_probs)[rows] - marginal_log_probs(
            log_g, latent_log_probs=latent_log_probs(num_latents)
        ), {}

    return Player(init=init, apply=apply)


def enumerable_game(
    target: EnumerableTarget,
    *,
    num_latents: int,
    optimizer: optax.GradientTransformation,
    disc_widths: tuple[int, ...] | None = None,
    disc_optimizer: optax.GradientTransformation | None = None,
    **settings: Any,
) -> DiscreteGame:
    """Makes the game of a target.

    Args:
      target: p.
      num_latents: Z.
      optimizer: the generator's.
      disc_widths: hidden layers of a trained discriminator; ``None`` for the optimal one, which is never trained.
      disc_optimizer: a trained discriminator's optimiser.
      **settings: of :class:`DiscreteSettings`.

    Returns:
      The game; everything in it is static.
    """
    shape = logits_shape(target)
    disc = (
        optimal_discriminator(target, num_latents=num_latents)
        if disc_widths is None
        else player(MLPDiscriminator(disc_widths), shape)
    )
    networks = Networks(
        name="table",
        gen=player(TableGenerator(num_latents, shape), (num_latents,)),
        disc=disc,
        example_shape=shape,
        latent_dim=num_latents,
        latent_prior="normal",
        output="logits",
    )
    rules = DiscreteSettings(**settings)
    return DiscreteGame(
        networks=with_baseline(networks, estimator=rules.estimator),
        conditional=target_conditional(target),
        optimizers=Pair(gen=optimizer, disc=optax.identity() if disc_optimizer is None else disc_optimizer),
        settings=rules,
        microbatches=CPU,  # A target has a few dozen states: these sizes serve anywhere.
    )


def with_optimal_discriminator(state: TrainState) -> TrainState:
    """Returns the state with the optimal discriminator of its current generator."""
    return state.replace(params=state.params._replace(disc=state.params.gen))


def optimal_step(state: TrainState, *, game: DiscreteGame, batch_size: int) -> TrainState:
    """Takes one generator step of Algorithm 1 against the optimal discriminator, by the functions of the package."""
    state = with_optimal_discriminator(state)
    key = jax.random.fold_in(state.key, state.step)
    fakes = generate(state, key, jnp.arange(batch_size), networks=game.networks)
    state, _ = train_generator(state, fakes, score(state, fakes, game=game), game=game, axis_name=None)
    return state.replace(step=state.step + 1)


def draw_real(key: jax.Array, target: EnumerableTarget, *, batch_size: int) -> jax.Array:
    """Draws independent examples of the target inside a compiled program, ``[N, ...]`` uint8."""
    cumulative = jnp.asarray(np.cumsum(np.exp(target.log_probs)).astype(np.float32))
    rows = jnp.searchsorted(cumulative, jax.random.uniform(key, (batch_size,)) * cumulative[-1], side="right")
    return jnp.asarray(target.states)[jnp.minimum(rows, len(target.states) - 1)]


def table_log_probs(target: EnumerableTarget, conditional: Conditional) -> Callable[[jax.Array], jax.Array]:
    """Returns the function from a table of logits ``[Z, ...]`` to log g(x|z) of every state, ``[Z, S]``."""
    return lambda table: conditional_log_probs(conditional, target.states, table)
