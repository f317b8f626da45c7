import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from bgan_jax.conditionals import (
    conditional_for,
    example_keys,
    product_bernoulli,
    product_categorical,
    sample_conditionals,
    sample_statistics,
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


@pytest.mark.parametrize(
    "conditional", [product_bernoulli(event_ndims=2), product_categorical(5, event_ndims=2, draws_one_hot=True)]
)
def test_statistics_that_are_drawn_are_those_of_the_samples(conditional):
    keys, index = example_keys(jax.random.key(0), jnp.arange(3)), jnp.arange(4)
    logits = 2.0 * jax.random.normal(jax.random.key(1), (3, 6, 5)).at[:, 2, 1:].set(-jnp.inf)
    expected = conditional.statistics(sample_conditionals(conditional, keys, logits, sample_index=index))
    found = sample_statistics(conditional, keys, logits, sample_index=index)
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found, expected)


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


SMALL = (jnp.bfloat16, jnp.float16)


@pytest.mark.parametrize("dtype", SMALL, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("conditional", [product_bernoulli(event_ndims=2), product_categorical(4, event_ndims=2)])
def test_logits_of_16_bits_give_what_their_float32_copies_give(conditional, dtype):
    logits = (4.0 * jax.random.normal(jax.random.key(1), (5, 4))).astype(dtype)
    exact = logits.astype(jnp.float32)
    x = conditional.sample(jax.random.key(0), logits)
    np.testing.assert_array_equal(x, conditional.sample(jax.random.key(0), exact))
    statistics = conditional.statistics(x)
    for result, expected in (
        (conditional.log_prob(statistics, logits), conditional.log_prob(statistics, exact)),
        (conditional.mean(logits), conditional.mean(exact)),
        (conditional.log_normalizer(logits), conditional.log_normalizer(exact)),
    ):
        assert result.dtype == jnp.float32
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", SMALL, ids=lambda dtype: dtype.__name__)
def test_rare_bits_and_many_equal_symbols_have_their_frequencies_in_16_bits(dtype):
    n, probability = 200_000, float(jax.nn.sigmoid(-7.0))
    bits = product_bernoulli(event_ndims=1).sample(jax.random.key(0), jnp.full(n, -7.0, dtype))
    assert abs(float(bits.mean(dtype=jnp.float32)) - probability) < 4 * np.sqrt(probability / n)
    symbols = product_categorical(1000, event_ndims=2).sample(jax.random.key(1), jnp.zeros((20_000, 1000), dtype))
    counts = np.bincount(np.asarray(symbols), minlength=1000)
    assert counts.min() > 0
    assert counts.max() < 20 + 6 * np.sqrt(20)


def masked_logits(kept, num_classes):
    """Logits of every pattern: classes that can occur have equal logits, the others -inf."""
    return jnp.where(jnp.asarray(kept), 0.0, -jnp.inf).reshape(-1, num_classes)


def test_a_masked_class_is_never_drawn_wherever_it_is():
    patterns = [pattern for pattern in itertools.product((False, True), repeat=5) if any(pattern)]
    logits = masked_logits(patterns, 5)
    conditional = product_categorical(5, event_ndims=2)
    keys = jax.random.split(jax.random.key(0), 2000)
    x = np.asarray(jax.vmap(conditional.sample, in_axes=(0, None))(keys, logits))
    for place, pattern in enumerate(patterns):
        assert set(x[:, place].tolist()) == set(np.flatnonzero(pattern).tolist())


@pytest.mark.parametrize("num_classes", [3, 80, 1000])
def test_the_largest_threshold_draws_a_class_that_can_occur(num_classes, monkeypatch):
    # Running sums are rounded: the largest number that uniform can return is beyond many of them.
    largest = float(np.nextafter(np.float32(1), np.float32(0)))
    monkeypatch.setattr(jax.random, "uniform", lambda key, shape: jnp.full(shape, largest))
    random = np.random.default_rng(0)
    logits = random.normal(size=(200, num_classes)).astype(np.float32)
    kept = random.random((200, num_classes)) < 0.5
    kept[:, 0], kept[:, -1] = True, False
    x = np.asarray(
        product_categorical(num_classes, event_ndims=2).sample(
            jax.random.key(0), jnp.where(jnp.asarray(kept), jnp.asarray(logits), -jnp.inf)
        )
    )
    assert kept[np.arange(200), x].all()


@pytest.mark.parametrize("impossible", [-jnp.inf, -1e9])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_loss_of_masked_classes(impossible, compiled):
    conditional = product_categorical(3, event_ndims=1)
    statistics, fake_logits = conditional.statistics(jnp.array([0, 1])), jnp.array([[1.0], [0.0]])

    def loss(logits):
        log_probs = conditional.log_prob(statistics, jnp.broadcast_to(logits, (2, 3)))[:, None]
        return losses.importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits).sum()

    function = jax.value_and_grad(loss)
    value, gradient = (jax.jit(function) if compiled else function)(jnp.array([0.3, 0.1, impossible]))
    np.testing.assert_allclose(value, 0.652, atol=5e-4)
    np.testing.assert_allclose(gradient, [-0.181, 0.181, 0.0], atol=5e-4)


def test_a_symbol_that_cannot_occur_has_log_probability_minus_infinity():
    conditional = product_categorical(3, event_ndims=1)
    logits = jnp.array([0.0, -jnp.inf, 0.0])
    assert float(conditional.log_prob(conditional.statistics(jnp.array(1)), logits)) == -jnp.inf
    bits = product_bernoulli(event_ndims=1)
    assert float(bits.log_prob(jnp.array([0.0, 1.0]), jnp.array([-jnp.inf, 0.0]))) == pytest.approx(-np.log(2))
    assert float(bits.log_prob(jnp.array([1.0, 1.0]), jnp.array([-jnp.inf, 0.0]))) == -jnp.inf


@pytest.mark.parametrize("rubbish", [0.0, 3.0, -jnp.inf, jnp.nan, 1e30])
@pytest.mark.parametrize("conditional", [product_bernoulli(event_ndims=1), product_categorical(4, event_ndims=2)])
def test_padding_costs_nothing_and_gets_no_gradient(conditional, rubbish):
    counted = jnp.array([True, True, False, True, False])
    logits = jax.random.normal(jax.random.key(0), (5, 4) if conditional.event_ndims == 2 else (5,))
    x = jnp.array([1, 0, 1, 1, 0])
    wide = counted if conditional.event_ndims == 1 else counted[:, None]
    padded = jnp.where(wide, logits, rubbish)
    statistics = conditional.statistics(x)
    value, gradient = jax.value_and_grad(lambda l: conditional.log_prob(statistics, l, mask=counted))(padded)
    expected, wanted = jax.value_and_grad(lambda l: conditional.log_prob(statistics[counted], l))(logits[counted])
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient[counted], wanted, rtol=1e-6)
    np.testing.assert_array_equal(gradient[~counted], 0.0)


def test_symbols_and_shapes_that_do_not_fit_are_refused():
    categorical, bits = product_categorical(4, event_ndims=2), product_bernoulli(event_ndims=1)
    for x in ([4, 0], [-1, 2]):
        with pytest.raises(ValueError, match=r"0 \.\. 3"):
            categorical.statistics(jnp.array(x))
    with pytest.raises(ValueError, match=r"0 \.\. 1, found 0 \.\. 255"):
        bits.statistics(jnp.array([0, 255], jnp.uint8))
    for x in ([0.5, 1.0], [jnp.nan, 1.0]):
        with pytest.raises(ValueError, match="whole numbers"):
            bits.statistics(jnp.array(x))
    for function in (
        lambda logits: categorical.sample(jax.random.key(0), logits),
        categorical.mean,
        categorical.log_normalizer,
    ):
        with pytest.raises(ValueError, match="4 classes"):
            function(jnp.zeros((2, 5)))
    with pytest.raises(ValueError, match="must agree in the last 2 dims"):
        categorical.log_prob(jnp.zeros((2, 4)), jnp.zeros((3, 4)))
    with pytest.raises(ValueError, match="boolean"):
        bits.log_prob(jnp.zeros(2), jnp.zeros(2), mask=jnp.ones(2))
