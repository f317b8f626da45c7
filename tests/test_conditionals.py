import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.conditionals import (
    conditional_for,
    example_keys,
    product_bernoulli,
    product_categorical,
    sample_conditionals,
)


def test_bernoulli_probabilities_sum_to_one_over_every_state():
    conditional = product_bernoulli(event_ndims=1)
    logits = jnp.array([0.3, -2.0, 5.0])
    states = jnp.array(list(itertools.product((0, 1), repeat=3)), jnp.uint8)
    log_probs = conditional.log_prob(conditional.statistics(states), jnp.broadcast_to(logits, (8, 3)))
    np.testing.assert_allclose(jnp.sum(jnp.exp(log_probs)), 1.0, rtol=1e-6)


def test_categorical_probabilities_sum_to_one_over_every_state():
    conditional = product_categorical(3, event_ndims=2)
    logits = jax.random.normal(jax.random.key(0), (2, 3))
    states = jnp.array(list(itertools.product(range(3), repeat=2)), jnp.uint8)
    log_probs = conditional.log_prob(conditional.statistics(states), jnp.broadcast_to(logits, (9, 2, 3)))
    np.testing.assert_allclose(jnp.sum(jnp.exp(log_probs)), 1.0, rtol=1e-6)


@pytest.mark.parametrize("conditional", [product_bernoulli(event_ndims=2), product_categorical(4, event_ndims=2)])
def test_the_mean_is_the_slope_of_the_log_normalizer(conditional):
    logits = 2.0 * jax.random.normal(jax.random.key(1), (5, 4))
    slope = jax.grad(conditional.log_normalizer)(logits)
    np.testing.assert_allclose(slope, conditional.mean(logits), atol=1e-6)


def test_two_categories_are_a_coin():
    bernoulli, categorical = product_bernoulli(event_ndims=1), product_categorical(2, event_ndims=2)
    logits = jnp.array([0.4, -1.2, 3.0])
    both = jnp.stack([jnp.zeros(3), logits], axis=-1)
    x = jnp.array([1, 0, 1], jnp.uint8)
    np.testing.assert_allclose(
        bernoulli.log_prob(bernoulli.statistics(x), logits),
        categorical.log_prob(categorical.statistics(x), both),
        rtol=1e-6,
    )


@pytest.mark.parametrize("conditional", [product_bernoulli(event_ndims=2), product_categorical(4, event_ndims=2)])
def test_samples_have_the_frequencies_of_the_mean(conditional):
    logits = 1.5 * jax.random.normal(jax.random.key(2), (3, 4))
    n = 20000
    keys = jax.random.split(jax.random.key(3), n)
    x = jax.vmap(conditional.sample, in_axes=(0, None))(keys, logits)
    frequencies = jnp.mean(conditional.statistics(x), axis=0)
    mean = conditional.mean(logits)
    standard_error = jnp.sqrt(mean * (1 - mean) / n) + 1e-9
    assert float(jnp.max(jnp.abs(frequencies - mean) / standard_error)) < 4.0


def test_log_prob_is_linear_in_the_statistics():
    conditional = product_categorical(5, event_ndims=3)
    logits = jax.random.normal(jax.random.key(4), (2, 3, 3, 5))
    x = jax.random.randint(jax.random.key(5), (7, 2, 3, 3), 0, 5)
    weights = jax.nn.softmax(jax.random.normal(jax.random.key(6), (7, 2)), axis=0)
    per_sample = conditional.log_prob(conditional.statistics(x), jnp.broadcast_to(logits, (7, *logits.shape)))
    mean_sample = jnp.einsum("mn,mn...->n...", weights, conditional.statistics(x))
    np.testing.assert_allclose(
        jnp.sum(weights * per_sample, axis=0), conditional.log_prob(mean_sample, logits), rtol=1e-5
    )


def test_impossible_and_certain_symbols():
    conditional = product_categorical(3, event_ndims=1)
    certain = jnp.array([-jnp.inf, 0.0, -jnp.inf])
    keys = jax.random.split(jax.random.key(0), 1000)
    assert set(np.asarray(jax.vmap(conditional.sample, in_axes=(0, None))(keys, certain)).tolist()) == {1}


def test_a_sample_does_not_depend_on_the_others():
    conditional = product_bernoulli()
    logits = jax.random.normal(jax.random.key(0), (4, 5, 5, 1))
    keys = example_keys(jax.random.key(1), jnp.arange(4))
    everything = sample_conditionals(conditional, keys, logits, sample_index=jnp.arange(6))
    some = sample_conditionals(conditional, keys[2:], logits[2:], sample_index=jnp.array([4, 1]))
    np.testing.assert_array_equal(some, everything[jnp.array([4, 1])][:, 2:])


def test_a_vocabulary_beyond_a_byte_has_wider_symbols():
    conditional = product_categorical(300, event_ndims=2)
    x = conditional.sample(jax.random.key(0), jnp.zeros((64, 300)))
    assert x.dtype == jnp.uint16
    assert int(x.max()) > 255


def test_what_is_refused():
    with pytest.raises(ValueError, match="2 to 65,536"):
        product_categorical(1)
    with pytest.raises(ValueError, match="'binary', 'categorical', 'text'"):
        conditional_for("continuous", (8, 8, 3))
    with pytest.raises(ValueError, match="num_classes"):
        conditional_for("text", (32,))
