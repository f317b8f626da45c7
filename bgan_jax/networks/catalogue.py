"""The networks by name."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from bgan_jax.networks import characters, digits, images, mlp, resnet, tables
from bgan_jax.networks.convolutions import ConvForm, check_form, forms_for
from bgan_jax.networks.interface import Networks, Options

NETWORKS: dict[str, Callable[[tuple[int, ...], Options], Networks]] = {
    # Digits, 28x28, logits.
    "dcgan28_small": digits.dcgan28_small,
    "dcgan28_tiny": digits.dcgan28_tiny,
    "mnist_theano": digits.mnist_theano,
    "mnist_cortex": digits.mnist_cortex,
    # Palette images, 32x32, logits.
    "dcgan32_small": images.dcgan32_small,
    "dcgan32_categorical": images.dcgan32_categorical,
    # Text, logits; the last three with one F per position.
    "characters_small": characters.characters_small,
    "characters_theano": characters.characters_theano,
    "characters_wgan_gp": characters.characters_wgan_gp,
    "characters_small_positions": characters.characters_small_positions,
    "characters_theano_positions": characters.characters_theano_positions,
    "characters_wgan_gp_positions": characters.characters_wgan_gp_positions,
    # Continuous images, pixels in [-1, 1].
    "dcgan32": images.dcgan32,
    "dcgan32_cortex": images.dcgan32_cortex,
    "dcgan64": images.dcgan64,
    "dcgan128": images.dcgan128,
    "resnet32": resnet.resnet32,
    "resnet64": resnet.resnet64,
    "resnet128": resnet.resnet128,
    "resnet32_roth": resnet.resnet32_roth,
    "resnet64_roth": resnet.resnet64_roth,
    "resnet128_roth": resnet.resnet128_roth,
    # Tables, logits of all columns in one flat array.
    "residual_mlp": tables.residual_mlp,
    # Points of any shape.
    "mlp": mlp.mlp,
    "mlp_tanh": mlp.mlp_tanh,
}


def build_networks(
    name: str,
    *,
    example_shape: tuple[int, ...],
    latent_dim: int | None = None,
    latent_categories: int = 0,
    width: int | None = None,
    axis_name: str | None = None,
    dtype: Any = jnp.float32,
    spectral_norm: bool = False,
    platform: str = "cpu",
    double_backward_form: ConvForm | None = None,
    output_bias: tuple[float, ...] | None = None,
    given_column: tuple[int, int] | None = None,
) -> Networks:
    """Builds the generator and discriminator of a named preset.

    Args:
      name: a key of ``NETWORKS``.
      example_shape: shape of one point as the discriminator sees it and the generator makes it, channels last: ``(28,
        28, 1)`` for binary images, ``(32, 32, 16)`` for images of 16 colours (one-hot), ``(L, V)`` for text over V
        symbols (one-hot).
      latent_dim: size of the latents; ``None`` is the preset's.
      latent_categories: K, categories that the first coordinate of a latent chooses from, for data that fall into
        groups, as in :func:`~bgan_jax.networks.latents.choose_category`; 0 for none.
      width: base number of maps or units; ``None`` is the preset's.
      axis_name: device axis of batch statistics; ``None`` for one device.
      dtype: dtype of the hidden computation; logits and parameters are float32 whatever it is.
      spectral_norm: spectral normalisation of the discriminator's kernels.
      platform: JAX's name of what the networks will run on, which chooses the forms of their convolutions: the same
        function of the same parameters everywhere, and fast there.
      double_backward_form: ``"paired"`` or ``"conv"``, the form of the discriminator's ``twice``; ``None`` is the
        platform's.
      output_bias: initial bias of the last layer of a table's generator, such as the logarithms of the shares of all
        categories, one number for each logit; other presets have none.
      given_column: first logit and number of categories of the column that both players of a table are conditional on;
        other presets have none.

    Returns:
      The two players as pure functions, and their latents.

    Raises:
      ValueError: unknown name or form, a number of categories that is 1 or negative, or a preset that does not fit the
        data's shape.

    Example:
      >>> networks = build_networks("dcgan28_small", example_shape=(28, 28, 1))
      >>> networks.latent_dim, networks.latent_prior, networks.output
      (64, 'normal', 'logits')
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; legal: {', '.join(NETWORKS)}")
    forms = forms_for(platform)
    if double_backward_form is not None:
        check_form(double_backward_form)
        forms = forms._replace(twice=double_backward_form)
    options = Options(
        latent_dim=latent_dim,
        latent_categories=latent_categories,
        width=width,
        axis_name=axis_name,
        dtype=dtype,
        spectral_norm=spectral_norm,
        forms=forms,
        output_bias=output_bias,
        given_column=given_column,
    )
    return NETWORKS[name](tuple(example_shape), options)
