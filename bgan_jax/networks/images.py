"""DCGAN presets for 32, 64 and 128 pixels: palette images (logits) and continuous images (pixels in [-1, 1])."""

from bgan_jax.networks.dcgan import PAD_5, DCGANDiscriminator, DCGANGenerator
from bgan_jax.networks.initialization import LASAGNE, PYTORCH
from bgan_jax.networks.interface import Networks, Options, assemble, check_example_shape


def dcgan32_categorical(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' networks of palette images (last axis: colours); ``width`` (128) is the maps at 16x16.

    G: z100 - dense 4x4x512 - T5s2 256 - T5s2 128 - T5s2 logits; batch normalisation, then rectifier. D: C5s2 128 -
    256 - 512 - F, leaky 0.2, no batch normalisation. Latents uniform on [0, 1).
    """
    check_example_shape("dcgan32_categorical", example_shape, expected=(32, 32, None))
    width = options.width or 128
    return assemble(
        "dcgan32_categorical",
        example_shape,
        options,
        latent_dim=100,
        latent_prior="uniform",
        output="logits",
        generator=DCGANGenerator(
            channels=example_shape[-1],
            base_shape=(4, 4, 4 * width),
            maps=(2 * width, width),
            kernel=5,
            padding=PAD_5,
            norm_epsilon=1e-4,
            initialization=LASAGNE,
        ),
        discriminator=DCGANDiscriminator(
            maps=(width, 2 * width, 4 * width), kernel=5, padding=2, initialization=LASAGNE
        ),
    )


def dcgan32_small(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds networks of palette images that train in minutes on two CPU cores; ``width`` (32) is the maps at 16x16.

    G: z64 - dense 4x4x128 - T4s2 64 - T4s2 32 - T4s2 logits; batch normalisation, then rectifier. D: C4s2 32 - 64 -
    128 - F, leaky 0.2, no batch normalisation. Latents N(0, I), small uniform initial weights, kernels of four: a step
    takes about a third of the time of ``dcgan32_categorical`` of the same width, a hundredth of the authors' width.
    """
    check_example_shape("dcgan32_small", example_shape, expected=(32, 32, None))
    width = options.width or 32
    return assemble(
        "dcgan32_small",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="normal",
        output="logits",
        generator=DCGANGenerator(
            channels=example_shape[-1],
            base_shape=(4, 4, 4 * width),
            maps=(2 * width, width),
            initialization=PYTORCH,
        ),
        discriminator=DCGANDiscriminator(maps=(width, 2 * width, 4 * width), initialization=PYTORCH),
    )


def dcgan32(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' Theano networks for 32x32; ``width`` (128): maps at 16x16. See :func:`_theano_dcgan`."""
    return _theano_dcgan("dcgan32", example_shape, options, side=32, default_width=128)


def dcgan64(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' Theano networks for 64x64; ``width`` (128): maps at 32x32. See :func:`_theano_dcgan`."""
    return _theano_dcgan("dcgan64", example_shape, options, side=64, default_width=128)


def dcgan128(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds ``dcgan64`` for 128x128 (not the authors'); ``width`` (64): maps at 64x64. See :func:`_theano_dcgan`."""
    return _theano_dcgan("dcgan128", example_shape, options, side=128, default_width=64)


def dcgan32_cortex(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' PyTorch networks of 32x32 images; ``width`` (64) is the maps at 16x16.

    G: z64 - dense 4x4x256 - T4s2 128 - 64 - 64 - C3 pixels (tanh). D: C4s2 64 - 128 - 256, batch normalisation on all
    three, leaky 0.02 - F. Latents N(0, I).
    """
    check_example_shape("dcgan32_cortex", example_shape, expected=(32, 32, None))
    width = options.width or 64
    return assemble(
        "dcgan32_cortex",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="normal",
        output="pixels",
        generator=DCGANGenerator(
            channels=example_shape[-1],
            base_shape=(4, 4, 4 * width),
            maps=(2 * width, width, width),
            last_kernel=3,
            norm_base_maps=True,
            output="pixels",
            initialization=PYTORCH,
        ),
        discriminator=DCGANDiscriminator(
            maps=(width, 2 * width, 4 * width),
            batch_norm=(True, True, True),
            negative_slope=0.02,
            initialization=PYTORCH,
        ),
    )


def _theano_dcgan(
    name: str, example_shape: tuple[int, ...], options: Options, *, side: int, default_width: int
) -> Networks:
    """Builds the authors' Theano networks: 4x4 kernels, maps double where the side halves, down to 4x4.

    G: z128 - dense 4x4 - T4s2 ... - T4s2 pixels (tanh); batch normalisation, then rectifier. D: C4s2 ... - F, leaky
    0.2, batch normalisation on all but the first convolution. Latents uniform on [0, 1).
    """
    check_example_shape(name, example_shape, expected=(side, side, None))
    width = options.width or default_width
    octaves = side.bit_length() - 3
    ladder = tuple(width * 2**octave for octave in range(octaves))
    return assemble(
        name,
        example_shape,
        options,
        latent_dim=128,
        latent_prior="uniform",
        output="pixels",
        generator=DCGANGenerator(
            channels=example_shape[-1],
            base_shape=(4, 4, ladder[-1]),
            maps=ladder[-2::-1],
            norm_epsilon=1e-4,
            output="pixels",
            initialization=LASAGNE,
        ),
        discriminator=DCGANDiscriminator(
            maps=ladder,
            batch_norm=(False, *(True,) * (octaves - 1)),
            norm_epsilon=1e-4,
            initialization=LASAGNE,
        ),
    )
