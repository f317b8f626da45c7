"""Networks for 28x28 images of digits: two small ones, one the default of ``discrete_mnist``, and the authors' two."""

from bgan_jax.networks.dcgan import PAD_5, DCGANDiscriminator, DCGANGenerator
from bgan_jax.networks.initialization import LASAGNE, PYTORCH
from bgan_jax.networks.interface import Networks, Options, assemble, check_example_shape


def dcgan28_tiny(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the networks of ``dcgan28_small`` with ``width`` 12: a step of a fraction of the cost."""
    return dcgan28_small(example_shape, options._replace(width=options.width or 12))._replace(name="dcgan28_tiny")


def dcgan28_small(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds small networks that train in minutes on two CPU cores; ``width`` (32) is the maps at 14x14.

    G: z64 - dense 512 - dense 7x7x64 - T4s2 32 - T4s2 logits. D: C4s2 32 - C4s2 64 - dense 256 - F, leaky 0.2, no batch
    normalisation. Latents N(0, I). Small uniform initial weights: with He's normal ones the discriminator saturates in
    the first steps, and the generator needs hundreds of steps to catch up.
    """
    check_example_shape("dcgan28_small", example_shape, expected=(28, 28, None))
    width = options.width or 32
    return assemble(
        "dcgan28_small",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="normal",
        output="logits",
        generator=DCGANGenerator(
            channels=example_shape[-1],
            base_shape=(7, 7, 2 * width),
            maps=(width,),
            dense_widths=(16 * width,),
            initialization=PYTORCH,
        ),
        discriminator=DCGANDiscriminator(maps=(width, 2 * width), dense_widths=(8 * width,), initialization=PYTORCH),
    )


def mnist_theano(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' Theano networks of binarised digits; ``width`` (64) is the maps at 14x14.

    G: z64 - dense 1024 - dense 7x7x128 - T5s2 64 - T5s2 logits; batch normalisation, then rectifier. D: C5s2 64 -
    C5s2 128 - dense 1024 - F, leaky 0.2, no batch normalisation. Latents uniform on [0, 1).
    """
    check_example_shape("mnist_theano", example_shape, expected=(28, 28, None))
    width = options.width or 64
    return assemble(
        "mnist_theano",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="uniform",
        output="logits",
        generator=DCGANGenerator(
            channels=example_shape[-1],
            base_shape=(7, 7, 2 * width),
            maps=(width,),
            dense_widths=(1024,),
            kernel=5,
            padding=PAD_5,
            norm_epsilon=1e-4,
            initialization=LASAGNE,
        ),
        discriminator=DCGANDiscriminator(
            maps=(width, 2 * width), dense_widths=(1024,), kernel=5, padding=2, initialization=LASAGNE
        ),
    )


def mnist_cortex(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' PyTorch networks of the divergence table; ``width`` (64) is the maps at 14x14.

    G: z64 - dense 1024 - dense 7x7x128 - T4s2 64 - T4s2 logits; rectifier, then batch normalisation. D: C5s2 64 -
    C5s2 128 - dense 1024 - F, plain rectifiers, no batch normalisation. Latents uniform on [0, 1).
    """
    check_example_shape("mnist_cortex", example_shape, expected=(28, 28, None))
    width = options.width or 64
    return assemble(
        "mnist_cortex",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="uniform",
        output="logits",
        generator=DCGANGenerator(
            channels=example_shape[-1],
            base_shape=(7, 7, 2 * width),
            maps=(width,),
            dense_widths=(1024,),
            norm_after_activation=True,
            initialization=PYTORCH,
        ),
        discriminator=DCGANDiscriminator(
            maps=(width, 2 * width),
            dense_widths=(1024,),
            kernel=5,
            padding=2,
            negative_slope=0.0,
            initialization=PYTORCH,
        ),
    )
