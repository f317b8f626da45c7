"""Enumerable targets against closed forms: normalisation, Onsager-Kaufman, chain marginals, sampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.evaluation.enumerable import (
    all_states,
    ising_target,
    markov_chain_target,
    product_mixture_target,
    random_markov_chain_target,
    random_target,
    sample_target,
    state_index,
    table_target,
    target_conditional,
)

TARGETS = [
    random_target(jax.random.key(0)),
    ising_target(side=4),
    random_markov_chain_target(jax.random.key(1)),
    product_mixture_target(np.array([0.3, 0.7]), np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])),
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_probabilities_sum_to_one_and_rows_are_in_counting_order(target):
    assert np.exp(target.log_probs).sum() == pytest.approx(1.0, abs=1e-12)
    event_ndims = target.states.ndim - 1
    rows = state_index(jnp.asarray(target.states), num_symbols=target.num_symbols, event_ndims=event_ndims)
    np.testing.assert_array_equal(rows, np.arange(len(target.states)))


def kaufman_log_partition(side, temperature):
    """Computes log Z of the Ising model on a side x side torus by Kaufman's formula (1949), without enumeration."""
    coupling = 1.0 / temperature

    def angle(r):
        if r == 0:
            return 2 * coupling + np.log(np.tanh(coupling))
        half = np.cosh(2 * coupling) ** 2 / np.sinh(2 * coupling) - np.cos(np.pi * r / side)
        return np.arccosh(half)

    even = np.array([angle(2 * r) for r in range(side)])
    odd = np.array([angle(2 * r + 1) for r in range(side)])
    products = sum(np.prod(2 * f(side * angles / 2)) for f in (np.cosh, np.sinh) for angles in (even, odd))
    return np.log(0.5) + side**2 / 2 * np.log(2 * np.sinh(2 * coupling)) + np.log(products)


@pytest.mark.parametrize("temperature", [1.5, 2.269, 4.0])
@pytest.mark.parametrize("side", [3, 4])
def test_ising_normaliser_is_kaufmans(side, temperature):
    target = ising_target(side=side, temperature=temperature)
    # All spins up: every one of the 2 side^2 bonds agrees.
    log_partition = 2 * side**2 / temperature - target.log_probs[-1]
    assert log_partition == pytest.approx(kaufman_log_partition(side, temperature), rel=1e-10)


def test_ising_is_symmetric_under_flips_and_translations():
    target = ising_target(side=3, temperature=2.0)
    flipped = state_index(jnp.asarray(1 - target.states), num_symbols=2, event_ndims=2)
    moved = state_index(jnp.asarray(np.roll(target.states, 1, axis=2)), num_symbols=2, event_ndims=2)
    np.testing.assert_allclose(target.log_probs[np.asarray(flipped)], target.log_probs)
    np.testing.assert_allclose(target.log_probs[np.asarray(moved)], target.log_probs)


def test_chain_marginals_are_matrix_powers():
    transition = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5], [0.3, 0.3, 0.4]])
    initial = np.array([0.2, 0.3, 0.5])
    target = markov_chain_target(initial, transition, length=4)
    probs = np.exp(target.log_probs)
    for position in range(4):
        marginal = np.bincount(target.states[:, position], weights=probs, minlength=3)
        np.testing.assert_allclose(marginal, initial @ np.linalg.matrix_power(transition, position), atol=1e-12)


def test_product_mixture_bit_means_are_mixtures_of_sigmoids():
    weights, logits = np.array([0.3, 0.7]), np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])
    target = product_mixture_target(weights, logits)
    means = np.exp(target.log_probs) @ target.states
    np.testing.assert_allclose(means, weights @ (1 / (1 + np.exp(-logits))), atol=1e-12)


def test_samples_follow_the_target():
    target = table_target("uneven", np.log([0.1, 0.2, 0.3, 0.4]), num_symbols=2, example_shape=(2,))
    num_samples = 20_000
    samples = sample_target(jax.random.key(3), target, num_samples=num_samples)
    counts = np.bincount(np.asarray(state_index(samples, num_symbols=2)), minlength=4)
    probs = np.exp(target.log_probs)
    standard_errors = np.sqrt(probs * (1 - probs) / num_samples)
    assert np.all(np.abs(counts / num_samples - probs) < 4 * standard_errors)


def test_impossible_states_are_never_drawn():
    chain = markov_chain_target(np.array([0.5, 0.5]), np.array([[0.0, 1.0], [1.0, 0.0]]), length=5)
    samples = np.asarray(sample_target(jax.random.key(0), chain, num_samples=500))
    assert np.all(samples[:, 1:] != samples[:, :-1])


def test_conditionals_fit_the_states():
    chain = random_markov_chain_target(jax.random.key(0), num_symbols=3, length=2)
    assert target_conditional(chain).statistics(jnp.asarray(chain.states)).shape == (9, 2, 3)
    assert target_conditional(ising_target(side=3)).event_ndims == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: all_states(num_symbols=2, example_shape=(21,)), "cannot be listed"),
        (lambda: ising_target(side=5), "side must be 3 or 4"),
        (lambda: ising_target(temperature=0.0), "temperature positive"),
        (lambda: markov_chain_target(np.array([0.5, 0.6]), np.eye(2), length=2), "sum to 1"),
        (lambda: markov_chain_target(np.array([0.5, 0.5]), np.eye(3), length=2), r"\[V, V\]"),
        (lambda: product_mixture_target(np.array([0.5, 0.6]), np.zeros((2, 3))), "sum to 1"),
        (lambda: table_target("t", np.zeros(3), num_symbols=2, example_shape=(2,)), r"\[4\]"),
        (lambda: table_target("t", np.full(2, -np.inf), num_symbols=2, example_shape=(1,)), "must be finite"),
    ],
)
def test_bad_targets_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
