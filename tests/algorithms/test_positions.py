"""Weights per position of a sentence: what they are, what their gradient estimates, and a step with them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.algorithms.discrete import DiscreteSettings, discrete_step
from bgan_jax.algorithms.estimators import ESTIMATORS, PER_POSITION, Context, generator_loss
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.importance_sums import score_samples, summarize
from bgan_jax.algorithms.state import adam_pair, init_state
from bgan_jax.conditionals import example_keys, product_categorical, sample_conditionals
from bgan_jax.networks import build_networks

N, LENGTH, SYMBOLS = 8, 5, 4
CONDITIONAL = product_categorical(SYMBOLS, event_ndims=2)
KEYS = example_keys(jax.random.key(0), jnp.arange(N))
LOGITS = jax.random.normal(jax.random.key(1), (N, LENGTH, SYMBOLS))


def scores_and_points(m):
    x = sample_conditionals(CONDITIONAL, KEYS, LOGITS, sample_index=jnp.arange(m))
    fake_logits = 2.0 * jax.random.normal(jax.random.key(2), (m, N, LENGTH))
    return fake_logits, CONDITIONAL.statistics(x)


def gradient(name, fake_logits, points, *, logits=LOGITS):
    context = Context(num_samples=len(points), log_partition_average=jnp.zeros(()), axis_name=None)
    direction = ESTIMATORS[name](summarize(fake_logits, points), context)
    return jax.grad(generator_loss)(logits, direction, conditional=CONDITIONAL)


@pytest.mark.parametrize("name", PER_POSITION)
def test_the_gradient_is_the_coefficients_times_that_of_every_symbol(name):
    m = 6
    fake_logits, points = scores_and_points(m)
    others = (fake_logits.sum(axis=0, keepdims=True) - fake_logits) / (m - 1)
    coefficients = {
        "boundary_seeking": jax.nn.softmax(fake_logits, axis=0) - 1 / m,
        "boundary_seeking_plain": jax.nn.softmax(fake_logits, axis=0),
        "reinforce": (fake_logits - others) / m,
        "reinforce_no_baseline": fake_logits / m,
    }[name]
    of_symbols = points - jax.nn.softmax(LOGITS)[None]
    expected = -jnp.einsum("mnl,mnlv->nlv", coefficients, of_symbols) / N
    np.testing.assert_allclose(gradient(name, fake_logits, points), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", PER_POSITION)
def test_a_sentence_of_one_position_is_a_sentence(name):
    fake_logits, points = scores_and_points(6)
    one = {"points": points[:, :, :1], "logits": LOGITS[:, :1]}
    np.testing.assert_allclose(
        gradient(name, fake_logits[:, :, :1], **one), gradient(name, fake_logits[:, :, 0], **one), rtol=1e-5, atol=1e-7
    )


def test_with_the_exact_ratio_every_position_is_pulled_to_the_data():
    # At F = log p/q the weighted symbols follow p, so the slope in the logits is (q - p) / N at every position.
    data = jax.nn.softmax(jax.random.normal(jax.random.key(3), (LENGTH, SYMBOLS)))
    log_ratio = jnp.log(data)[None] - jax.nn.log_softmax(LOGITS)
    m = 4000

    def log_ratio_fn(points):
        whole = points.reshape(-1, N, LENGTH, SYMBOLS)
        return jnp.sum(whole * log_ratio[None], axis=-1).reshape(-1, LENGTH)

    scored = score_samples(log_ratio_fn, CONDITIONAL, KEYS, LOGITS, num_samples=m, sample_chunk=400)
    # A weighted share has a standard error of at most sqrt(max w^2 / (4 M)); the weights are of order one here.
    error = float(jnp.exp(log_ratio).max()) / (2 * np.sqrt(m))
    np.testing.assert_allclose(scored.weighted_statistics, jnp.broadcast_to(data, LOGITS.shape), atol=4 * error)
    np.testing.assert_allclose(scored.log_partition, 0.0, atol=4 * float(jnp.exp(log_ratio).max()) / np.sqrt(m))


def game(**settings):
    networks = build_networks("characters_theano_positions", example_shape=(LENGTH, SYMBOLS), width=4, latent_dim=3)
    settings = DiscreteSettings(**{"num_samples": 4, "penalty": 0.0, **settings})
    optimizers = adam_pair(learning_rate_gen=1e-3, learning_rate_disc=1e-3)
    return Game(networks=networks, conditional=CONDITIONAL, optimizers=optimizers, settings=settings)


def step(played, *, real=None):
    initialize = functools.partial(init_state, networks=played.networks, optimizers=played.optimizers)
    state = jax.jit(initialize)(jax.random.key(0))
    real = jax.random.randint(jax.random.key(4), (1, N, LENGTH), 0, SYMBOLS) if real is None else real
    return jax.jit(functools.partial(discrete_step, game=played))(state, real, jnp.arange(N))


def test_a_step_moves_both_players_and_its_metrics_are_means_over_positions():
    state, metrics = step(game(disc_fakes_per_latent=4, penalty=1.0))
    assert all(np.isfinite(value) and np.shape(value) == () for value in metrics.values())
    assert 1.0 <= metrics["effective_sample_size"] <= 4.0
    assert float(metrics["gen_gradient_norm"]) > 0 and float(metrics["disc_gradient_norm"]) > 0
    assert float(metrics["penalty"]) > 0 and int(state.step) == 1


@pytest.mark.parametrize("name", sorted(set(ESTIMATORS) - set(PER_POSITION)))
def test_estimators_over_the_whole_batch_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}.*one F per position.*boundary_seeking, boundary_seeking_plain"):
        step(game(estimator=name))
