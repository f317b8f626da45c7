"""A game small enough for every test: 6 bits, a generator with batch normalisation, a smooth discriminator."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from bgan_jax.algorithms.discrete import DiscreteGame, DiscreteSettings
from bgan_jax.algorithms.microbatches import CPU
from bgan_jax.algorithms.state import Pair
from bgan_jax.conditionals import product_bernoulli
from bgan_jax.networks import Networks, player

SHAPE = (2, 3, 1)


class ToyGenerator(nn.Module):
    axis_name: str | None

    @nn.compact
    def __call__(self, latents, *, train):
        hidden = nn.Dense(16)(latents)
        hidden = nn.BatchNorm(use_running_average=not train, axis_name=self.axis_name)(hidden)
        return nn.Dense(6)(jnp.tanh(hidden)).reshape(-1, *SHAPE)


class ToyDiscriminator(nn.Module):
    @nn.compact
    def __call__(self, points, *, train):
        hidden = jnp.tanh(nn.Dense(16)(points.reshape(points.shape[0], -1)))
        return nn.Dense(1)(hidden)[:, 0]


def toy_networks(axis_name: str | None = None) -> Networks:
    disc = player(ToyDiscriminator(), SHAPE)
    return Networks(
        name="toy",
        gen=player(ToyGenerator(axis_name), (4,)),
        disc=disc,
        example_shape=SHAPE,
        latent_dim=4,
        latent_prior="normal",
        output="logits",
    )


def toy_game(
    *, axis_name: str | None = None, optimizer: optax.GradientTransformation | None = None, **settings
) -> DiscreteGame:
    # Plain gradient descent: Adam would hide a gradient that is N times too large.
    optimizer = optax.sgd(0.1) if optimizer is None else optimizer
    return DiscreteGame(
        networks=toy_networks(axis_name),
        conditional=product_bernoulli(),
        optimizers=Pair(gen=optimizer, disc=optimizer),
        settings=DiscreteSettings(**settings),
        microbatches=CPU,
    )


def toy_data(n: int, *, minibatches: int = 1, seed: int = 5) -> jax.Array:
    """Draws bits whose probabilities are far from 1/2, ``[minibatches, n, 2, 3, 1]``."""
    probs = jnp.array([0.9, 0.8, 0.1, 0.7, 0.2, 0.95]).reshape(SHAPE)
    shape = (minibatches, n, *SHAPE)
    return jax.random.bernoulli(jax.random.key(seed), jnp.broadcast_to(probs, shape)).astype(jnp.uint8)
