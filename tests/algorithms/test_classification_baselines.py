"""Cross-entropy and the clipped critic: their gradients, each player with the other held fixed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bgan_jax.algorithms.classification_baselines import (
    CriticSettings,
    CrossEntropySettings,
    critic_step,
    cross_entropy_step,
)
from tests.toy_classification import (
    INDEX,
    K,
    N,
    close,
    gradient_of,
    initial,
    tables,
    toy_batch,
    toy_game,
)


def baseline_game(settings, **options):
    return toy_game(**options)._replace(settings=settings)


def test_cross_entropy_is_maximum_likelihood():
    game = baseline_game(CrossEntropySettings())
    state, real = initial(game), toy_batch()
    after, metrics = jax.jit(functools.partial(cross_entropy_step, game=game))(state, real, INDEX)
    log_probs, _ = tables(game, state, real.images[0])

    def loss(params):
        return -jnp.mean(log_probs(params)[jnp.arange(N), real.labels[0]])

    value, expected = jax.value_and_grad(loss)(state.params.gen)
    close(gradient_of(state.params.gen, after.params.gen), expected)
    np.testing.assert_allclose(metrics["cross_entropy"], value, rtol=1e-5)
    close(after.params.disc, state.params.disc, atol=0.0)
    wrong = np.argmax(log_probs(state.params.gen), axis=1) != real.labels[0]
    np.testing.assert_allclose(metrics["error"], wrong.mean())


def test_the_classifier_follows_the_critic_of_its_softmax():
    game = baseline_game(CriticSettings(clip=0.3, disc_steps=1))
    state, real = initial(game), toy_batch()
    after, metrics = jax.jit(functools.partial(critic_step, game=game))(state, real, INDEX)
    log_probs, table = tables(game, state, real.images[0])

    def critic(params, labels):
        return game.networks.disc.apply({"params": params}, (real.images[0], labels), train=True)[0]

    probs = jnp.exp(log_probs(state.params.gen))

    def critic_loss(params):
        return jnp.mean(critic(params, probs)) - jnp.mean(critic(params, jax.nn.one_hot(real.labels[0], K)))

    value, slope = jax.value_and_grad(critic_loss)(state.params.disc)
    moved = jax.tree.map(lambda p, g: jnp.clip(p - 0.1 * g, -0.3, 0.3), state.params.disc, slope)
    close(after.params.disc, moved)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(state.params.disc)) > 0.3
    np.testing.assert_allclose(metrics["critic"], -value, rtol=1e-5)
    # The classifier descends -F(x, softmax) through the critic as it has just become.
    expected = jax.grad(lambda params: -jnp.mean(critic(moved, jnp.exp(log_probs(params)))))(state.params.gen)
    close(gradient_of(state.params.gen, after.params.gen), expected)


def test_update_ratios():
    game = baseline_game(CriticSettings(disc_steps=3), optimizer=optax.adam(1e-3))
    state = initial(game)
    after, _ = jax.jit(functools.partial(critic_step, game=game))(state, toy_batch(minibatches=3), INDEX)
    counts = [int(opt_state[0].count) for opt_state in (after.opt_state.disc, after.opt_state.gen)]
    assert counts == [3, 1] and int(after.step) == 1


@pytest.mark.parametrize(
    ("step", "settings"), [(cross_entropy_step, CrossEntropySettings()), (critic_step, CriticSettings(disc_steps=1))]
)
def test_any_number_of_devices(step, settings):
    one = baseline_game(settings, normalize=True)
    four = baseline_game(settings, normalize=True, axis_name="devices")
    state, real = initial(one), toy_batch()
    alone, _ = jax.jit(functools.partial(step, game=one))(state, real, INDEX)
    split = jax.tree.map(lambda x: jnp.moveaxis(x.reshape(1, 4, N // 4, *x.shape[2:]), 1, 0), real)
    spread = jax.vmap(
        functools.partial(step, game=four, axis_name="devices"), in_axes=(None, 0, 0), axis_name="devices"
    )
    together, _ = jax.jit(spread)(state, split, INDEX.reshape(4, 2))
    for device in range(4):
        mine = jax.tree.map(lambda leaf, device=device: leaf[device], together)
        close(gradient_of(state.params, mine.params), gradient_of(state.params, alone.params), atol=1e-4)


@pytest.mark.parametrize(("settings", "message"), [({"clip": 0.0}, "clip is 0.0"), ({"disc_steps": 0}, "disc_steps")])
def test_what_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CriticSettings(**settings)
