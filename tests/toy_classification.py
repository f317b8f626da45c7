"""Adversarial classification small enough for every test: images of four pixels, three labels, dense players."""

from __future__ import annotations

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from bgan_jax.algorithms.classification import (
    ClassificationGame,
    ClassificationSettings,
    LabelledBatch,
    classification_step,
    init_classification_state,
    label_conditional,
)
from bgan_jax.algorithms.state import Pair
from bgan_jax.networks import ClassifierNetworks, Player, player

SHAPE, K, N, RATE = (2, 2, 1), 3, 8, 0.1
INDEX = jnp.arange(N)


class ToyClassifier(nn.Module):
    axis_name: str | None = None
    normalize: bool = False

    @nn.compact
    def __call__(self, images, *, train):
        hidden = nn.Dense(12)(images.reshape(images.shape[0], -1))
        if self.normalize:
            hidden = nn.BatchNorm(use_running_average=not train, axis_name=self.axis_name)(hidden)
        return nn.Dense(K)(jnp.tanh(hidden))


class ToyDiscriminator(nn.Module):
    @nn.compact
    def __call__(self, images, labels, *, train):
        trunk = nn.Dense(12)(images.reshape(images.shape[0], -1))
        together = jnp.expand_dims(trunk, range(labels.ndim - 2)) + 3.0 * nn.Dense(12, use_bias=False)(labels)
        return 3.0 * nn.Dense(1)(jnp.tanh(together))[..., 0]


def toy_networks(*, axis_name=None, normalize=False, disc: Player | None = None) -> ClassifierNetworks:
    disc = player(ToyDiscriminator(), SHAPE, (K,)) if disc is None else disc
    return ClassifierNetworks(
        gen=player(ToyClassifier(axis_name, normalize), SHAPE),
        disc=disc,
        example_shape=SHAPE,
        num_classes=K,
    )


def toy_game(*, axis_name=None, normalize=False, disc=None, optimizer=None, **settings) -> ClassificationGame:
    # Plain gradient descent: Adam would hide a gradient that is N times too large.
    optimizer = optax.sgd(RATE) if optimizer is None else optimizer
    networks = toy_networks(axis_name=axis_name, normalize=normalize, disc=disc)
    return ClassificationGame(
        networks=networks,
        conditional=label_conditional(networks),
        optimizers=Pair(gen=optimizer, disc=optimizer),
        settings=ClassificationSettings(**settings),
    )


def toy_batch(n=N, *, minibatches=1) -> LabelledBatch:
    images = jax.random.normal(jax.random.key(3), (minibatches, n, *SHAPE))
    return LabelledBatch(images, (jnp.arange(minibatches * n).reshape(minibatches, n) * 5 // 3) % K)


def initial(game):
    return jax.jit(functools.partial(init_classification_state, networks=game.networks, optimizers=game.optimizers))(
        jax.random.key(1)
    )


def step_of(game):
    return jax.jit(functools.partial(classification_step, game=game))


def gradient_of(before, after):
    """Returns the gradient of a step of plain gradient descent."""
    return jax.tree.map(lambda old, new: (old - new) / RATE, before, after)


def close(a, b, *, atol=1e-5):
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=atol), a, b)


def tables(game, state, images):
    """Computes log g(y|x) and F(x, y) of every label separately, both ``[N, K]``."""

    def log_probs(params):
        return jax.nn.log_softmax(game.networks.gen.apply({"params": params}, images, train=True)[0])

    columns = [
        game.networks.disc.apply(
            {"params": state.params.disc}, (images, jnp.tile(jnp.eye(K)[y], (len(images), 1))), train=True
        )[0]
        for y in range(K)
    ]
    return log_probs, jnp.stack(columns, axis=1)
