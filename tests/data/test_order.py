"""The order of examples is a permutation per epoch, the same from numpy and JAX, and statistically random."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgan_jax.data.order import batch_indices, check_schedule, host_slice, shuffled_indices


def indices_of(positions, *, num_examples, seed=0):
    return shuffled_indices(np.asarray(positions, np.uint32), num_examples=num_examples, seed=seed)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 3000), st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_every_epoch_holds_each_example_once(num_examples, seed, epoch):
    positions = epoch * num_examples + np.arange(num_examples)
    np.testing.assert_array_equal(
        np.sort(indices_of(positions, num_examples=num_examples, seed=seed)), np.arange(num_examples)
    )


def test_whole_epoch_of_a_large_set_holds_each_example_once():
    indices = indices_of(np.arange(1_281_167), num_examples=1_281_167)
    assert np.bincount(indices, minlength=1_281_167).tolist() == [1] * 1_281_167


@pytest.mark.parametrize("num_examples", [1, 2, 3, 10, 1000, 9000, 60_000, 2**31 + 11, 2**32 - 1])
def test_numpy_and_compiled_jax_give_the_same_integers(num_examples):
    positions = np.random.default_rng(0).integers(0, 2**32, 500, dtype=np.uint32)
    compiled = jax.jit(lambda p: shuffled_indices(p, num_examples=num_examples, seed=2**32 - 1))
    expected = indices_of(positions, num_examples=num_examples, seed=2**32 - 1)
    np.testing.assert_array_equal(compiled(jnp.asarray(positions)), expected)
    assert expected.max() < num_examples


def test_the_order_is_pinned():
    # A resumed run must have the order of its start, whichever version of the code resumes it.
    assert indices_of(np.arange(12), num_examples=10, seed=1).tolist() == [6, 4, 2, 0, 7, 5, 9, 8, 3, 1, 9, 3]


@pytest.mark.parametrize("process_count", [1, 2, 4, 8])
def test_slices_of_all_hosts_concatenate_to_the_global_batch(process_count):
    of_all = np.arange(16, dtype=np.uint32)
    parts = [of_all[host_slice(16, process_index=index, process_count=process_count)] for index in range(process_count)]
    found = [batch_indices(5, batch_size=16, num_examples=50, seed=0, within=part) for part in parts]
    np.testing.assert_array_equal(np.concatenate(found), indices_of(np.arange(80, 96), num_examples=50))


@pytest.mark.parametrize(
    ("num_examples", "batch_size"), [(9000, 64), (50, 16_384), (30_000_000, 16_384), (3, 1), (2**30, 2**29)]
)
def test_batches_beyond_32_bits_of_positions_have_the_indices_of_wide_arithmetic(num_examples, batch_size):
    """Compiled, in words of 32 bits, as by Python's integers; and as at the position itself while it fits."""
    within = np.asarray([0, batch_size // 2, batch_size - 1], np.uint32)
    find = functools.partial(
        batch_indices, batch_size=batch_size, num_examples=num_examples, seed=7, within=within, first_epoch=3
    )
    compiled = jax.jit(find)
    for batch in (0, 1, 12_345, 2_000_003, 2**31 - 1, 2**32 - 2):
        np.testing.assert_array_equal(compiled(jnp.uint32(batch)), find(batch))
    position = (2**32 // batch_size - 2) * batch_size
    expected = indices_of(position + within.astype(np.int64), num_examples=num_examples, seed=7)
    np.testing.assert_array_equal(
        batch_indices(position // batch_size, batch_size=batch_size, num_examples=num_examples, seed=7, within=within),
        expected,
    )


def test_epochs_and_seeds_differ():
    n = 100
    first = indices_of(np.arange(n), num_examples=n)
    # A random permutation of 100 has 1 fixed point on average; more than 9 has probability 1e-7.
    assert (first == indices_of(n + np.arange(n), num_examples=n)).sum() <= 9
    assert (first == indices_of(np.arange(n), num_examples=n, seed=1)).sum() <= 9
    assert (first == np.arange(n)).sum() <= 9


@pytest.mark.parametrize("num_examples", [7, 10, 16, 100])
def test_each_example_is_equally_likely_at_each_position(num_examples):
    epochs = 20_000
    positions = np.arange(epochs)[:, None] * num_examples + np.arange(num_examples)[None, :]
    indices = indices_of(positions, num_examples=num_examples)
    expected = epochs / num_examples
    for column in (0, num_examples // 2, num_examples - 1):
        statistic = ((np.bincount(indices[:, column], minlength=num_examples) - expected) ** 2 / expected).sum()
        freedom = num_examples - 1
        assert abs(statistic - freedom) < 5 * np.sqrt(2 * freedom)


@pytest.mark.parametrize("num_examples", [10, 100])
def test_neighbouring_positions_hold_unrelated_examples(num_examples):
    epochs = 20_000
    positions = np.arange(epochs)[:, None] * num_examples + np.array([[3, 4]])
    indices = indices_of(positions, num_examples=num_examples).astype(np.int64)
    steps = (indices[:, 1] - indices[:, 0]) % num_examples
    counts = np.bincount(steps, minlength=num_examples)[1:]
    expected = epochs / (num_examples - 1)
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert counts.sum() == epochs  # never the same example twice
    assert abs(statistic - (num_examples - 2)) < 5 * np.sqrt(2 * (num_examples - 2))


def test_a_run_of_too_many_steps_is_refused():
    check_schedule(num_steps=2_000_000, batch_size=16_384)
    with pytest.raises(ValueError, match=r"num_steps=4294967296 .* use at most 4294967295 steps"):
        check_schedule(num_steps=2**32, batch_size=64)
    with pytest.raises(ValueError, match="num_steps=4294967297"):
        batch_indices(2**32, batch_size=64, num_examples=10, seed=0)
    with pytest.raises(ValueError, match="below 2\\*\\*31 together"):
        batch_indices(0, batch_size=64, num_examples=2**31, seed=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_examples": 0, "seed": 0}, "num_examples=0"),
        ({"num_examples": 2**32, "seed": 0}, "num_examples"),
        ({"num_examples": 5, "seed": -1}, "seed=-1"),
        ({"num_examples": 5, "seed": 2**32}, "seed"),
    ],
)
def test_values_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        shuffled_indices(np.zeros(1, np.uint32), **arguments)


def test_positions_of_another_dtype_are_refused():
    with pytest.raises(ValueError, match="uint32, found int64"):
        shuffled_indices(np.zeros(1, np.int64), num_examples=5, seed=0)


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="batch_size=10 is not divisible by the number of hosts, 4"):
        host_slice(10, process_count=4)


def test_a_traced_seed_gives_the_same_order():
    positions = np.arange(700, dtype=np.uint32)
    seeds = np.asarray([0, 1, 2**32 - 1], np.uint32)
    of_all = jax.vmap(lambda seed: shuffled_indices(jnp.asarray(positions), num_examples=313, seed=seed))
    expected = [indices_of(positions, num_examples=313, seed=int(seed)) for seed in seeds]
    np.testing.assert_array_equal(jax.jit(of_all)(seeds), np.stack(expected))
