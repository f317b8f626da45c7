"""Short training runs of every algorithm on toys, whose results were recorded before the steps were rewritten.

``recorded_steps.json`` holds, for every case here, a digest of the last state and metrics, and the metrics themselves.
It was written by the code of commit ad6c8f2, from which the steps of today were rewritten without changing a number.
The cases of loops were recorded again when a logit of -inf, times a statistic of 0, became 0: their norms of gradients
are sums in another order, and differ by one part in ten million.
"""

from __future__ import annotations

import functools
import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bgan_jax.algorithms.classification import classification_step, init_classification_state
from bgan_jax.algorithms.classification_baselines import (
    CriticSettings,
    CrossEntropySettings,
    critic_step,
    cross_entropy_step,
)
from bgan_jax.algorithms.continuous import continuous_step
from bgan_jax.algorithms.discrete import DiscreteGame, DiscreteSettings, discrete_step
from bgan_jax.algorithms.learned_baseline import with_baseline
from bgan_jax.algorithms.microbatches import CPU
from bgan_jax.algorithms.relaxed import RelaxedSettings, relaxed_step
from bgan_jax.algorithms.state import Pair, init_state
from bgan_jax.conditionals import product_bernoulli, product_categorical
from bgan_jax.networks import build_networks
from bgan_jax.runtime import parallel
from tests import continuous_game, toy_classification, toy_game
from tests.here import here

N, STEPS = 16, 3
#: By name: a run that returns its last state and metrics. Its data, ``reals()``, are made when it runs: made when tests
#: are collected, they take seconds of every test session.
CASES = {}


def digest(tree) -> str:
    """A hash of every leaf's place, dtype and bytes."""
    found = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        array = np.asarray(leaf.addressable_data(0))
        for part in (jax.tree_util.keystr(path), str(array.dtype)):
            found.update(part.encode())
        found.update(array.tobytes())
    return found.hexdigest()[:24]


def one_device(step, game, make_state, reals, *, n=N):
    step = jax.jit(functools.partial(step, game=game))
    state = jax.jit(make_state)(jax.random.key(3))
    for real in reals():
        state, metrics = step(state, real, jnp.arange(n))
    return state, metrics


def eight_devices(step, game, make_state, reals, *, launcher="pmap", n=N):
    bits = np.asarray(jax.random.key_data(jax.random.key(3)))
    state = parallel.replicate(lambda bits: make_state(jax.random.wrap_key_data(bits)), bits, launcher=here(launcher))

    def per_device(state, rows, index, *, axis_name=None):
        real = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), rows)
        return step(state, real, index, game=game, axis_name=axis_name)

    program = parallel.on_devices(per_device, launcher=here(launcher), sharded=(False, True, True))
    index = parallel.shard(np.arange(n, dtype=np.int32), launcher=here(launcher))
    for real in reals():
        rows = jax.tree.map(
            lambda leaf: parallel.shard(np.moveaxis(np.asarray(leaf), 0, 1), launcher=here(launcher)), real
        )
        state, metrics = program(state, rows, index)
    return state, metrics


def add(name, run, *arguments, **settings):
    CASES[name] = functools.partial(run, *arguments, **settings)


def initializer(game):
    return functools.partial(init_state, networks=game.networks, optimizers=game.optimizers)


def plain_descent():
    optimizer = optax.sgd(0.1)
    return Pair(gen=optimizer, disc=optimizer)


def add_discrete(k, disc_steps, gen_steps, *, launchers=("pmap",), **others):
    settings = dict(num_samples=6, disc_fakes_per_latent=k, disc_steps=disc_steps, gen_steps=gen_steps, **others)
    name = f"discrete k={k} d={disc_steps} g={gen_steps} {others.get('estimator', '')}".strip()

    def reals():
        return [toy_game.toy_data(N, minibatches=disc_steps, seed=i) for i in range(STEPS)]

    alone = toy_game.toy_game(**settings)
    add(f"{name} one", one_device, discrete_step, alone, initializer(alone), reals)
    shared = toy_game.toy_game(axis_name=parallel.AXIS, **settings)
    for launcher in launchers:
        add(f"{name} {launcher}", eight_devices, discrete_step, shared, initializer(alone), reals, launcher=launcher)


def add_loops(k, at_a_time):
    """A network with a form for loops, which learns a few samples of every latent at a time."""
    networks = build_networks("dcgan28_small", example_shape=(28, 28, 1), width=2)
    game = DiscreteGame(
        networks=networks,
        conditional=product_bernoulli(),
        optimizers=plain_descent(),
        settings=DiscreteSettings(num_samples=4, disc_fakes_per_latent=k, sample_chunk=2, disc_steps=2),
        microbatches=CPU._replace(learned_values=at_a_time * 8 * 28 * 28),
    )
    shape = (2, 8, 28, 28, 1)

    def reals():
        return [jax.random.bernoulli(jax.random.key(i), 0.2, shape).astype(jnp.uint8) for i in range(2)]

    add(f"loops k={k} at_a_time={at_a_time}", one_device, discrete_step, game, initializer(game), reals, n=8)


def add_learned_baseline():
    game = toy_game.toy_game(num_samples=6, estimator="reinforce_learned_baseline", gen_steps=2)
    game = game._replace(networks=with_baseline(game.networks, estimator="reinforce_learned_baseline"))

    def reals():
        return [toy_game.toy_data(N, seed=i) for i in range(STEPS)]

    add("learned baseline", one_device, discrete_step, game, initializer(game), reals)


def add_positions():
    networks = build_networks("characters_theano_positions", example_shape=(8, 5), width=4)
    game = DiscreteGame(
        networks=networks,
        conditional=product_categorical(5, event_ndims=2),
        optimizers=plain_descent(),
        settings=DiscreteSettings(num_samples=4, disc_fakes_per_latent=2),
        microbatches=CPU,
    )

    def reals():
        return [jax.random.randint(jax.random.key(i), (1, 8, 8), 0, 5).astype(jnp.uint8) for i in range(2)]

    add("positions", one_device, discrete_step, game, initializer(game), reals, n=8)


def add_continuous(objective, *, norm, **settings):
    alone, shared = (
        continuous_game.point_game(objective=objective, batch_norm=norm, axis_name=axis, **settings)
        for axis in (None, parallel.AXIS)
    )
    disc_steps = alone.settings.disc_steps

    def reals():
        return [continuous_game.point_data(N, minibatches=disc_steps, seed=i) for i in range(STEPS)]

    name = f"continuous {objective} norm={norm}"
    add(f"{name} one", one_device, continuous_step, alone, initializer(alone), reals)
    if disc_steps > 2:
        add(f"{name} pmap", eight_devices, continuous_step, shared, initializer(alone), reals)


def add_relaxed(relaxation):
    settings = RelaxedSettings(objective="non_saturating", relaxation=relaxation, disc_steps=2, gen_steps=2)
    game = toy_game.toy_game()._replace(settings=settings)

    def reals():
        return [toy_game.toy_data(N, minibatches=2, seed=i) for i in range(STEPS)]

    add(f"relaxed {relaxation} one", one_device, relaxed_step, game, initializer(game), reals)


def classification_initializer(game):
    return functools.partial(init_classification_state, networks=game.networks, optimizers=game.optimizers)


def add_classification(**settings):
    name = "classification " + " ".join(f"{key}={value}" for key, value in settings.items())
    alone = toy_classification.toy_game(**settings)

    def reals():
        return [toy_classification.toy_batch(N, minibatches=alone.settings.disc_steps)] * STEPS

    add(f"{name} one", one_device, classification_step, alone, classification_initializer(alone), reals)
    if alone.settings.disc_steps == 1:
        return
    shared = toy_classification.toy_game(axis_name=parallel.AXIS, normalize=True, **settings)
    add(f"{name} pmap", eight_devices, classification_step, shared, classification_initializer(shared), reals)


def add_classification_baseline(step, settings):
    game = toy_classification.toy_game()._replace(settings=settings)

    def reals():
        return [toy_classification.toy_batch(N, minibatches=2)] * STEPS

    add(step.__name__, one_device, step, game, classification_initializer(game), reals)


add_discrete(1, 1, 1)
add_discrete(1, 3, 2, launchers=parallel.LAUNCHERS)
add_discrete(4, 2, 1, launchers=parallel.LAUNCHERS)
add_discrete(6, 1, 2, estimator="boundary_seeking_marginal", divergence="kl", penalty_stride=2)
add_discrete(2, 2, 2, estimator="reinforce", penalty_form="wgan_gp", penalty_half_life=5.0)
add_discrete(3, 1, 1, penalty=0.0, estimator="reinforce_moving_average", divergence="reverse_kl", launchers=())
for k, at_a_time in ((1, 1), (4, 3)):
    add_loops(k, at_a_time)
add_learned_baseline()
add_positions()
add_continuous("boundary_seeking", norm=True, disc_steps=3, gen_steps=2)
add_continuous("f_gan", norm=True, divergence="kl", penalty_half_life=4.0)
add_continuous("wasserstein", norm=False, penalty_form="wgan_gp", clip=0.5, disc_steps=2)
add_continuous("boundary_seeking_centered", norm=False, penalty_form="r1")
for relaxation in ("probabilities", "gumbel_soft", "gumbel_straight_through"):
    add_relaxed(relaxation)
add_classification(num_samples=5, disc_steps=2)
add_classification(num_samples=None, penalty_inputs="both")
add_classification(
    num_samples=4, estimator="reinforce_reward_average", penalty_inputs="label", penalty_form="unweighted"
)
add_classification(num_samples=4, estimator="reinforce", penalty=0.0)
add_classification_baseline(critic_step, CriticSettings(disc_steps=2, clip=0.2))
add_classification_baseline(cross_entropy_step, CrossEntropySettings(average_decay=0.5))
