import functools

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.discrete import discrete_step
from bgan_jax.algorithms.state import adam_pair, init_state
from tests.toy_game import toy_data, toy_game


def test_step_sizes_halve_every_half_life():
    optimizers = adam_pair(learning_rate_gen=1.0, learning_rate_disc=0.5, half_life=2)
    params = jnp.zeros(())
    state = optimizers.gen.init(params)
    sizes = []
    for _ in range(5):
        # A constant gradient makes every Adam update as long as its step size.
        updates, state = optimizers.gen.update(jnp.ones(()), state, params)
        sizes.append(-float(updates))
    np.testing.assert_allclose(sizes, [2.0 ** (-i / 2) for i in range(5)], rtol=1e-4)


def test_the_optimiser_state_has_one_form_whatever_the_flags():
    def form(half_life):
        return jax.tree.structure(
            adam_pair(learning_rate_gen=1e-3, learning_rate_disc=1e-3, half_life=half_life).gen.init(0.0)
        )

    assert form(None) == form(7)


def test_the_penalty_halves_every_half_life():
    """At step 6 with a half-life of 3 the discriminator moves as with a quarter of the coefficient."""
    annealed, quarter = toy_game(num_samples=4, penalty=8.0, penalty_half_life=3), toy_game(num_samples=4, penalty=2.0)
    state = init_state(jax.random.key(3), networks=annealed.networks, optimizers=annealed.optimizers)
    state = state.replace(step=jnp.int32(6))
    a, b = (
        discrete_step(state, toy_data(16), jnp.arange(16), game=game)[0].params.disc for game in (annealed, quarter)
    )
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-7), a, b)


def test_the_average_warms_up_and_then_lags():
    game = toy_game(num_samples=4, average_decay=0.9)
    state = init_state(jax.random.key(3), networks=game.networks, optimizers=game.optimizers)
    first, _ = discrete_step(state, toy_data(16), jnp.arange(16), game=game)
    # At step 0 the decay is (1 + 0) / (10 + 0).
    jax.tree.map(
        lambda average, old, new: np.testing.assert_allclose(average, 0.1 * old + 0.9 * new, atol=1e-6),
        first.gen_average["params"],
        state.params.gen,
        first.params.gen,
    )
    late, _ = discrete_step(state.replace(step=jnp.int32(1000)), toy_data(16), jnp.arange(16), game=game)
    jax.tree.map(
        lambda average, old, new: np.testing.assert_allclose(average, 0.9 * old + 0.1 * new, atol=1e-6),
        late.gen_average["params"],
        state.params.gen,
        late.params.gen,
    )
