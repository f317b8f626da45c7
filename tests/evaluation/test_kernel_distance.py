"""The kernel distance is unbiased: zero on average for equal distributions, at any sample size."""

import jax
import numpy as np
import pytest

from bgan_jax.evaluation.kernel_distance import kernel_distance, squared_discrepancy


def measured(seed, reference, generated, *, subset_size=50):
    return kernel_distance(
        jax.random.key(seed),
        reference=reference,
        generated=generated,
        features_name="raw",
        reference_name="normal",
        subset_size=subset_size,
    )


def test_hand_computed_case():
    # D = 1, x = (0, 1), y = (1, 2): k(0,1) = 1, k(1,2) = 27, cross: k(0,1)=1, k(0,2)=1, k(1,1)=8, k(1,2)=27.
    value = squared_discrepancy(reference=np.array([[0.0], [1.0]]), generated=np.array([[1.0], [2.0]]))
    assert value == pytest.approx(1 + 27 - 2 * (1 + 1 + 8 + 27) / 4)


@pytest.mark.parametrize(("m", "n"), [(10, 10), (10, 40), (200, 20)])
def test_unbiased_for_equal_distributions_at_any_size(m, n):
    generator = np.random.default_rng(m + n)
    values = [
        squared_discrepancy(reference=generator.normal(size=(m, 3)), generated=generator.normal(size=(n, 3)))
        for _ in range(500)
    ]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(500)
    assert min(values) < 0


def test_mean_is_the_exact_value_of_shifted_normals():
    # In one dimension k(x, y) = (xy + 1)³, so E k(x, y) = 1 + 3 E[x] E[y] + 3 E[x²] E[y²] + E[x³] E[y³].
    def exact(a):
        def expected(moments, other):
            return 1 + 3 * moments[0] * other[0] + 3 * moments[1] * other[1] + moments[2] * other[2]

        x, y = (0.0, 1.0, 0.0), (a, 1 + a**2, 3 * a + a**3)
        return expected(x, x) + expected(y, y) - 2 * expected(x, y)

    generator = np.random.default_rng(0)
    values = [
        squared_discrepancy(reference=generator.normal(size=(50, 1)), generated=generator.normal(size=(50, 1)) + 0.5)
        for _ in range(400)
    ]
    assert abs(np.mean(values) - exact(0.5)) < 4 * np.std(values) / np.sqrt(400)


def test_orthogonal_maps_change_nothing():
    generator = np.random.default_rng(5)
    x, y = generator.normal(size=(30, 4)), generator.gamma(2.0, size=(20, 4))
    rotation, _ = np.linalg.qr(generator.normal(size=(4, 4)))
    plain = squared_discrepancy(reference=x, generated=y)
    assert squared_discrepancy(reference=x @ rotation, generated=y @ rotation) == pytest.approx(plain)
    assert squared_discrepancy(reference=y, generated=x) == pytest.approx(plain)


def test_standard_error_matches_repetitions():
    generator = np.random.default_rng(6)
    results = [
        measured(seed, generator.normal(size=(400, 2)), generator.normal(size=(500, 2)) + 0.3) for seed in range(150)
    ]
    spread = np.std([result.value for result in results], ddof=1)
    claimed = np.sqrt(np.mean([result.standard_error**2 for result in results]))
    # The standard deviation of 150 results is known to about 6 %.
    assert claimed == pytest.approx(spread, rel=0.25)


def test_the_record_and_the_subsets():
    features = np.random.default_rng(0).normal(size=(230, 3))
    result = measured(1, features[:120], features[120:])
    assert (result.num_subsets, result.subset_size) == (2, 50)
    assert result.protocol == ("raw", "normal", 120, 110)
    assert result == measured(1, features[:120], features[120:])


def test_bad_input_is_refused():
    features = np.zeros((60, 3))
    with pytest.raises(ValueError, match="between 2 and 30"):
        measured(0, features, features, subset_size=31)
    with pytest.raises(ValueError, match="one extractor"):
        squared_discrepancy(reference=features, generated=np.zeros((60, 2)))
    with pytest.raises(ValueError, match="at least 2"):
        squared_discrepancy(reference=features, generated=features[:1])
