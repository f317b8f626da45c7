"""A continuous game small enough for every test: points in the plane, batch normalisation in both players."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from bgan_jax.algorithms.continuous import ContinuousGame, ContinuousSettings
from bgan_jax.algorithms.state import Pair
from bgan_jax.networks import Networks, player

SHAPE = (2,)


class PointGenerator(nn.Module):
    axis_name: str | None

    @nn.compact
    def __call__(self, latents, *, train):
        hidden = nn.Dense(16)(latents)
        hidden = nn.BatchNorm(use_running_average=not train, axis_name=self.axis_name)(hidden)
        return nn.Dense(2)(jnp.tanh(hidden))


class PointDiscriminator(nn.Module):
    axis_name: str | None
    batch_norm: bool

    @nn.compact
    def __call__(self, points, *, train):
        hidden = nn.Dense(16)(points)
        if self.batch_norm:
            hidden = nn.BatchNorm(use_running_average=not train, axis_name=self.axis_name)(hidden)
        return nn.Dense(1)(jnp.tanh(hidden))[:, 0]


def point_networks(axis_name: str | None = None, *, batch_norm: bool = True) -> Networks:
    disc = player(PointDiscriminator(axis_name, batch_norm), SHAPE)
    return Networks(
        name="points",
        gen=player(PointGenerator(axis_name), (4,)),
        disc=disc,
        example_shape=SHAPE,
        latent_dim=4,
        latent_prior="normal",
        output="points",
    )


def point_game(
    *,
    axis_name: str | None = None,
    batch_norm: bool = True,
    optimizer: optax.GradientTransformation | None = None,
    **settings,
) -> ContinuousGame:
    # Plain gradient descent: Adam would hide a gradient that is N times too large.
    optimizer = optax.sgd(0.1) if optimizer is None else optimizer
    return ContinuousGame(
        networks=point_networks(axis_name, batch_norm=batch_norm),
        optimizers=Pair(gen=optimizer, disc=optimizer),
        settings=ContinuousSettings(**settings),
    )


def point_data(n: int, *, minibatches: int = 1, seed: int = 5) -> jax.Array:
    """Draws normal points around (2, -1), ``[minibatches, n, 2]``."""
    noise = jax.random.normal(jax.random.key(seed), (minibatches, n, *SHAPE))
    return jnp.array([2.0, -1.0])[None, None] + 0.5 * noise
