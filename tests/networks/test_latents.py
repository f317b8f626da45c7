"""Latents have the distribution of the named prior, and their first coordinate chooses equally probable categories."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.networks import build_networks, sample_latents
from bgan_jax.networks.latents import choose_category, quantile_of


@pytest.mark.parametrize(("prior", "mean", "variance"), [("normal", 0.0, 1.0), ("uniform", 0.5, 1 / 12)])
def test_moments(prior, mean, variance):
    latents = np.asarray(sample_latents(jax.random.key(0), (10_000,), prior=prior), np.float64)
    standard_error = np.sqrt(variance / latents.size)
    assert abs(latents.mean() - mean) < 5 * standard_error
    # Var of the squared deviation is at most 2 variance^2 for both priors.
    assert abs(((latents - mean) ** 2).mean() - variance) < 5 * variance * np.sqrt(2 / latents.size)


def test_unknown_prior_lists_the_legal_ones():
    with pytest.raises(ValueError, match="unknown latent prior 'cauchy'; legal: normal, uniform"):
        sample_latents(jax.random.key(0), (2,), prior="cauchy")


@pytest.mark.parametrize("prior", ["normal", "uniform"])
@pytest.mark.parametrize("num_categories", [2, 7, 16])
def test_categories_are_equally_probable_and_leave_the_other_coordinates(prior, num_categories):
    latents = sample_latents(jax.random.key(0), (20_000, 3), prior=prior)
    result = np.asarray(choose_category(latents, num_categories=num_categories, prior=prior))
    np.testing.assert_array_equal(result[:, :2], latents[:, 1:])
    chosen = result[:, 2:]
    assert chosen.shape == (20_000, num_categories)
    assert ((chosen != 0).sum(1) == 1).all()
    np.testing.assert_allclose(chosen.sum(1), np.sqrt(num_categories), rtol=1e-6)
    share = (chosen != 0).mean(0)
    standard_error = np.sqrt(1 / num_categories * (1 - 1 / num_categories) / 20_000)
    assert abs(share - 1 / num_categories).max() < 5 * standard_error
    np.testing.assert_allclose(chosen.var(0), 1 - 1 / num_categories, rtol=0.2)


@pytest.mark.parametrize(("prior", "ends"), [("normal", [-np.inf, -40.0, 40.0, np.inf]), ("uniform", [0.0, 1.0])])
def test_extreme_latents_choose_the_first_and_the_last_category(prior, ends):
    latents = jnp.asarray(ends, jnp.float32)[:, None]
    result = np.asarray(choose_category(latents, num_categories=3, prior=prior))
    half = len(ends) // 2
    np.testing.assert_array_equal(result.argmax(1), [0] * half + [2] * half)


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_quantiles_are_uniform(prior):
    quantiles = np.sort(np.asarray(quantile_of(sample_latents(jax.random.key(1), (5_000,), prior=prior), prior=prior)))
    distance = np.abs(quantiles - (np.arange(5_000) + 0.5) / 5_000).max()
    assert distance < 1.95 / np.sqrt(5_000)  # Kolmogorov-Smirnov at 0.1 %


def test_a_generator_depends_on_the_first_coordinate_by_its_category_alone():
    networks = build_networks("mlp", example_shape=(3,), width=8, latent_dim=4, latent_categories=5)
    assert networks.latent_dim == 4
    variables = networks.gen.init(jax.random.key(0))
    draw = jax.random.normal(jax.random.key(1), (1, 4))
    latents = jnp.repeat(draw, 3, axis=0).at[:, 0].set(jnp.array([-3.0, -1.0, 3.0]))
    points, _ = networks.gen.apply(variables, latents, train=False)
    np.testing.assert_array_equal(points[0], points[1])
    assert np.abs(points[0] - points[2]).max() > 1e-3


@pytest.mark.parametrize("latent_categories", [1, -2])
def test_a_number_of_categories_that_chooses_nothing_is_refused(latent_categories):
    with pytest.raises(ValueError, match=f"latent_categories is {latent_categories}; it must be at least 2, or 0"):
        build_networks("mlp", example_shape=(3,), latent_categories=latent_categories)
