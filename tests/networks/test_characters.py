"""The receptive field of the discriminators of text: the whole sentence, or the surroundings of a position."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.networks import build_networks

LENGTH = 40
SYMBOLS = 3


def scores(name, sentences):
    networks = build_networks(name, example_shape=(LENGTH, SYMBOLS), width=4)
    variables = jax.jit(networks.disc.init)(jax.random.key(0))
    return jax.jit(lambda points: networks.disc.apply(variables, points, train=False)[0])(sentences)


# Taps of the first convolution, then two convolutions of 5 per block: the receptive field in each direction.
@pytest.mark.parametrize(
    ("name", "reach"),
    [("characters_small_positions", 14), ("characters_theano_positions", 14), ("characters_wgan_gp_positions", 20)],
)
def test_a_position_depends_on_its_receptive_field_only(name, reach):
    sentences = jax.nn.one_hot(jax.random.randint(jax.random.key(1), (1, LENGTH), 0, SYMBOLS), SYMBOLS)
    middle = LENGTH // 2
    changed = sentences.at[0, middle].set(jnp.roll(sentences[0, middle], 1))
    moved = np.abs(np.asarray(scores(name, changed) - scores(name, sentences)))[0] > 0
    assert not moved[np.abs(np.arange(LENGTH) - middle) > reach].any()
    # A rectifier may hide a change from a single position, but not from most of those in reach.
    assert moved[np.abs(np.arange(LENGTH) - middle) <= reach].mean() > 0.5


@pytest.mark.parametrize("preset", ["characters_small", "characters_theano", "characters_wgan_gp"])
def test_both_forms_have_the_same_generator(preset):
    pair = [build_networks(name, example_shape=(LENGTH, SYMBOLS), width=4) for name in (preset, f"{preset}_positions")]
    latents = jax.random.normal(jax.random.key(2), (2, pair[0].latent_dim))
    results = []
    for networks in pair:
        variables = jax.jit(networks.gen.init)(jax.random.key(0))
        results.append(networks.gen.apply(variables, latents, train=False)[0])
    np.testing.assert_array_equal(*results)
    assert (pair[0].latent_dim, pair[0].latent_prior) == (pair[1].latent_dim, pair[1].latent_prior)
