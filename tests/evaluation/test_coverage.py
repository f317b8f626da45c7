"""Coverage of known modes: closed forms, collapse, and many seeds at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.evaluation.coverage import expected_high_quality_fraction, mode_coverage

CENTERS = jnp.stack([3 * jnp.cos(jnp.arange(8) * jnp.pi / 4), 3 * jnp.sin(jnp.arange(8) * jnp.pi / 4)], axis=1)
DEVIATION = 0.05


def ring(key, num_samples, *, num_modes=8):
    mode_key, noise_key = jax.random.split(key)
    modes = jax.random.randint(mode_key, (num_samples,), 0, num_modes)
    return CENTERS[modes] + DEVIATION * jax.random.normal(noise_key, (num_samples, 2))


def test_perfect_samples_cover_every_mode_and_reach_the_expected_fraction():
    coverage = mode_coverage(ring(jax.random.key(0), 20_000), centers=CENTERS, standard_deviation=DEVIATION)
    expected = expected_high_quality_fraction()
    assert int(coverage.modes_covered) == 8
    standard_error = np.sqrt(expected * (1 - expected) / 20_000)
    assert abs(float(coverage.high_quality_fraction) - expected) < 4 * standard_error
    # A multinomial sample's KL from uniform is about (K - 1) / 2N.
    assert 0 <= float(coverage.share_divergence) < 10 * 7 / 40_000


@pytest.mark.parametrize("num_modes", [1, 3])
def test_mode_collapse_is_detected(num_modes):
    samples = ring(jax.random.key(1), 4000, num_modes=num_modes)
    coverage = mode_coverage(samples, centers=CENTERS, standard_deviation=DEVIATION)
    assert int(coverage.modes_covered) == num_modes
    assert float(coverage.share_divergence) == pytest.approx(np.log(8 / num_modes), abs=0.01)
    assert coverage.mode_counts[num_modes:].sum() == 0


def test_samples_between_modes_are_of_no_quality_and_cover_nothing():
    coverage = mode_coverage(jnp.zeros((10, 2)), centers=CENTERS, standard_deviation=DEVIATION)
    assert int(coverage.modes_covered) == 0
    assert float(coverage.high_quality_fraction) == 0.0
    assert bool(jnp.isnan(coverage.share_divergence))


def test_radius_and_minimum_count():
    samples = CENTERS[0][None] + jnp.array([[0.0, 0.14], [0.0, 0.16]])
    inside = mode_coverage(samples, centers=CENTERS, standard_deviation=DEVIATION)
    assert inside.mode_counts.tolist() == [1, 0, 0, 0, 0, 0, 0, 0]
    strict = mode_coverage(samples, centers=CENTERS, standard_deviation=DEVIATION, min_samples=2)
    assert int(strict.modes_covered) == 0
    wide = mode_coverage(samples, centers=CENTERS, standard_deviation=DEVIATION, num_deviations=4.0)
    assert int(wide.mode_counts[0]) == 2


def test_vmap_over_seeds_and_jit_agree_with_one_by_one():
    samples = jnp.stack([ring(jax.random.key(seed), 200, num_modes=seed + 1) for seed in range(4)])

    def measure(points):
        return mode_coverage(points, centers=CENTERS, standard_deviation=DEVIATION)

    together = jax.jit(jax.vmap(measure))(samples)
    for seed in range(4):
        one = measure(samples[seed])
        for field, value in zip(one._fields, one, strict=True):
            np.testing.assert_allclose(getattr(together, field)[seed], value, rtol=1e-6)


def test_other_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"\[K, D\]"):
        mode_coverage(jnp.zeros((4, 3)), centers=CENTERS, standard_deviation=1.0)
