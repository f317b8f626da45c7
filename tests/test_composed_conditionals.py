"""Laws of the composed families, by enumeration: probabilities, means, covariances, samples, masks."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.algorithms.linear_part import linear_part
from bgan_jax.conditionals import (
    Part,
    conditional_for,
    general_conditional,
    optional,
    product_bernoulli,
    product_categorical,
    product_categorical_columns,
    product_gaussian,
    product_of_parts,
    with_mask,
)

SIZES = (2, 3, 3, 2)
ANSWER = Part(product_categorical(3, event_ndims=2), (2, 3))
# By name: the family, every state of an example, and how many logits it has.
COLUMN_STATES = list(itertools.product(*map(range, SIZES)))
PAIR_STATES = list(itertools.product(range(3), range(3)))
FAMILIES = {
    "columns": (product_categorical_columns(SIZES), COLUMN_STATES, 10),
    "parts": (
        product_of_parts({"flags": Part(product_bernoulli(event_ndims=1), (2,)), "answers": ANSWER}),
        [(*flags, *answers) for flags in itertools.product((0, 1), repeat=2) for answers in PAIR_STATES],
        8,
    ),
    "optional": (optional(ANSWER), [(0, 0, 0), *((1, *answers) for answers in PAIR_STATES)], 7),
    "optional in parts": (
        product_of_parts(
            {"flag": Part(product_bernoulli(event_ndims=1), (1,)), "answer": Part(optional(ANSWER), (7,))}
        ),
        [(f, *y) for f in (0, 1) for y in [(0, 0, 0), *((1, *answers) for answers in PAIR_STATES)]],
        8,
    ),
    "masked": (
        with_mask(product_categorical_columns(SIZES), [True, False, True, True]),
        [state for state in COLUMN_STATES if state[1] == 0],
        10,
    ),
}


def enumerated(name):
    """The family, its states, random logits, and the probability of every state."""
    conditional, states, num_logits = FAMILIES[name]
    logits = 1.5 * jax.random.normal(jax.random.key(7), (num_logits,))
    states = jnp.array(states, jnp.uint8)

    @jax.jit
    def probabilities():
        of_each = jnp.broadcast_to(logits[None], (len(states), num_logits))
        return jnp.exp(conditional.log_prob(conditional.statistics(states), of_each))

    return conditional, states, logits, probabilities()


@pytest.mark.parametrize("name", FAMILIES)
def test_probabilities_sum_to_one_and_give_the_mean_and_the_covariance(name):
    conditional, states, logits, probabilities = enumerated(name)
    np.testing.assert_allclose(jnp.sum(probabilities), 1.0, rtol=2e-6)
    slope = jnp.linspace(-1.0, 2.0, len(logits))

    @jax.jit
    def exact():
        part = linear_part(lambda points: points @ slope, conditional, logits[None])
        return conditional.mean(logits), jax.grad(conditional.log_normalizer)(logits), part.covariance_product[0]

    mean, slope_of_normalizer, covariance_product = exact()
    points = np.asarray(jax.jit(conditional.statistics)(states))
    expected = np.asarray(probabilities) @ points
    np.testing.assert_allclose(mean, expected, atol=2e-6)
    np.testing.assert_allclose(slope_of_normalizer, expected, atol=2e-6)
    # What the control variate takes: the covariance times a slope, exactly.
    centred = points - expected
    along = np.asarray(probabilities) * (centred @ np.asarray(slope))
    np.testing.assert_allclose(covariance_product, along @ centred, atol=5e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_state_is_drawn_with_its_probability(name):
    conditional, states, logits, probabilities = enumerated(name)
    n = 20_000
    keys = jax.random.split(jax.random.key(3), n)
    x = np.asarray(jax.vmap(conditional.sample, in_axes=(0, None))(keys, logits))
    place = {tuple(state): i for i, state in enumerate(np.asarray(states).tolist())}
    counts = np.bincount([place[tuple(row)] for row in x.tolist()], minlength=len(states))
    expected = n * np.asarray(probabilities, np.float64)
    z = (counts - expected) / np.sqrt(expected + 1e-9)
    assert np.abs(z).max() < 4.5


def test_columns_of_one_size_are_the_product_of_one_categorical():
    columns, grid = product_categorical_columns([4, 4, 4]), product_categorical(4, event_ndims=2)
    logits = jax.random.normal(jax.random.key(0), (5, 3, 4))
    x = jnp.array([[0, 3, 1]] * 5)
    np.testing.assert_allclose(
        columns.log_prob(columns.statistics(x), logits.reshape(5, 12)), grid.log_prob(grid.statistics(x), logits)
    )
    assert columns.sample(jax.random.key(0), logits.reshape(5, 12)).dtype == jnp.uint8
    assert product_categorical_columns([2, 300]).sample(jax.random.key(0), jnp.zeros(302)).dtype == jnp.uint16


def test_nothing_is_padded():
    columns = product_categorical_columns([2, 1000, 2])
    assert columns.statistics(jnp.array([1, 999, 0])).shape == (1004,)
    jaxpr = str(jax.make_jaxpr(columns.mean)(jnp.zeros((8, 1004))))
    assert "1000" in jaxpr
    assert "3000" not in jaxpr
    assert "8,3,1000" not in jaxpr


@pytest.mark.parametrize("name", ["columns", "parts", "optional in parts"])
def test_a_mask_leaves_coordinates_out(name):
    conditional, states, logits, _ = enumerated(name)
    x = states[-1]
    statistics = conditional.statistics(x)
    mask = jnp.ones(x.shape, bool).at[0].set(False)
    (conditional_alone, alone_logits) = {
        "columns": (product_categorical_columns(SIZES[1:]), logits[2:]),
        "parts": (product_of_parts({"flag": Part(product_bernoulli(event_ndims=1), (1,)), "a": ANSWER}), logits[1:]),
        "optional in parts": (optional(ANSWER), logits[1:]),
    }[name]
    rubbish = logits.at[0].set(-jnp.inf)
    value, gradient = jax.value_and_grad(lambda l: conditional.log_prob(statistics, l, mask=mask))(rubbish)
    alone = conditional_alone.log_prob(conditional_alone.statistics(x[1:]), alone_logits)
    np.testing.assert_allclose(value, alone, rtol=1e-5)
    assert float(gradient[0]) == 0.0
    assert bool(jnp.isfinite(gradient).all())


def test_impossible_categories_are_never_drawn():
    columns = product_categorical_columns([2, 3])
    logits = jnp.array([-jnp.inf, 0.0, 0.0, -jnp.inf, 0.0])
    x = jax.vmap(columns.sample, in_axes=(0, None))(jax.random.split(jax.random.key(0), 500), logits)
    assert {tuple(row) for row in np.asarray(x).tolist()} == {(1, 0), (1, 2)}
    np.testing.assert_allclose(columns.log_prob(columns.statistics(jnp.array([1, 2])), logits), -np.log(2), rtol=1e-6)


def test_numbers_have_the_density_of_a_gaussian():
    gaussian = product_gaussian(scale=0.5)
    logits, x = jnp.array([4.0, -2.0]), jnp.array([[0.7, -0.3], [1.4, 0.1]])

    def log_density(mean):
        return -0.5 * jnp.sum(jnp.square(x - mean[None]), axis=-1) / 0.25

    expected = log_density(0.25 * logits) - log_density(jnp.zeros(2))
    np.testing.assert_allclose(gaussian.log_prob(x, jnp.broadcast_to(logits[None], (2, 2))), expected, rtol=1e-5)
    draws = jax.vmap(gaussian.sample, in_axes=(0, None))(jax.random.split(jax.random.key(0), 10_000), logits)
    np.testing.assert_allclose(draws.mean(0), [1.0, -0.5], atol=4 * 0.5 / 100)
    np.testing.assert_allclose(draws.std(0), 0.5, rtol=4 / np.sqrt(2e4))
    slope = jnp.array([1.0, -3.0])
    part = linear_part(lambda points: points @ slope, gaussian, logits[None])
    np.testing.assert_allclose(part.covariance_product[0], 0.25 * slope, rtol=1e-6)


def test_a_row_of_bits_symbols_numbers_and_missing_values():
    row = product_of_parts(
        {
            "flags": Part(product_bernoulli(event_ndims=1), (2,)),
            "answers": ANSWER,
            "age": Part(optional(Part(product_gaussian(), (1,))), (2,)),
        }
    )
    logits = jax.random.normal(jax.random.key(0), (6, 10))
    x = row.sample(jax.random.key(1), logits)
    assert (x.shape, x.dtype) == ((6, 6), jnp.float32)
    assert set(np.asarray(x[:, 4]).tolist()) <= {0.0, 1.0}
    assert (np.asarray(x[:, 5])[np.asarray(x[:, 4]) == 0] == 0).all()
    assert row.statistics(x).shape == logits.shape
    assert bool(jnp.isfinite(row.log_prob(row.statistics(x), logits)).all())


def test_logits_of_16_bits_give_what_their_float32_copies_give():
    columns = product_categorical_columns(SIZES)
    logits = (4.0 * jax.random.normal(jax.random.key(1), (5, 10))).astype(jnp.bfloat16)
    exact = logits.astype(jnp.float32)
    np.testing.assert_array_equal(columns.sample(jax.random.key(0), logits), columns.sample(jax.random.key(0), exact))
    for function in (columns.mean, columns.log_normalizer):
        assert function(logits).dtype == jnp.float32
        np.testing.assert_array_equal(function(logits), function(exact))


def test_what_is_refused():
    with pytest.raises(ValueError, match="column 1 has 1 classes"):
        product_categorical_columns([2, 1])
    with pytest.raises(ValueError, match="there is no part"):
        product_categorical_columns([])
    with pytest.raises(ValueError, match="column_sizes"):
        conditional_for("table", (3,))
    with pytest.raises(ValueError, match="must be boolean"):
        with_mask(product_bernoulli(event_ndims=1), [1, 0])
    with pytest.raises(ValueError, match="above 0"):
        product_gaussian(scale=0.0)
    columns = product_categorical_columns([2, 3])
    with pytest.raises(ValueError, match="5 logits, found"):
        columns.mean(jnp.zeros((2, 6)))
    with pytest.raises(ValueError, match="2 coordinates, found"):
        columns.statistics(jnp.zeros((4, 3), jnp.int32))
    with pytest.raises(ValueError, match=r"0 \.\. 2"):
        columns.statistics(jnp.array([1, 3]))
    general = general_conditional(
        "own",
        sample=columns.sample,
        statistics=columns.statistics,
        log_prob=lambda x, logits: jnp.zeros(()),
        event_ndims=1,
        coordinate_ndims=1,
    )
    for compose in (
        lambda: product_of_parts({"mine": Part(general, (5,))}),
        lambda: with_mask(general, [True, True]),
    ):
        with pytest.raises(ValueError, match="no linear statistics"):
            compose()
    with pytest.raises(ValueError, match="own has no exact mean"):
        general.mean(jnp.zeros(5))
