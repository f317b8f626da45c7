"""Planar targets: the density is that of the samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.evaluation.coverage import expected_high_quality_fraction, mode_coverage
from bgan_jax.evaluation.planar import TARGETS, planar_log_density, planar_target, sample_planar

NUM = 4000


def square(points_per_side=600, *, half=3.2):
    places = jnp.linspace(-half, half, points_per_side)
    return jnp.stack(jnp.meshgrid(places, places), axis=-1), float(places[1] - places[0]) ** 2


@pytest.mark.parametrize("name", TARGETS)
def test_the_density_integrates_to_one_and_has_the_samples_moments(name):
    target = planar_target(name)
    points, area = square()
    density = jnp.exp(jax.jit(lambda x: planar_log_density(x, target=target))(points))
    assert float(jnp.sum(density) * area) == pytest.approx(1.0, abs=1e-3)
    samples = sample_planar(jax.random.key(0), target, num_samples=NUM)
    for power in (1, 2):
        exact = jnp.sum(density[..., None] * points**power, axis=(0, 1)) * area
        error = (jnp.mean(samples**power, axis=0) - exact) / (jnp.std(samples**power, axis=0) / np.sqrt(NUM))
        assert float(jnp.abs(error).max()) < 4.0


@pytest.mark.parametrize("name", TARGETS)
def test_the_samples_entropy_is_the_densitys(name):
    """E[-log p] from samples equals the integral only if samples and density have the same distribution."""
    target = planar_target(name)
    points, area = square()
    log_density = jax.jit(lambda x: planar_log_density(x, target=target))
    grid = log_density(points)
    entropy = -float(jnp.sum(jnp.exp(grid) * grid) * area)
    scores = -log_density(sample_planar(jax.random.key(1), target, num_samples=NUM))
    assert abs(float(jnp.mean(scores)) - entropy) < 4 * float(jnp.std(scores)) / np.sqrt(NUM) + 1e-3


@pytest.mark.parametrize("name", TARGETS)
def test_perfect_samples_are_of_high_quality(name):
    target = planar_target(name)
    coverage = mode_coverage(
        sample_planar(jax.random.key(2), target, num_samples=NUM),
        centers=jnp.asarray(target.centers),
        standard_deviation=target.standard_deviation,
    )
    assert int(coverage.modes_covered) == len(target.centers)
    # With overlapping modes a sample far from its own mode may be close to another one.
    assert float(coverage.high_quality_fraction) > expected_high_quality_fraction() - 4 * np.sqrt(0.0111 / NUM)


def test_targets_fit_the_same_window():
    for name in TARGETS:
        target = planar_target(name)
        assert float(np.abs(target.centers).max()) + 3 * target.standard_deviation < 2.8


def test_neighbours_on_a_curve_overlap():
    """Otherwise a curve would consist of separate parts."""
    for name in ("circles", "spiral"):
        target = planar_target(name)
        distances = np.linalg.norm(target.centers[:, None] - target.centers[None], axis=-1)
        nearest = np.sort(distances, axis=1)[:, 1]
        assert nearest.max() < 4 * target.standard_deviation, name


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="legal: ring, grid, circles, spiral, four_gaussians"):
        planar_target("moons")
