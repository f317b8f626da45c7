"""The exact mean of a self-normalised estimator, against complete enumeration, Monte Carlo and its limits."""

import itertools

import numpy as np
import pytest

from bgan_jax.evaluation.self_normalized import finite_sample_means, marginal_standard_deviation


def logsumexp(values, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(values), axis=axis, keepdims=keepdims))


RANDOM = np.random.default_rng(4)
LATENT = np.log(np.array([0.3, 0.7]))
LOG_G = RANDOM.normal(size=(2, 3))
LOG_G = LOG_G - logsumexp(LOG_G, axis=1, keepdims=True)
LOG_RATIO = np.array([0.7, -2.0, 1.3])
STATISTICS = RANDOM.normal(size=(3, 2))


def means(num_samples, num_latents=2):
    return finite_sample_means(
        LOG_G,
        log_ratio=LOG_RATIO,
        latent_log_probs=LATENT,
        statistics=STATISTICS,
        num_samples=num_samples,
        num_latents=num_latents,
    )


def leave_one_out(weights):
    """Computes each weight minus the mean of its latent's others, ``[N, M]``."""
    num_samples = weights.shape[1]
    if num_samples == 1:
        return np.zeros_like(weights)
    return weights - (weights.sum(axis=1, keepdims=True) - weights) / (num_samples - 1)


def enumerated(num_samples, num_latents):
    """Computes the three expected gradients by enumeration of all batches of latents and samples."""
    expected = np.zeros((3, 2, 2))
    scores = np.exp(LOG_G) @ STATISTICS
    for latents in itertools.product(range(2), repeat=num_latents):
        for rows in itertools.product(range(3), repeat=num_latents * num_samples):
            x = np.array(rows).reshape(num_latents, num_samples)
            z = np.array(latents)
            prob = np.exp(LATENT[z].sum() + LOG_G[z[:, None], x].sum())
            weights = np.exp(LOG_RATIO[x])
            coefficients = (
                weights / weights.sum(axis=1, keepdims=True),
                weights * num_latents / weights.sum(),
                leave_one_out(weights) * num_latents / weights.sum(),
            )
            pull = scores[z][:, None] - STATISTICS[x]
            for k, c in enumerate(coefficients):
                np.add.at(expected[k], z, prob * np.sum(c[:, :, None] * pull, axis=1) / num_latents)
    return expected


@pytest.mark.parametrize(("num_samples", "num_latents"), [(1, 1), (2, 1), (1, 3), (3, 2), (2, 3)])
def test_it_is_the_sum_over_every_batch(num_samples, num_latents):
    found = means([num_samples], num_latents)
    for ours, theirs in zip(found, enumerated(num_samples, num_latents), strict=True):
        np.testing.assert_allclose(ours[0], theirs, atol=1e-9)


def limits():
    """Computes the per-latent gradient at infinite M, and the first-order coefficient of the bias."""
    log_target = LOG_G + LOG_RATIO
    log_target = log_target - logsumexp(log_target, axis=1, keepdims=True)
    target, g = np.exp(log_target), np.exp(LOG_G)
    limit = -np.exp(LATENT)[:, None] * ((target - g) @ STATISTICS)
    centred = STATISTICS[None] - (target @ STATISTICS)[:, None]
    first_order = np.einsum("zs,zs,zsd->zd", target, np.exp(log_target - LOG_G), centred)
    return limit, np.exp(LATENT)[:, None] * first_order


def test_the_bias_falls_like_one_over_m_with_the_known_coefficient():
    limit, first_order = limits()
    found = means([1000, 2000]).per_latent - limit
    np.testing.assert_allclose(1000 * found[0], first_order, rtol=0.01, atol=1e-3)
    np.testing.assert_allclose(found[1], found[0] / 2, rtol=0.01, atol=1e-6)


def test_one_sample_has_no_signal():
    found = means([1])
    np.testing.assert_allclose(found.per_latent, 0.0, atol=1e-10)
    np.testing.assert_allclose(found.marginal_centered, 0.0, atol=1e-10)
    assert np.abs(found.marginal).max() > 0.01


def test_with_many_latents_both_marginal_forms_are_unbiased():
    found = means([2, 5], num_latents=4000)
    beta = np.exp(logsumexp(LATENT[:, None] + LOG_G + LOG_RATIO))
    g = np.exp(LOG_G)
    exact = -np.einsum(
        "z,zs,s,zsd->zd", np.exp(LATENT), g, np.exp(LOG_RATIO) / beta, STATISTICS - (g @ STATISTICS)[:, None]
    )
    for k in range(2):
        np.testing.assert_allclose(found.marginal[k], exact, atol=2e-3 * np.abs(exact).max())
        np.testing.assert_allclose(found.marginal_centered[k], exact, atol=2e-3 * np.abs(exact).max())


def test_the_deviation_over_the_whole_batch_is_that_of_many_batches():
    """By the same formula as ``enumerated``, on batches drawn at random; first order in 1/N, so N is large."""
    num_samples, num_latents, batches = 3, 200, 4000
    random = np.random.default_rng(0)
    z = (random.random((batches, num_latents)) > np.exp(LATENT)[0]).astype(int)
    thresholds = np.cumsum(np.exp(LOG_G), axis=1)[z][:, :, None, :2]
    x = (random.random((batches, num_latents, num_samples, 1)) > thresholds).sum(axis=-1)
    weights = np.exp(LOG_RATIO[x])
    pull = (np.exp(LOG_G) @ STATISTICS)[z][:, :, None] - STATISTICS[x]
    sums = np.sum(weights[..., None] * pull, axis=2) / weights.sum(axis=(1, 2))[:, None, None]
    gradients = np.stack([np.sum(sums * (z == row)[..., None], axis=1) for row in range(2)], axis=1)
    expected = marginal_standard_deviation(
        LOG_G,
        log_ratio=LOG_RATIO,
        latent_log_probs=LATENT,
        statistics=STATISTICS,
        num_samples=num_samples,
        num_latents=num_latents,
    )
    # The relative error of a standard deviation is about 1 / sqrt(2 batches), and that of the first order about 1/N.
    np.testing.assert_allclose(gradients.std(axis=0, ddof=1), expected, rtol=0.05)


def test_the_scale_of_the_weights_cancels():
    shifted = finite_sample_means(
        LOG_G,
        log_ratio=LOG_RATIO + 40.0,
        latent_log_probs=LATENT,
        statistics=STATISTICS,
        num_samples=[4],
        num_latents=2,
    )
    for a, b in zip(shifted, means([4]), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_weights_of_very_different_size():
    """One state in a thousand has nearly all the weight: M = 10 mostly misses it, M = 10^6 does not."""
    log_g = np.log(np.array([[0.999, 0.001]]))
    found = finite_sample_means(
        log_g, log_ratio=[-20.0, 10.0], latent_log_probs=[0.0], statistics=[[0.0], [1.0]], num_samples=[10, 10**6],
        num_latents=1,
    )  # fmt: skip
    # A batch without the rare state has weight zero there; one with it has weight one.
    np.testing.assert_allclose(found.per_latent[:, 0, 0], [-(1 - 0.999**10) + 0.001, -0.999], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"num_samples": [0]}, "positive"), ({"log_ratio": [0.0, -np.inf, 0.0]}, "finite")],
)
def test_what_is_refused(change, message):
    arguments = {
        "log_ratio": LOG_RATIO, "latent_log_probs": LATENT, "statistics": STATISTICS, "num_samples": [2],
        "num_latents": 2, **change,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        finite_sample_means(LOG_G, **arguments)
