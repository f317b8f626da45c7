"""Every named pair of networks: shapes, parameter counts by hand, float32 results under bfloat16, refusals."""

import itertools

import jax
import jax.numpy as jnp
import pytest

from bgan_jax.networks import NETWORKS, build_networks


def dense(fan_in, fan_out, *, bias=True):
    return fan_in * fan_out + bias * fan_out


def conv(kernel, fan_in, fan_out, *, bias=True, rank=2):
    return kernel**rank * fan_in * fan_out + bias * fan_out


def norm(features):
    return 2 * features


def plain_dense_norm(fan_in, fan_out):
    return dense(fan_in, fan_out, bias=False) + norm(fan_out)


def plain_conv_norm(kernel, fan_in, fan_out, *, rank=2):
    return conv(kernel, fan_in, fan_out, bias=False, rank=rank) + norm(fan_out)


def character_block(width):
    return 2 * conv(5, width, width, rank=1)


def up_block(fan_in, fan_out, *, shortcut, bias):
    """Shortcut; normalise, convolve without bias, normalise, convolve with."""
    main = norm(fan_in) + conv(3, fan_in, fan_out, bias=False) + norm(fan_out) + conv(3, fan_out, fan_out)
    return conv(shortcut, fan_in, fan_out, bias=bias) + main


def down_block(fan_in, fan_out, *, shortcut, bias):
    main = 2 * norm(fan_in) + conv(3, fan_in, fan_in, bias=False) + conv(3, fan_in, fan_out, bias=bias)
    return conv(shortcut, fan_in, fan_out, bias=bias) + main


def up_blocks(*maps, **settings):
    return sum(up_block(i, o, **settings) for i, o in itertools.pairwise(maps))


def down_blocks(*maps, **settings):
    return sum(down_block(i, o, **settings) for i, o in itertools.pairwise(maps))


AUTHORS = {"shortcut": 3, "bias": False}
ROTH = {"shortcut": 1, "bias": True}

# name: (example shape, latent size, generator's parameters, discriminator's parameters)
EXPECTED = {
    "dcgan28_small": (
        (28, 28, 1),
        64,
        plain_dense_norm(64, 512) + plain_dense_norm(512, 7 * 7 * 64) + plain_conv_norm(4, 64, 32) + conv(4, 32, 1),
        conv(4, 1, 32) + conv(4, 32, 64) + dense(7 * 7 * 64, 256) + dense(256, 1),
    ),
    "dcgan28_tiny": (
        (28, 28, 1),
        64,
        plain_dense_norm(64, 192) + plain_dense_norm(192, 7 * 7 * 24) + plain_conv_norm(4, 24, 12) + conv(4, 12, 1),
        conv(4, 1, 12) + conv(4, 12, 24) + dense(7 * 7 * 24, 96) + dense(96, 1),
    ),
    "mnist_theano": (
        (28, 28, 1),
        64,
        plain_dense_norm(64, 1024) + plain_dense_norm(1024, 6272) + plain_conv_norm(5, 128, 64) + conv(5, 64, 1),
        conv(5, 1, 64) + conv(5, 64, 128) + dense(6272, 1024) + dense(1024, 1),
    ),
    "mnist_cortex": (
        (28, 28, 1),
        64,
        dense(64, 1024) + norm(1024) + dense(1024, 6272) + norm(6272) + conv(4, 128, 64) + norm(64) + conv(4, 64, 1),
        conv(5, 1, 64) + conv(5, 64, 128) + dense(6272, 1024) + dense(1024, 1),
    ),
    "dcgan32_small": (
        (32, 32, 16),
        64,
        plain_dense_norm(64, 2048) + plain_conv_norm(4, 128, 64) + plain_conv_norm(4, 64, 32) + conv(4, 32, 16),
        conv(4, 16, 32) + conv(4, 32, 64) + conv(4, 64, 128) + dense(2048, 1),
    ),
    "dcgan32_categorical": (
        (32, 32, 16),
        100,
        plain_dense_norm(100, 8192) + plain_conv_norm(5, 512, 256) + plain_conv_norm(5, 256, 128) + conv(5, 128, 16),
        conv(5, 16, 128) + conv(5, 128, 256) + conv(5, 256, 512) + dense(8192, 1),
    ),
    "characters_small": (
        (32, 192),
        100,
        plain_dense_norm(100, 2048) + 6 * plain_conv_norm(5, 64, 64, rank=1) + plain_conv_norm(5, 64, 192, rank=1),
        conv(5, 192, 32, rank=1) + 3 * character_block(32) + dense(1024, 1),
    ),
    "characters_small_positions": (
        (32, 192),
        100,
        plain_dense_norm(100, 2048) + 6 * plain_conv_norm(5, 64, 64, rank=1) + plain_conv_norm(5, 64, 192, rank=1),
        conv(5, 192, 32, rank=1) + 3 * character_block(32) + dense(32, 1),
    ),
    "characters_theano": (
        (32, 192),
        100,
        plain_dense_norm(100, 8192) + 6 * plain_conv_norm(5, 256, 256, rank=1) + plain_conv_norm(5, 256, 192, rank=1),
        conv(5, 192, 256, rank=1) + 3 * character_block(256) + dense(8192, 1),
    ),
    "characters_wgan_gp": (
        (32, 96),
        128,
        dense(128, 16384) + 5 * character_block(512) + conv(1, 512, 96, rank=1),
        conv(1, 96, 512, rank=1) + 5 * character_block(512) + dense(16384, 1),
    ),
    "characters_theano_positions": (
        (32, 192),
        100,
        plain_dense_norm(100, 8192) + 6 * plain_conv_norm(5, 256, 256, rank=1) + plain_conv_norm(5, 256, 192, rank=1),
        conv(5, 192, 256, rank=1) + 3 * character_block(256) + dense(256, 1),
    ),
    "characters_wgan_gp_positions": (
        (32, 96),
        128,
        dense(128, 16384) + 5 * character_block(512) + conv(1, 512, 96, rank=1),
        conv(1, 96, 512, rank=1) + 5 * character_block(512) + dense(512, 1),
    ),
    "dcgan32": (
        (32, 32, 3),
        128,
        plain_dense_norm(128, 8192) + plain_conv_norm(4, 512, 256) + plain_conv_norm(4, 256, 128) + conv(4, 128, 3),
        conv(4, 3, 128) + plain_conv_norm(4, 128, 256) + plain_conv_norm(4, 256, 512) + dense(8192, 1),
    ),
    "dcgan32_cortex": (
        (32, 32, 3),
        64,
        # The first normalisation is of 256 maps, not of 4096 units.
        dense(64, 4096, bias=False)
        + norm(256)
        + plain_conv_norm(4, 256, 128)
        + plain_conv_norm(4, 128, 64)
        + plain_conv_norm(4, 64, 64)
        + conv(3, 64, 3),
        plain_conv_norm(4, 3, 64) + plain_conv_norm(4, 64, 128) + plain_conv_norm(4, 128, 256) + dense(4096, 1),
    ),
    "dcgan64": (
        (64, 64, 3),
        128,
        plain_dense_norm(128, 16384)
        + plain_conv_norm(4, 1024, 512)
        + plain_conv_norm(4, 512, 256)
        + plain_conv_norm(4, 256, 128)
        + conv(4, 128, 3),
        conv(4, 3, 128)
        + plain_conv_norm(4, 128, 256)
        + plain_conv_norm(4, 256, 512)
        + plain_conv_norm(4, 512, 1024)
        + dense(16384, 1),
    ),
    "dcgan128": (
        (128, 128, 3),
        128,
        plain_dense_norm(128, 16384)
        + plain_conv_norm(4, 1024, 512)
        + plain_conv_norm(4, 512, 256)
        + plain_conv_norm(4, 256, 128)
        + plain_conv_norm(4, 128, 64)
        + conv(4, 64, 3),
        conv(4, 3, 64)
        + plain_conv_norm(4, 64, 128)
        + plain_conv_norm(4, 128, 256)
        + plain_conv_norm(4, 256, 512)
        + plain_conv_norm(4, 512, 1024)
        + dense(16384, 1),
    ),
    "resnet32": (
        (32, 32, 3),
        64,
        dense(64, 4096, bias=False)
        + norm(256)
        + up_blocks(256, 128, 64, 32, **AUTHORS)
        + norm(32)
        + conv(3, 32, 3, bias=False),
        conv(3, 3, 64, bias=False) + down_blocks(64, 128, 256, 512, **AUTHORS) + dense(8192, 1),
    ),
    "resnet64": (
        (64, 64, 3),
        64,
        dense(64, 8192, bias=False)
        + norm(512)
        + up_blocks(512, 256, 128, 64, 32, **AUTHORS)
        + norm(32)
        + conv(3, 32, 3, bias=False),
        conv(3, 3, 64, bias=False) + down_blocks(64, 128, 256, 512, 1024, **AUTHORS) + dense(16384, 1),
    ),
    "resnet128": (
        (128, 128, 3),
        64,
        dense(64, 16384, bias=False)
        + norm(1024)
        + up_blocks(1024, 512, 256, 128, 64, 32, **AUTHORS)
        + norm(32)
        + conv(3, 32, 3, bias=False),
        conv(3, 3, 64, bias=False) + down_blocks(64, 128, 256, 512, 1024, 2048, **AUTHORS) + dense(32768, 1),
    ),
    "resnet32_roth": (
        (32, 32, 3),
        128,
        dense(128, 4096) + up_blocks(256, 256, 128, 64, **ROTH) + norm(64) + conv(3, 64, 3),
        conv(3, 3, 64) + down_blocks(64, 128, 256, 256, **ROTH) + dense(4096, 1),
    ),
    "resnet64_roth": (
        (64, 64, 3),
        128,
        dense(128, 8192) + up_blocks(512, 512, 256, 128, 64, **ROTH) + norm(64) + conv(3, 64, 3),
        conv(3, 3, 64) + down_blocks(64, 128, 256, 512, 512, **ROTH) + dense(8192, 1),
    ),
    "resnet128_roth": (
        (128, 128, 3),
        128,
        dense(128, 8192) + up_blocks(512, 512, 512, 256, 128, 64, **ROTH) + norm(64) + conv(3, 64, 3),
        conv(3, 3, 64) + down_blocks(64, 128, 256, 512, 512, 512, **ROTH) + dense(8192, 1),
    ),
    "residual_mlp": (
        (10,),
        64,
        plain_dense_norm(64, 256) + 2 * plain_dense_norm(256, 256) + dense(256, 10),
        dense(10, 256) + dense(256, 256) + dense(256, 1),
    ),
    "mlp": (
        (2,),
        16,
        dense(16, 128) + dense(128, 128) + dense(128, 2),
        dense(2, 128) + dense(128, 128) + dense(128, 1),
    ),
    "mlp_tanh": (
        (2,),
        256,
        dense(256, 128) + dense(128, 128) + dense(128, 2),
        dense(2, 128) + dense(128, 1),
    ),
}


def num_parameters(variables):
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def test_every_network_is_expected():
    assert set(EXPECTED) == set(NETWORKS)


@pytest.mark.parametrize("name", EXPECTED)
def test_shapes_counts_and_dtypes(name):
    example_shape, latent_dim, gen_count, disc_count = EXPECTED[name]
    networks = build_networks(name, example_shape=example_shape, dtype=jnp.bfloat16)
    assert (networks.name, networks.latent_dim, networks.example_shape) == (name, latent_dim, example_shape)
    gen = jax.eval_shape(networks.gen.init, jax.random.key(0))
    disc = jax.eval_shape(networks.disc.init, jax.random.key(0))
    assert (num_parameters(gen), num_parameters(disc)) == (gen_count, disc_count)
    assert {leaf.dtype for leaf in jax.tree.leaves((gen, disc))} == {jnp.dtype("float32")}
    for train in (True, False):
        latents = jax.ShapeDtypeStruct((3, latent_dim), jnp.float32)
        points, gen_state = jax.eval_shape(
            lambda v, z, train=train: networks.gen.apply(v, z, train=train), gen, latents
        )
        assert (points.shape, points.dtype) == ((3, *example_shape), jnp.float32)
        assert set(gen_state) == (set(gen) - {"params"} if train else set())
        for apply in (networks.disc.apply, networks.disc.apply_twice):
            fake_logits, disc_state = jax.eval_shape(lambda v, x, f=apply, t=train: f(v, x, train=t), disc, points)
            expected = (3, example_shape[0]) if name.endswith("_positions") else (3,)
            assert (fake_logits.shape, fake_logits.dtype) == (expected, jnp.float32)
            assert set(disc_state) == (set(disc) - {"params"} if train else set())


def test_options_reach_the_networks():
    networks = build_networks("dcgan28_small", example_shape=(28, 28, 2), latent_dim=5, width=4, spectral_norm=True)
    gen = jax.eval_shape(networks.gen.init, jax.random.key(0))
    disc = jax.eval_shape(networks.disc.init, jax.random.key(0))
    assert num_parameters(gen) == (
        plain_dense_norm(5, 64) + plain_dense_norm(64, 7 * 7 * 8) + plain_conv_norm(4, 8, 4) + conv(4, 4, 2)
    )
    assert num_parameters(disc) == conv(4, 2, 4) + conv(4, 4, 8) + dense(7 * 7 * 8, 32) + dense(32, 1)
    assert len(jax.tree.leaves(disc["batch_stats"])) == 4


def test_unknown_names_list_the_legal_ones():
    with pytest.raises(ValueError, match="unknown network 'dcgan29'; legal: dcgan28_small, dcgan28_tiny"):
        build_networks("dcgan29", example_shape=(28, 28, 1))
    with pytest.raises(ValueError, match=r"unknown form .* legal: conv, paired"):
        build_networks("mlp", example_shape=(2,), double_backward_form="fft")


@pytest.mark.parametrize(
    ("name", "example_shape"),
    [
        ("dcgan28_small", (32, 32, 16)),
        ("mnist_theano", (28, 28)),
        ("dcgan32_categorical", (28, 28, 1)),
        ("characters_theano", (32, 32, 3)),
        ("dcgan128", (64, 64, 3)),
        ("resnet64", (128, 128, 3)),
        ("resnet64_roth", (32, 32, 3)),
    ],
)
def test_data_of_another_shape_is_refused(name, example_shape):
    with pytest.raises(ValueError, match=f"network '{name}' makes examples of shape .* but the data has"):
        build_networks(name, example_shape=example_shape)
