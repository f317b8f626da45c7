"""The Frechet distance against closed forms and its invariances."""

import numpy as np
import pytest

from bgan_jax.evaluation.frechet import frechet_distance
from bgan_jax.evaluation.moments import Moments, feature_moments


def distance(reference, generated):
    return frechet_distance(reference=reference, generated=generated, features_name="test", reference_name="test")


def gaussian(mean, covariance, *, count=101):
    return Moments(num_samples=count, mean=np.asarray(mean, float), scatter=np.asarray(covariance, float) * (count - 1))


def random_covariance(seed, dimension, *, rank=None):
    factor = np.random.default_rng(seed).normal(size=(dimension, rank or dimension))
    return factor @ factor.T


def test_commuting_covariances_have_a_closed_form():
    first, second = gaussian([1.0, 2.0], np.diag([4.0, 9.0])), gaussian([0.0, 0.0], np.diag([1.0, 16.0]))
    result = distance(first, second)
    assert result.mean_part == pytest.approx(5.0)
    assert result.covariance_part == pytest.approx((2 - 1) ** 2 + (3 - 4) ** 2)
    assert result.value == pytest.approx(7.0)


def test_two_dimensions_have_a_closed_form():
    # tr (AB)^1/2 = sqrt(tr AB + 2 sqrt det AB) for 2 x 2 matrices.
    a, b = random_covariance(0, 2), random_covariance(1, 2)
    fidelity = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    expected = np.trace(a) + np.trace(b) - 2 * fidelity
    assert distance(gaussian([0, 0], a), gaussian([0, 0], b)).value == pytest.approx(expected)


def test_a_set_has_no_distance_to_itself_and_the_distance_is_symmetric():
    a, b = gaussian(np.zeros(8), random_covariance(0, 8)), gaussian(np.ones(8), random_covariance(1, 8))
    assert distance(a, a).value == pytest.approx(0.0, abs=1e-9)
    assert distance(a, b).value == pytest.approx(distance(b, a).value)


def test_orthogonal_maps_and_translations_change_nothing_and_scale_enters_squared():
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(60, 5)), generator.gamma(2.0, size=(80, 5))
    rotation, _ = np.linalg.qr(generator.normal(size=(5, 5)))
    plain = distance(feature_moments(x), feature_moments(y)).value
    moved = distance(feature_moments(x @ rotation + 7.0), feature_moments(y @ rotation + 7.0)).value
    scaled = distance(feature_moments(3 * x), feature_moments(3 * y)).value
    assert moved == pytest.approx(plain, rel=1e-9)
    assert scaled == pytest.approx(9 * plain, rel=1e-9)


def test_singular_covariances_need_no_regularisation():
    # Fewer images than features, and different subspaces: the root of a rank-2 product of rank-3 matrices.
    a, b = random_covariance(0, 10, rank=3), random_covariance(1, 10, rank=2)
    result = distance(gaussian(np.zeros(10), a), gaussian(np.zeros(10), b)).value
    ridge = 1e-9 * np.eye(10)
    regularised = distance(gaussian(np.zeros(10), a + ridge), gaussian(np.zeros(10), b + ridge)).value
    assert result == pytest.approx(regularised, rel=1e-3)
    orthogonal = distance(gaussian(np.zeros(2), np.diag([4.0, 0.0])), gaussian(np.zeros(2), np.diag([0.0, 9.0])))
    assert orthogonal.value == pytest.approx(13.0)


def test_the_record_contains_the_protocol():
    x, y = np.random.default_rng(0).normal(size=(2, 30, 4))
    result = frechet_distance(
        reference=feature_moments(x),
        generated=feature_moments(y[:20]),
        features_name="a small network",
        reference_name="digits, held out",
    )
    assert result.protocol == ("a small network", "digits, held out", 30, 20)
    assert result.value == pytest.approx(result.mean_part + result.covariance_part)


def test_features_of_two_extractors_are_refused():
    with pytest.raises(ValueError, match="one extractor"):
        distance(gaussian([0.0], [[1.0]]), gaussian([0.0, 0.0], np.eye(2)))
