"""The relaxed baselines: the gradient goes through the relaxation, the data stay at the vertices, and it learns."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.relaxed import RELAXATIONS, RelaxedGame, RelaxedSettings, relax, relaxed_step
from bgan_jax.algorithms.state import Pair, init_state
from bgan_jax.conditionals import product_bernoulli
from tests.exhaustive import one_in
from tests.toy_game import SHAPE, toy_data, toy_networks

N = 16
INDEX = jnp.arange(N)


def relaxed_game(*, optimizer=None, **settings):
    optimizer = optax.sgd(0.1) if optimizer is None else optimizer
    settings = {"objective": "non_saturating", "penalty": 0.0, **settings}
    return RelaxedGame(
        networks=toy_networks(),
        conditional=product_bernoulli(),
        optimizers=Pair(gen=optimizer, disc=optimizer),
        settings=RelaxedSettings(**settings),
    )


def initial(game):
    return jax.jit(functools.partial(init_state, networks=game.networks, optimizers=game.optimizers))(jax.random.key(3))


def relaxed_points(game, state):
    fakes = generate(state, jax.random.key(9), INDEX, networks=game.networks)
    return relax(fakes, game=game, temperature=jnp.float32(0.7))


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_what_the_discriminator_sees(relaxation):
    game = relaxed_game(relaxation=relaxation)
    points = np.asarray(relaxed_points(game, initial(game)).logits)
    at_vertices = np.isin(points, (0.0, 1.0))
    assert points.min() >= 0.0 and points.max() <= 1.0
    assert at_vertices.all() if relaxation == "gumbel_straight_through" else not at_vertices.any()


@pytest.mark.parametrize("relaxation", ["probabilities", "gumbel_soft"])
def test_the_way_back_is_the_gradient_of_the_way_there(relaxation):
    game = relaxed_game(relaxation=relaxation)
    state = initial(game)
    direction = jax.random.normal(jax.random.key(1), (N, *SHAPE))

    def objective(params):
        moved = state.replace(params=state.params._replace(gen=params))
        return jnp.sum(relaxed_points(game, moved).logits * direction)

    expected = jax.grad(objective)(state.params.gen)
    found = relaxed_points(game, state).vjp(direction)
    assert float(optax.tree.norm(expected)) > 0.1
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-5), found, expected)


def test_temperature_falls_to_its_minimum():
    game = relaxed_game(relaxation="gumbel_soft", temperature=2.0, temperature_rate=0.1, temperature_minimum=0.5)
    step = jax.jit(functools.partial(relaxed_step, game=game))
    state = initial(game)
    temperatures = [
        float(step(state.replace(step=jnp.int32(number)), toy_data(N), INDEX)[1]["temperature"])
        for number in (0, 5, 100)
    ]
    np.testing.assert_allclose(temperatures, [2.0, 2.0 * np.exp(-0.5), 0.5], rtol=1e-6)


SYSTEMS = {
    "wgan_gp": {"objective": "wasserstein", "penalty": 1.0, "penalty_form": "wgan_gp", "disc_steps": 2},
    "clipping": {"objective": "wasserstein", "clip": 0.1, "disc_steps": 2},
    "gumbel_soft": {"relaxation": "gumbel_soft", "temperature": 1.0},
    "gumbel_straight_through": {"relaxation": "gumbel_straight_through", "temperature": 1.0},
}


@pytest.mark.parametrize("name", one_in(2, SYSTEMS))
def test_it_learns(name):
    """The toy's data are product-Bernoulli, so the marginals of the samples must come to theirs."""
    game = relaxed_game(optimizer=optax.adam(3e-3, b1=0.5), **SYSTEMS[name])
    probs = jnp.array([0.9, 0.8, 0.1, 0.7, 0.2, 0.95]).reshape(1, 1, *SHAPE)
    minibatches = game.settings.disc_steps

    @jax.jit
    def many(state):
        def body(state, seed):
            real = jax.random.bernoulli(jax.random.key(seed), jnp.broadcast_to(probs, (minibatches, 64, *SHAPE)))
            return relaxed_step(state, real.astype(jnp.uint8), jnp.arange(64), game=game)

        return jax.lax.scan(body, state, jnp.arange(1500))

    def error(state):
        fakes = generate(state, jax.random.key(0), jnp.arange(4096), networks=game.networks)
        return float(jnp.abs(jnp.mean(jax.nn.sigmoid(fakes.logits), axis=0) - probs[0, 0]).max())

    state = initial(game)
    before = error(state)
    state, metrics = many(state)
    assert all(bool(jnp.isfinite(value).all()) for value in metrics.values())
    assert error(state) < 0.15 < 0.4 < before
    if game.settings.clip:
        assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(state.params.disc)) <= 0.1 + 1e-6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"relaxation": "hard"}, "gumbel_soft"),
        ({"temperature": 0.1}, "temperature_minimum"),
        ({"temperature_minimum": 0.0}, "positive"),
        ({"temperature_rate": -1.0}, "negative"),
        ({"objective": "magic"}, "legal"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        RelaxedSettings(**{"penalty": 0.0, **settings})
