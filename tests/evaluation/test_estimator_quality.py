"""The statistics of gradient estimates, on estimators with known bias and variance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.evaluation.estimator_quality import estimator_quality, flatten_gradient, repeat_estimator
from bgan_jax.evaluation.exact import conditional_kl

EXACT = np.array([3.0, 0.0, -4.0])


def gaussian_estimates(seed, num_repeats, *, shift=0.0, scale=1.0):
    noise = np.random.default_rng(seed).normal(size=(num_repeats, 3))
    return scale * EXACT + np.array([0.0, shift, 0.0]) + noise


def within(measured, truth, *, gates=4.0):
    return abs(measured.value - truth) < gates * measured.standard_error


def test_known_bias_variance_and_direction_are_recovered():
    quality = estimator_quality(gaussian_estimates(0, 4000, shift=2.0, scale=0.5), exact=EXACT)
    mean = np.array([1.5, 2.0, -2.0])
    assert within(quality.squared_bias, np.sum((mean - EXACT) ** 2) / 25)
    assert within(quality.variance, 3 / 25)
    assert within(quality.mean_square_error, np.sum((mean - EXACT) ** 2) / 25 + 3 / 25)
    assert within(quality.norm_ratio, 0.5)
    assert within(quality.cosine, mean @ EXACT / np.linalg.norm(mean) / 5)
    assert all(0 < measured.standard_error < 0.1 for measured in quality[1:])


def test_squared_bias_of_an_unbiased_estimator_is_zero_within_errors_even_for_few_repeats():
    values = [estimator_quality(gaussian_estimates(seed, 20), exact=EXACT).squared_bias.value for seed in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(400)
    assert min(values) < 0 < max(values)


def test_standard_errors_match_the_deviation_over_repetitions():
    qualities = [estimator_quality(gaussian_estimates(seed, 200, shift=2.0), exact=EXACT) for seed in range(300)]
    for number in range(1, len(qualities[0])):
        spread = np.std([quality[number].value for quality in qualities], ddof=1)
        claimed = np.sqrt(np.mean([quality[number].standard_error ** 2 for quality in qualities]))
        # The standard deviation over 300 repetitions is known to about 4 %.
        assert claimed == pytest.approx(spread, rel=0.2)


def test_jackknife_equals_leaving_out_one_by_one():
    estimates = gaussian_estimates(1, 12)
    whole = estimator_quality(estimates, exact=EXACT)
    replicates = [estimator_quality(np.delete(estimates, r, axis=0), exact=EXACT) for r in range(12)]
    for number in range(1, len(whole)):
        values = np.array([replicate[number].value for replicate in replicates])
        expected = np.sqrt(11 / 12 * np.sum((values - values.mean()) ** 2))
        assert whole[number].standard_error == pytest.approx(expected, rel=1e-6)


def test_repeats_do_not_depend_on_the_batch_size_or_on_how_many_follow():
    def estimator(key):
        return {"a": jax.random.normal(key, (2, 2)), "b": jax.random.uniform(key)}

    key = jax.random.key(0)
    few = repeat_estimator(key, estimator, num_repeats=5, batch_size=2)
    many = repeat_estimator(key, estimator, num_repeats=9, batch_size=9)
    np.testing.assert_allclose(few, many[:5], rtol=1e-6)
    np.testing.assert_allclose(few[3], flatten_gradient(estimator(jax.random.fold_in(key, 3))), rtol=1e-6)


def test_self_normalised_bias_falls_like_one_over_m_and_one_sample_has_no_signal():
    logits = jnp.array([0.5, -0.2, 0.1, 0.3])
    log_ratio = jnp.array([0.8, -0.5, 0.2, -0.9])
    sample_counts = (1, 10, 20, 40)

    def loss_fn(logits):
        log_g = jax.nn.log_softmax(logits)[None]
        return conditional_kl(log_g, log_ratio=log_ratio, latent_log_probs=jnp.zeros(1))

    def self_normalised(key, num_samples):
        """Computes the gradient of the first M of 40 samples; M is an array, so that one program serves every M."""
        draws = jax.random.categorical(key, logits, shape=(max(sample_counts),))
        weights = jax.nn.softmax(jnp.where(jnp.arange(max(sample_counts)) < num_samples, log_ratio[draws], -jnp.inf))
        return jax.grad(lambda logits: -jnp.sum(weights * jax.nn.log_softmax(logits)[draws]))(logits)

    def estimator(key):
        keys = jax.random.split(key, len(sample_counts))
        return jax.vmap(self_normalised)(keys, jnp.array(sample_counts))

    exact = flatten_gradient(jax.grad(loss_fn)(logits))
    runs = repeat_estimator(jax.random.key(0), estimator, num_repeats=40_000, batch_size=40_000)
    qualities = {
        m: estimator_quality(estimates, exact=exact)
        for m, estimates in zip(sample_counts, np.split(runs, len(sample_counts), axis=1), strict=True)
    }
    # One sample: E grad log g = 0, so the mean estimate has no component along the exact gradient.
    assert within(qualities[1].norm_ratio, 0.0)
    shrinkage = {m: 1 - quality.norm_ratio.value for m, quality in qualities.items()}
    assert 0 < shrinkage[40] < shrinkage[20] < shrinkage[10]
    for m in (10, 20):
        fewer, more = qualities[m].norm_ratio, qualities[2 * m].norm_ratio
        standard_error = np.hypot(fewer.standard_error, 2 * more.standard_error)
        # Twice the samples, half the bias, up to the next order in 1/M (a bias of b leaves about b^2).
        assert abs(shrinkage[m] - 2 * shrinkage[2 * m]) < 4 * standard_error + shrinkage[m] ** 2


@pytest.mark.parametrize(
    ("estimates", "exact", "message"),
    [
        (np.zeros((2, 3)), EXACT, "R >= 3"),
        (np.zeros((5, 2)), EXACT, "exact"),
        (np.ones((5, 3)), np.zeros(3), "zero"),
    ],
)
def test_bad_input_is_refused(estimates, exact, message):
    with pytest.raises(ValueError, match=message):
        estimator_quality(estimates, exact=exact)
    with pytest.raises(ValueError, match="positive"):
        repeat_estimator(jax.random.key(0), lambda key: jnp.zeros(1), num_repeats=0)
