"""Families without linear statistics: the same gradient where both ways exist, and an autoregressive family learns."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from bgan_jax.algorithms.discrete import DiscreteGame, DiscreteSettings, discrete_step
from bgan_jax.algorithms.learned_baseline import with_baseline
from bgan_jax.algorithms.state import Pair, init_state
from bgan_jax.conditionals import (
    Part,
    general_conditional,
    optional,
    product_bernoulli,
    product_categorical,
    product_categorical_columns,
    product_gaussian,
    product_of_parts,
)
from bgan_jax.networks import build_networks
from tests.toy_game import toy_data, toy_game

N = 16
INDEX = jnp.arange(N)


def without_linear_statistics(conditional):
    """The same family by its sampler and its log-probability alone."""
    return general_conditional(
        conditional.name,
        sample=conditional.sample,
        statistics=conditional.statistics,
        log_prob=lambda x, logits: conditional.log_prob(conditional.statistics(x), logits),
        event_ndims=conditional.event_ndims,
        coordinate_ndims=conditional.coordinate_ndims,
    )


@pytest.mark.parametrize(
    "estimator", ["boundary_seeking", "boundary_seeking_marginal_plain", "reinforce", "reinforce_learned_baseline"]
)
def test_the_step_is_the_same_sample_by_sample(estimator):
    game = toy_game(num_samples=4, sample_chunk=2, disc_fakes_per_latent=2, penalty=0.0, estimator=estimator)
    game = game._replace(networks=with_baseline(game.networks, estimator=estimator))
    state = jax.jit(functools.partial(init_state, networks=game.networks, optimizers=game.optimizers))(
        jax.random.key(3)
    )
    # A discriminator with opinions, so that weights differ.
    state = state.replace(params=state.params._replace(disc=jax.tree.map(lambda p: 3.0 * p, state.params.disc)))
    general = game._replace(conditional=without_linear_statistics(product_bernoulli()))
    real = toy_data(N)
    (after, metrics), (expected, wanted) = (
        jax.jit(functools.partial(discrete_step, game=one))(state, real, INDEX) for one in (general, game)
    )
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), expected.params.gen, state.params.gen)
    assert max(jax.tree.leaves(moved)) > 1e-4
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=2e-6), after.params, expected.params)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=2e-5, atol=2e-6), metrics, wanted)


def test_a_row_of_every_kind_of_column_trains_and_both_ways_agree():
    row = product_of_parts(
        {
            "bits": Part(product_bernoulli(event_ndims=1), (2,)),
            "columns": Part(product_categorical_columns([3, 2]), (5,)),
            "number": Part(product_gaussian(scale=0.5), (1,)),
            "missing": Part(optional(Part(product_categorical(3, event_ndims=2), (1, 3))), (4,)),
        }
    )
    networks = build_networks("mlp", example_shape=(12,), width=8)
    settings = DiscreteSettings(num_samples=3, penalty=0.0)
    optimizers = Pair(gen=optax.sgd(1.0), disc=optax.sgd(1e-2))
    game = DiscreteGame(networks=networks, conditional=row, optimizers=optimizers, settings=settings)
    state = init_state(jax.random.key(3), networks=networks, optimizers=optimizers)
    real = row.sample(jax.random.key(4), jnp.linspace(-1.0, 1.0, N * 12).reshape(N, 12))[None]
    after, expected = (
        jax.jit(functools.partial(discrete_step, game=one))(state, real, INDEX)[0]
        for one in (game._replace(conditional=without_linear_statistics(row)), game)
    )
    moved = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), expected.params, state.params)
    assert min(jax.tree.leaves(moved)) > 1e-5
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=2e-6), after.params, expected.params)


def chain_of_bits(length):
    """Bits of which each depends on the one before it: two logits for every bit, its own and the other's effect."""

    def bit_logits(x, logits):
        before = jnp.concatenate([jnp.zeros_like(x[..., :1]), x[..., :-1]], axis=-1).astype(jnp.float32)
        return logits[..., 0] + logits[..., 1] * before

    def sample(key, logits):
        uniform = jax.random.uniform(key, logits.shape[:-1])

        def draw(before, at_bit):
            own, u = at_bit
            bit = (u < jax.nn.sigmoid(own[..., 0] + own[..., 1] * before)).astype(jnp.float32)
            return bit, bit

        moved = (jnp.moveaxis(logits, -2, 0), jnp.moveaxis(uniform, -1, 0))
        _, bits = jax.lax.scan(draw, jnp.zeros(logits.shape[:-2]), moved)
        return jnp.moveaxis(bits, 0, -1).astype(jnp.uint8)

    def log_prob(x, logits):
        l = bit_logits(x, logits)
        return jnp.sum(x.astype(jnp.float32) * l - jax.nn.softplus(l), axis=-1)

    return general_conditional(
        "chain_of_bits",
        sample=sample,
        statistics=lambda x: jnp.asarray(x, jnp.float32),
        log_prob=log_prob,
        event_ndims=2,
        coordinate_ndims=1,
    )


def chain_game(**settings):
    conditional = chain_of_bits(3)
    pair = build_networks("mlp", example_shape=(3, 2), width=16, latent_dim=1)
    disc = build_networks("mlp", example_shape=(3,), width=16).disc
    return DiscreteGame(
        networks=pair._replace(disc=disc),
        conditional=conditional,
        optimizers=Pair(gen=optax.adam(1e-2), disc=optax.adam(1e-2)),
        settings=DiscreteSettings(num_samples=8, penalty_stride=2, **settings),
    )


def test_an_autoregressive_family_learns_what_its_chain_can():
    # Equal bits: 000 and 111, half each. One latent cannot make them of independent bits; the chain can.
    game = chain_game(penalty=0.1)
    state = init_state(jax.random.key(0), networks=game.networks, optimizers=game.optimizers)
    # The generator sees no latent, so that only the chain can make bits depend on one another.
    gen = game.networks.gen
    blind = gen._replace(apply=lambda variables, z, *, train: gen.apply(variables, 0.0 * z, train=train))
    game = game._replace(networks=game.networks._replace(gen=blind))

    @jax.jit
    def train(state):
        def one(state, key):
            bit = jax.random.bernoulli(key, 0.5, (1, 64, 1))
            real = jnp.broadcast_to(bit, (1, 64, 3)).astype(jnp.uint8)
            return discrete_step(state, real, jnp.arange(64), game=game)

        return jax.lax.scan(one, state, jax.random.split(jax.random.key(1), 400))

    state, metrics = train(state)
    logits, _ = game.networks.gen.apply(state.gen_average, jnp.zeros((1, 1)), train=False)
    ends = jnp.array([[0, 0, 0], [1, 1, 1]], jnp.uint8)
    probabilities = jnp.exp(game.conditional.log_prob_of(ends, jnp.broadcast_to(logits, (2, 3, 2))))
    assert bool(jnp.isfinite(metrics["penalty"]).all())
    # Independent bits have 1/8 of each at best.
    assert float(probabilities.min()) > 0.2


def test_what_needs_linear_statistics_is_refused():
    game = chain_game(penalty=0.0, control_variate=True)
    state = init_state(jax.random.key(0), networks=game.networks, optimizers=game.optimizers)
    with pytest.raises(ValueError, match=r"chain_of_bits has no exact mean.*--control_variate"):
        discrete_step(state, jnp.zeros((1, 8, 3), jnp.uint8), jnp.arange(8), game=game)
