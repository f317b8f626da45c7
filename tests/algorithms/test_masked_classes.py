"""A generator that rules some symbols out, with logits of -inf, trains on the others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.algorithms.discrete import discrete_step
from bgan_jax.algorithms.estimators import ESTIMATORS
from bgan_jax.algorithms.state import init_state
from bgan_jax.networks import player
from tests import toy_game

#: These bits are never 1.
IMPOSSIBLE = np.zeros(toy_game.SHAPE, bool)
IMPOSSIBLE[0, 1] = IMPOSSIBLE[1, 2] = True


class MaskedGenerator(toy_game.ToyGenerator):
    """The toy generator with bits that cannot occur."""

    @toy_game.nn.compact
    def __call__(self, latents, *, train):
        return jnp.where(IMPOSSIBLE, -jnp.inf, toy_game.ToyGenerator.__call__(self, latents, train=train))


@pytest.mark.parametrize("estimator", ["boundary_seeking", "boundary_seeking_marginal", "reinforce"])
def test_a_step_with_impossible_bits_is_finite_and_moves_the_others(estimator):
    assert estimator in ESTIMATORS
    game = toy_game.toy_game(num_samples=4, estimator=estimator)
    game = game._replace(networks=game.networks._replace(gen=player(MaskedGenerator(None), (4,))))
    state = init_state(jax.random.key(0), networks=game.networks, optimizers=game.optimizers)
    step = jax.jit(lambda state, real: discrete_step(state, real, jnp.arange(16), game=game))
    after, metrics = step(state, toy_game.toy_data(16))
    for name, value in metrics.items():
        assert np.isfinite(value), name
    bias = after.params.gen["Dense_1"]["bias"].reshape(toy_game.SHAPE)
    assert (np.asarray(bias)[IMPOSSIBLE] == 0).all()
    assert (np.asarray(bias)[~IMPOSSIBLE] != 0).all()
