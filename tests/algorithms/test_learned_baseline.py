"""REINFORCE's learned baseline: unbiased whatever it says, fitted to the reward, and part of the state."""

import functools

import chex
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bgan_jax.algorithms.discrete import discrete_step, score, train_generator
from bgan_jax.algorithms.estimators import ESTIMATORS, Context
from bgan_jax.algorithms.importance_sums import summarize
from bgan_jax.algorithms.learned_baseline import init_baseline, regress, update_baseline, with_baseline
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.state import init_state
from bgan_jax.runtime import parallel
from tests.toy_game import toy_data, toy_game

N = 16
INDEX = jnp.arange(N)
LEARNED = "reinforce_learned_baseline"


def baseline_game(**settings):
    game = toy_game(**{"num_samples": 4, "estimator": LEARNED, **settings})
    return game._replace(networks=with_baseline(game.networks, estimator=game.settings.estimator))


def initial(game):
    """A state whose discriminator has opinions, so that rewards differ."""
    state = jax.jit(functools.partial(init_state, networks=game.networks, optimizers=game.optimizers))(
        jax.random.key(3)
    )
    return state.replace(params=state.params._replace(disc=jax.tree.map(lambda p: 3.0 * p, state.params.disc)))


@functools.cache
def gradient_fn(game):
    """The gradients that the step's own path follows, a function of the state and of keys, compiled once for a game."""

    def gradient(state, key):
        fakes = generate(state, key, INDEX, networks=game.networks)
        after, _ = train_generator(state, fakes, score(state, fakes, game=game), game=game, axis_name=None)
        moved = jax.tree.map(lambda new, old: (new - old) / -0.1, after.params.gen, state.params.gen)
        return jax.flatten_util.ravel_pytree(moved)[0]

    return jax.jit(jax.vmap(gradient, in_axes=(None, 0)))


def generator_gradients(game, state, num_keys):
    """A gradient for each of many keys, ``[R, P]``."""
    return np.asarray(gradient_fn(game)(state, jax.random.split(jax.random.key(5), num_keys)))


def test_it_is_unbiased_however_wrong_it_is():
    """Paired with the leave-one-out form on the same samples, the difference has mean zero."""
    learned, free = baseline_game(), toy_game(num_samples=4, estimator="reinforce")
    state = initial(learned)
    # Far from any reward there is, and different for every latent.
    state = state.replace(baseline=jax.tree.map(lambda leaf: 5.0 * leaf, state.baseline))
    without = state.replace(baseline={})
    difference = generator_gradients(learned, state, 400) - generator_gradients(free, without, 400)
    z = difference.mean(axis=0) / (difference.std(axis=0, ddof=1) / np.sqrt(400) + 1e-12)
    assert np.abs(z).max() < 5.0
    assert difference.std(axis=0).max() > 0.1


def test_it_lowers_the_variance_once_it_has_learned():
    learned, none = baseline_game(), toy_game(num_samples=4, estimator="reinforce_no_baseline")
    state = initial(learned)
    # Rewards that are far from zero, as those of a young generator are.
    disc = jax.tree.map(lambda leaf: leaf, state.params.disc)
    disc["Dense_1"] = disc["Dense_1"] | {"bias": disc["Dense_1"]["bias"] - 5.0}
    state = state.replace(params=state.params._replace(disc=disc))
    trained, losses = fitted(learned, state, steps=400)
    # What stays is the variance of F given the latent.
    assert losses[-50:].mean() < 0.2 * losses[0]
    spread = generator_gradients(learned, trained, 200).var(axis=0).sum()
    assert spread < 0.2 * generator_gradients(learned, state, 200).var(axis=0).sum()
    assert spread < 0.2 * generator_gradients(none, state.replace(baseline={}), 200).var(axis=0).sum()


def fitted(game, state, *, steps):
    """The state after the baseline alone has learned, and its loss at every step."""

    def body(state, i):
        key = jax.random.fold_in(jax.random.key(7), i)
        fakes = generate(state, key, INDEX, networks=game.networks)
        scored = score(state, fakes, game=game)
        regression = regress(state.baseline, fakes.latents, scored, networks=game.networks)
        baseline = update_baseline(state.baseline, regression.gradient, learning_rate=1e-2)
        return state.replace(baseline=baseline), regression.metrics["baseline_loss"]

    state, losses = jax.jit(lambda state: jax.lax.scan(body, state, jnp.arange(steps)))(state)
    return state, np.asarray(losses)


def test_its_loss_is_the_mean_squared_error_over_samples():
    game = baseline_game()
    state = initial(game)
    fakes = generate(state, jax.random.key(9), INDEX, networks=game.networks)
    fake_logits = jax.random.normal(jax.random.key(1), (4, N))
    scored = summarize(fake_logits, jnp.zeros((4, N, 2)))
    regression = regress(state.baseline, fakes.latents, scored, networks=game.networks)

    def squared_error(params):
        values, _ = game.networks.baseline.apply({"params": params}, fakes.latents, train=True)
        return jnp.mean(jnp.square(fake_logits - values[None]))

    expected, gradient = jax.value_and_grad(squared_error)(state.baseline["params"])
    np.testing.assert_allclose(regression.metrics["baseline_loss"], expected, rtol=1e-5)
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-5), regression.gradient, gradient)


def test_the_update_uses_the_baseline_as_it_was_before():
    game = baseline_game(learning_rate_baseline=0.5)
    state = initial(game)
    fakes = generate(state, jax.random.key(9), INDEX, networks=game.networks)
    scored = score(state, fakes, game=game)
    values, _ = game.networks.baseline.apply({"params": state.baseline["params"]}, fakes.latents, train=True)
    context = Context(num_samples=4, log_partition_average=state.log_partition_average, axis_name=None, baseline=values)
    direction = ESTIMATORS[LEARNED](scored, context)
    np.testing.assert_allclose(direction.total, scored.log_ratio_mean - values, atol=1e-6)
    after, _ = train_generator(state, fakes, scored, game=game, axis_name=None)
    still = baseline_game(learning_rate_baseline=0.0)
    frozen, _ = train_generator(state, fakes, scored, game=still, axis_name=None)
    jax.tree.map(np.testing.assert_array_equal, after.params.gen, frozen.params.gen)
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), after.baseline["params"], state.baseline["params"])
    assert min(jax.tree.leaves(moved)) > 0.1


def test_a_step_that_learns_a_baseline_is_traced_once():
    # Not the name of another such test: chex counts by the names on the stack.
    game = baseline_game()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def step(state, real, index):
        return discrete_step(state, real, index, game=game)

    state = initial(game)
    for _ in range(3):
        state, metrics = step(state, toy_data(N), INDEX)
    assert float(metrics["baseline_loss"]) > 0.0
    assert int(optax.tree.get(state.baseline["opt_state"], "count")) == 3


def test_no_more_messages_than_without():
    game = baseline_game(disc_steps=2, gen_steps=3)
    text = str(
        jax.make_jaxpr(
            functools.partial(discrete_step, game=game, axis_name=parallel.AXIS), axis_env=[(parallel.AXIS, 8)]
        )(initial(game), toy_data(N, minibatches=2), INDEX)
    )
    assert text.count(" psum") == 2 + 3


def test_other_runs_have_none_and_start_as_they_did():
    game = toy_game(num_samples=4)
    without, with_one = (
        jax.jit(functools.partial(init_state, networks=networks, optimizers=game.optimizers))(jax.random.key(3))
        for networks in (game.networks, baseline_game().networks)
    )
    assert without.baseline == {} and set(with_one.baseline) == {"params", "opt_state"}
    jax.tree.map(np.testing.assert_array_equal, without.params, with_one.params)
    assert with_baseline(game.networks, estimator="boundary_seeking") is game.networks
    assert init_baseline(jax.random.key(0), networks=game.networks) == {}


def test_it_is_asked_for():
    game = toy_game(num_samples=4, estimator=LEARNED)
    with pytest.raises(ValueError, match="with_baseline"):
        jax.eval_shape(functools.partial(discrete_step, game=game), initial(game), toy_data(N), INDEX)
