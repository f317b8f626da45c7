"""Importance resampling: exact in the limit for an exact F, the generator's distribution for a constant F."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.networks import Networks, Player
from bgan_jax.sampling.importance_resampling import make_scorer, resample
from bgan_jax.sampling.sampler import Samples

P = np.array([0.5, 0.3, 0.15, 0.05])
Q = np.array([0.1, 0.2, 0.3, 0.4])
NUM = 20_000


def sample_q(key, n):
    return Samples(x=np.asarray(jax.random.categorical(key, jnp.log(Q), shape=(n,))), probs=None)


def frequencies(kept):
    return np.bincount(kept.samples.x, minlength=4) / len(kept.samples.x)


def exact(x):
    return np.log(P / Q)[x]


def expected_law(candidates):
    """Computes the distribution of a kept sample for K = 2 by enumeration of all pairs of candidates."""
    law = np.zeros(4)
    for i in range(4):
        for j in range(4):
            weights = np.array([P[i] / Q[i], P[j] / Q[j]])
            law[i] += Q[i] * Q[j] * weights[0] / weights.sum()
            law[j] += Q[i] * Q[j] * weights[1] / weights.sum()
    assert candidates == 2
    return law


@pytest.mark.parametrize(("candidates", "law"), [(1, Q), (2, expected_law(2))], ids=["one", "two"])
def test_few_candidates_have_the_enumerated_distribution(candidates, law):
    kept = resample(jax.random.key(0), sample_q, exact, NUM, candidates=candidates)
    errors = (frequencies(kept) - law) / np.sqrt(law * (1 - law) / NUM)
    assert np.abs(errors).max() < 4.0, errors


def test_many_candidates_of_an_exact_ratio_are_the_data():
    kept = resample(jax.random.key(0), sample_q, exact, NUM, candidates=64)
    far = np.abs(Q - P).sum()
    # The error is of order 1/K, plus sampling noise.
    assert np.abs(frequencies(kept) - P).sum() < far / 20
    assert kept.logit_gain > 0.0
    np.testing.assert_allclose(np.mean(kept.effective_sample_size) / 64, 1 / np.sum(P**2 / Q), rtol=0.1)


def test_a_constant_score_changes_nothing():
    kept = resample(jax.random.key(0), sample_q, lambda x: np.full(len(x), 3.0), NUM, candidates=4)
    errors = (frequencies(kept) - Q) / np.sqrt(Q * (1 - Q) / NUM)
    assert np.abs(errors).max() < 4.0
    np.testing.assert_allclose(kept.effective_sample_size, 4.0, rtol=1e-5)
    assert kept.logit_gain == 0.0


def test_probabilities_stay_with_their_samples():
    def sample(key, n):
        x = np.arange(n)
        return Samples(x=x, probs=x / n)

    kept = resample(jax.random.key(0), sample, lambda x: np.zeros(len(x)), 6, candidates=5)
    np.testing.assert_allclose(kept.samples.probs, kept.samples.x / 30)
    assert (kept.samples.x // 5 == np.arange(6)).all()  # each has its own candidates


def test_the_scorer_is_the_discriminator_whatever_the_batch():
    def apply(variables, points, *, train):
        assert not train
        return points @ variables["params"], {}

    player = Player(init=None, apply=apply)
    networks = Networks(
        name="linear", gen=player, disc=player, example_shape=(3,), latent_dim=2,
        output="pixels",
        latent_prior="normal",
    )  # fmt: skip
    x = np.asarray(jax.random.normal(jax.random.key(0), (7, 3)))
    score = make_scorer(networks, None, {"params": jnp.array([1.0, 2.0, 3.0])}, batch_size=4)
    np.testing.assert_allclose(score(x), x @ np.array([1.0, 2.0, 3.0]), rtol=1e-5)
    per_position = make_scorer(networks, None, {"params": jnp.ones((3, 2))}, batch_size=4)
    with pytest.raises(ValueError, match="one F per sample"):
        per_position(x)
    with pytest.raises(ValueError, match="candidates=0"):
        resample(jax.random.key(0), sample_q, exact, 2, candidates=0)
