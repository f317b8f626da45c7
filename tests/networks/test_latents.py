"""Latents have the distribution of the named prior."""

import jax
import numpy as np
import pytest

from bgan_jax.networks import sample_latents


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
