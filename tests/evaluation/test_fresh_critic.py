"""A fresh critic against exact divergences: a close lower bound, with a visible gap if it memorises its data."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.conditionals import product_categorical
from bgan_jax.evaluation.enumerable import random_target
from bgan_jax.evaluation.exact import exact_divergence
from bgan_jax.evaluation.fresh_critic import (
    MEASURES,
    WASSERSTEIN,
    CriticSettings,
    bound_over_batches,
    fresh_critic,
    measure_value,
    train_critic,
)
from bgan_jax.evaluation.host_randomness import host_generator
from bgan_jax.losses import DIVERGENCES
from bgan_jax.networks import build_networks

NUM_BITS = 3
NETWORKS = build_networks("mlp", example_shape=(NUM_BITS,), width=32)
QUICK = functools.partial(CriticSettings, penalty=0.0, steps=400, batch_size=256, learning_rate=0.01)


def target(seed):
    return random_target(jax.random.key(seed), num_bits=NUM_BITS, spread=0.7)


def rows_of(key, law, num_rows):
    return law.states[host_generator(key).choice(len(law.states), size=num_rows, p=np.exp(law.log_probs))]


def frozen(p, q, *, num_rows=20_000):
    names = ("real", "fake", "held_out_real", "fresh_fake")
    keys = jax.random.split(jax.random.key(7), len(names))
    return {name: rows_of(key, q if "fake" in name else p, num_rows) for name, key in zip(names, keys, strict=True)}


def exact_value(variables, p, q, measure):
    """Computes V of the trained F with exact expectations."""
    logits, _ = NETWORKS.disc.apply(variables, jnp.asarray(p.states, jnp.float32), train=False)
    divergence = DIVERGENCES[measure]
    data_term = np.sum(np.exp(p.log_probs) * np.asarray(divergence.activation(logits), np.float64))
    return data_term - np.sum(np.exp(q.log_probs) * np.asarray(divergence.conjugate_of_activation(logits), np.float64))


@pytest.mark.parametrize("measure", ["jensen_shannon", "reverse_kl", "kl", "squared_hellinger"])
def test_the_bound_approaches_the_divergence_from_below(measure):
    p, q = target(0), target(1)
    divergence = float(exact_divergence(target_log_probs=p.log_probs, model_log_probs=q.log_probs, divergence=measure))
    critic = fresh_critic(
        jax.random.key(0), **frozen(p, q), networks=NETWORKS, settings=QUICK(measure=measure), curve_points=4
    )
    value = exact_value(critic.variables, p, q, measure)
    assert 0.9 * divergence < value <= divergence + 1e-6
    standard_error = critic.held_out.standard_deviation / np.sqrt(len(critic.held_out.values))
    assert abs(critic.held_out.mean - value) < 4 * standard_error
    assert [point.step for point in critic.curve] == [100, 200, 300, 400]
    assert critic.curve[-1].seen > 0.7 * divergence


@pytest.mark.parametrize("measure", ["jensen_shannon", "reverse_kl"])
def test_equal_distributions_have_no_divergence(measure):
    p = target(0)
    critic = fresh_critic(jax.random.key(1), **frozen(p, p), networks=NETWORKS, settings=QUICK(measure=measure))
    assert exact_value(critic.variables, p, p, measure) <= 1e-6
    assert abs(critic.held_out.mean) < 0.01


def test_the_wasserstein_difference_of_two_points_is_their_distance():
    """Two points at distance sqrt 3: a critic of slope one along the segment, up to the excess that lambda allows.

    With slope s along the segment the objective is s d - lambda (s - 1)^2, whose best s is 1 + d / (2 lambda).
    """
    distance, strength = np.sqrt(NUM_BITS), 10.0
    rows = np.zeros((600, NUM_BITS), np.uint8)
    settings = QUICK(measure=WASSERSTEIN, penalty=strength, penalty_form="wgan_gp", batch_size=64, learning_rate=3e-3)
    critic = fresh_critic(
        jax.random.key(2), real=1 - rows, fake=rows, held_out_real=1 - rows, fresh_fake=rows, networks=NETWORKS,
        settings=settings,
    )  # fmt: skip
    excess = distance / (2 * strength)
    np.testing.assert_allclose(critic.seen.mean, distance * (1 + excess), rtol=0.02)
    np.testing.assert_allclose(critic.seen.penalized_mean, distance * (1 + excess) - strength * excess**2, rtol=0.02)


def test_memorised_data_show_as_a_gap():
    """Sixty-four rows of 24 fair coins against many others: the same distribution, but F can memorise its rows."""
    networks = build_networks("mlp", example_shape=(24,), width=64)
    tosses = host_generator(jax.random.key(0))
    coins = {
        name: tosses.integers(0, 2, (size, 24), dtype=np.uint8)
        for name, size in (("real", 64), ("fake", 20_000), ("held_out_real", 2400), ("fresh_fake", 2400))
    }
    critic = fresh_critic(jax.random.key(3), **coins, networks=networks, settings=QUICK(batch_size=64))
    assert critic.seen.mean > 0.8
    assert critic.held_out.mean < 0.0
    assert critic.curve[-1].seen - critic.curve[-1].held_out > 0.8


def test_a_penalty_lowers_the_bound_and_is_reported_separately():
    p, q = target(0), target(1)
    rows = frozen(p, q, num_rows=4000)
    free, bound = (
        fresh_critic(jax.random.key(4), **rows, networks=NETWORKS, settings=QUICK(penalty=penalty, steps=200))
        for penalty in (0.0, 5.0)
    )
    assert free.held_out.penalized_mean == free.held_out.mean
    assert bound.held_out.penalized_mean < bound.held_out.mean < free.held_out.mean
    assert np.all(bound.held_out.penalties > 0)


def test_probabilities_are_never_mistaken_for_bits():
    """If all probabilities of a generator are 1/2, its samples are those of fair coins; its probabilities are not."""
    coins = host_generator(jax.random.key(0)).integers(0, 2, (2000, NUM_BITS), dtype=np.uint8)
    halves = np.full((2000, NUM_BITS), 0.5, np.float32)
    settings = QUICK(steps=200)
    as_probs = fresh_critic(
        jax.random.key(5), real=coins, held_out_real=coins, fake=halves, fresh_fake=halves, networks=NETWORKS,
        settings=settings,
    )  # fmt: skip
    assert as_probs.held_out.mean > 1.3


def test_symbols_reach_the_critic_as_one_hot_vectors():
    networks = build_networks("mlp", example_shape=(1, 3), width=16)
    real, fake = np.zeros((64, 1), np.uint8), np.full((64, 1), 2, np.uint8)
    critic = fresh_critic(
        jax.random.key(6), real=real, fake=fake, held_out_real=real, fresh_fake=fake, networks=networks,
        settings=QUICK(steps=100, batch_size=32), statistics=product_categorical(3, event_ndims=2).statistics,
    )  # fmt: skip
    assert critic.held_out.mean > 1.2


def test_the_same_key_gives_the_same_critic():
    rows = frozen(target(0), target(1), num_rows=300)
    settings = QUICK(steps=3, penalty=1.0)
    first, second = (
        train_critic(jax.random.key(0), real=rows["real"], fake=rows["fake"], networks=NETWORKS, settings=settings)
        for _ in range(2)
    )
    jax.tree.map(np.testing.assert_array_equal, first, second)


def test_batches_take_every_row_at_most_once():
    """The mean over batches of equal size of a difference of means is the difference over all rows."""
    variables = NETWORKS.disc.init(jax.random.key(0))
    rows = frozen(target(0), target(1), num_rows=1200)
    settings = QUICK(measure=WASSERSTEIN)
    bounds = bound_over_batches(
        jax.random.key(1), variables, real=rows["real"], fake=rows["fake"], networks=NETWORKS, settings=settings
    )
    logits = {
        name: NETWORKS.disc.apply(variables, jnp.asarray(rows[name], jnp.float32), train=False)[0]
        for name in ("real", "fake")
    }
    assert bounds.values.shape == (12,)
    np.testing.assert_allclose(bounds.mean, np.mean(logits["real"]) - np.mean(logits["fake"]), atol=1e-5)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_constant_critic_finds_no_divergence(measure):
    """F = 0 means equal distributions: V is then f(1), which is 0 for all measures but one."""
    value = measure_value(real_logits=jnp.zeros(3), fake_logits=jnp.zeros(5), measure=measure)
    np.testing.assert_allclose(value, -np.log(4) if measure == "gan" else 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"measure": "total_variation"}, "total_variation.*jensen_shannon.*wasserstein"),
        ({"measure": WASSERSTEIN}, "gradient_norm.*wgan_gp"),
        ({"penalty_form": "clip"}, "clip.*unweighted"),
        ({"penalty": -1.0}, "penalty=-1.0"),
        ({"steps": 0}, "steps=0"),
        ({"batch_size": 64, "penalty_stride": 3}, "penalty_stride=3.*divide"),
    ],
)
def test_invalid_settings_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        CriticSettings(**settings)


def test_invalid_rows_and_networks_are_refused():
    rows = np.zeros((40, NUM_BITS), np.uint8)
    with pytest.raises(ValueError, match="fake has 40 rows, fewer than one batch of 256"):
        train_critic(jax.random.key(0), real=np.tile(rows, (7, 1)), fake=rows, networks=NETWORKS, settings=QUICK())
    with pytest.raises(ValueError, match="12 batches need at least 12 rows, found 3 real"):
        bound_over_batches(
            jax.random.key(0), NETWORKS.disc.init(jax.random.key(0)), real=rows[:3], fake=rows, networks=NETWORKS,
            settings=QUICK(),
        )  # fmt: skip
    normalised = build_networks("dcgan32_cortex", example_shape=(32, 32, 3), width=4)
    pictures = np.zeros((300, 32, 32, 3), np.float32)
    with pytest.raises(ValueError, match="has batch_stats"):
        train_critic(jax.random.key(0), real=pictures, fake=pictures, networks=normalised, settings=QUICK())
