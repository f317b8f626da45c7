"""Streaming and merging give the moments of all features."""

import numpy as np
import pytest

from bgan_jax.evaluation.moments import feature_moments, merge_moments, stream_moments


@pytest.fixture(scope="module")
def features():
    generator = np.random.default_rng(0)
    return generator.normal(size=(500, 6)) @ generator.normal(size=(6, 6)) + 10.0


def test_moments_are_numpys(features):
    moments = feature_moments(features)
    np.testing.assert_allclose(moments.mean, features.mean(axis=0))
    np.testing.assert_allclose(moments.covariance, np.cov(features, rowvar=False))


@pytest.mark.parametrize("cuts", [[250], [1, 2, 499], [100, 100, 101, 350]])
def test_the_moments_do_not_depend_on_the_batches(features, cuts):
    parts = [part for part in np.split(features, cuts) if len(part)]
    whole, streamed = feature_moments(features), stream_moments(parts)
    assert streamed.num_samples == 500
    np.testing.assert_allclose(streamed.mean, whole.mean, rtol=1e-13)
    np.testing.assert_allclose(streamed.scatter, whole.scatter, rtol=1e-11)


def test_merging_is_commutative_and_associative(features):
    a, b, c = (feature_moments(part) for part in np.split(features, [30, 200]))
    left, right = merge_moments(merge_moments(a, b), c), merge_moments(a, merge_moments(c, b))
    np.testing.assert_allclose(left.mean, right.mean, rtol=1e-13)
    np.testing.assert_allclose(left.scatter, right.scatter, rtol=1e-11)


def test_a_small_variance_survives_a_large_mean():
    # In float32, or by sum of squares minus square of sums, all digits of the variance would be lost.
    features = np.random.default_rng(1).normal(size=(2000, 2))
    shifted = stream_moments(np.split(features + 1e6, 20))
    np.testing.assert_allclose(shifted.covariance, np.cov(features, rowvar=False), rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: feature_moments(np.zeros(3)), r"\[N, D\]"),
        (lambda: feature_moments(np.array([[np.nan]])), "NaN"),
        (lambda: stream_moments([]), "empty"),
        (lambda: feature_moments(np.zeros((1, 2))).covariance, "at least 2"),
        (lambda: merge_moments(feature_moments(np.zeros((2, 2))), feature_moments(np.zeros((2, 3)))), "dimensions"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
