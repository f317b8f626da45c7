import jax
import numpy as np
import pytest

from bgan_jax.sampling.rejection import ROUND, sample_where
from bgan_jax.sampling.sampler import Samples


def pairs(key, n):
    """Two bits, of which the second is the first nine times of ten."""
    first_key, noise_key = jax.random.split(key)
    first = np.asarray(jax.random.bernoulli(first_key, 0.25, (n,)))
    return Samples(np.stack([first, first ^ np.asarray(jax.random.bernoulli(noise_key, 0.1, (n,)))], axis=1), None)


def test_kept_samples_are_those_of_the_conditional_distribution():
    kept = sample_where(jax.random.key(0), pairs, lambda x: x[:, 0], 5000).x
    assert kept.shape == (5000, 2) and kept[:, 0].all()
    assert abs(kept[:, 1].mean() - 0.9) < 4 * np.sqrt(0.09 / 5000)


def test_the_first_do_not_depend_on_how_many_are_kept():
    few, many = (sample_where(jax.random.key(0), pairs, lambda x: x[:, 0], n).x for n in (10, 3000))
    np.testing.assert_array_equal(few, many[:10])


def test_a_condition_that_nothing_meets_ends():
    with pytest.raises(ValueError, match=r"0 of 10,000 samples meet the condition, and 1 are wanted"):
        sample_where(jax.random.key(0), pairs, lambda x: np.zeros(len(x), bool), 1, most=2 * ROUND)
