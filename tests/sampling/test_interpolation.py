"""Samples of latents: temperature one is the generator, near zero its mode; interpolations include their ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.conditionals import product_bernoulli, product_categorical
from bgan_jax.networks import Networks, Player
from bgan_jax.sampling import interpolation
from bgan_jax.sampling.sampler import make_point_sampler, make_sampler


def generator(width, *, prior="normal"):
    """A generator with a known output, latents times a matrix."""

    def apply(variables, latents, *, train):
        return latents @ variables["params"], {}

    player = Player(init=None, apply=apply)
    networks = Networks(
        name="linear", gen=player, disc=player, example_shape=(width,), latent_dim=3,
        output="logits",
        latent_prior=prior,
    )  # fmt: skip
    return networks, {"params": jax.random.normal(jax.random.key(9), (3, width))}


@pytest.mark.parametrize("num", [1, 5, 7])
def test_temperature_one_is_the_runs_own_sampler(num):
    networks, variables = generator(6)
    bits = product_bernoulli(event_ndims=1)
    expected = make_sampler(networks, bits, variables)(jax.random.key(3), num)
    found = interpolation.make_tempered_sampler(networks, bits, variables, temperature=1.0)(jax.random.key(3), num)
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_allclose(found.probs, expected.probs, atol=1e-6)
    points = make_point_sampler(networks, variables)(jax.random.key(3), num).x
    found = interpolation.make_tempered_sampler(networks, None, variables, temperature=1.0)(jax.random.key(3), num)
    np.testing.assert_allclose(found.x, points, atol=1e-6)
    assert found.probs is None


def test_low_temperatures_give_the_most_probable_and_high_ones_the_uniform():
    networks, variables = generator(4)
    bits = product_bernoulli(event_ndims=1)
    key, num = jax.random.key(0), 300
    plain = interpolation.make_tempered_sampler(networks, bits, variables, temperature=1.0)(key, num)
    cold = interpolation.make_tempered_sampler(networks, bits, variables, temperature=1e-4)(key, num)
    sure = np.abs(plain.probs - 0.5) > 1e-2
    np.testing.assert_array_equal(cold.x[sure], plain.probs[sure] > 0.5)
    hot = interpolation.make_tempered_sampler(networks, bits, variables, temperature=1e4)(key, num)
    np.testing.assert_allclose(hot.probs, 0.5, atol=1e-3)


def test_symbols_at_a_temperature_follow_the_powered_probabilities():
    networks, variables = generator(5)
    symbols = product_categorical(5, event_ndims=1)
    plain = interpolation.make_tempered_sampler(networks, symbols, variables, temperature=1.0)(jax.random.key(0), 9)
    half = interpolation.make_tempered_sampler(networks, symbols, variables, temperature=0.5)(jax.random.key(0), 9)
    squared = plain.probs**2 / np.sum(plain.probs**2, axis=-1, keepdims=True)
    np.testing.assert_allclose(half.probs, squared, rtol=1e-4)


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_the_temperature_of_a_continuous_generator_scales_its_latents(prior):
    networks, variables = generator(2, prior=prior)
    cold = interpolation.make_tempered_sampler(networks, None, variables, temperature=1e-6)(jax.random.key(0), 4)
    mean = np.full((1, 3), 0.5 if prior == "uniform" else 0.0) @ np.asarray(variables["params"])
    np.testing.assert_allclose(cold.x, np.repeat(mean, 4, axis=0), atol=1e-4)


def test_an_interpolation_has_its_ends_and_normal_latents_keep_their_length():
    first, last = jax.random.normal(jax.random.key(0), (2, 64))
    way = interpolation.interpolate_latents(first, last, num=9, prior="normal")
    np.testing.assert_allclose(way[jnp.array([0, -1])], jnp.stack([first, last]), atol=1e-5)
    norms = np.linalg.norm(way, axis=-1)
    ends = sorted([float(norms[0]), float(norms[-1])])
    assert np.all(norms > 0.98 * ends[0]) and np.all(norms < 1.02 * ends[1])
    straight = interpolation.interpolate_latents(first, last, num=3, prior="uniform")
    np.testing.assert_allclose(straight[1], (first + last) / 2, atol=1e-6)
    same = interpolation.interpolate_latents(first, first, num=3, prior="normal")
    np.testing.assert_allclose(same, jnp.repeat(first[None, :], 3, axis=0), atol=1e-4)


def test_along_an_interpolation_only_the_latent_changes():
    networks, variables = generator(6)
    keys, latents = interpolation.interpolations(jax.random.key(1), networks=networks, num_pairs=2, num_steps=4)
    assert latents.shape == (8, 3)
    bits = jax.random.key_data(keys).reshape(2, 4, -1)
    assert (bits == bits[:, :1]).all() and (bits[0] != bits[1]).any()
    decode = interpolation.make_decoder(networks, product_bernoulli(event_ndims=1), variables, batch_size=3)
    samples = decode(keys, latents)
    assert samples.x.shape == samples.probs.shape == (8, 6)


def test_what_is_refused():
    networks, variables = generator(2)
    with pytest.raises(ValueError, match="positive"):
        interpolation.make_decoder(networks, product_bernoulli(event_ndims=1), variables, temperature=0.0)
    with pytest.raises(ValueError, match="continuous"):
        interpolation.make_decoder(networks, None, variables, temperature=0.5)
    with pytest.raises(ValueError, match="two ends"):
        interpolation.interpolate_latents(jnp.ones(2), jnp.ones(2), num=1, prior="normal")


@pytest.mark.parametrize("prior", ["normal", "uniform"])
def test_the_coordinate_of_a_category_is_neither_interpolated_nor_tempered(prior):
    networks = generator(4, prior=prior)[0]._replace(latent_categories=5)
    _, latents = interpolation.interpolations(jax.random.key(0), networks=networks, num_pairs=3, num_steps=4)
    latents = np.asarray(latents).reshape(3, 4, 3)
    np.testing.assert_array_equal(latents[:, :, 0], np.repeat(latents[:, :1, 0], 4, axis=1))
    assert (np.abs(np.diff(latents[:, :, 1:], axis=1)).min() > 0) and len(np.unique(latents[:, 0, 0])) == 3
    keys = jax.random.split(jax.random.key(1), 6)
    drawn, tempered = (
        np.asarray(interpolation.draw_tempered_latents(keys, networks=networks, temperature=temperature))
        for temperature in (1.0, 0.25)
    )
    np.testing.assert_array_equal(tempered[:, 0], drawn[:, 0])
    mean = 0.5 if prior == "uniform" else 0.0
    np.testing.assert_allclose(tempered[:, 1:] - mean, 0.25 * (drawn[:, 1:] - mean), rtol=1e-5, atol=1e-6)
