"""The networks by name."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from bgan_jax.networks import dcgan
from bgan_jax.networks.interface import Networks, Options

NETWORKS: dict[str, Callable[[tuple[int, ...], Options], Networks]] = {
    "dcgan28_small": dcgan.dcgan28_small,
    "mnist_theano": dcgan.mnist_theano,
    "mnist_cortex": dcgan.mnist_cortex,
}


def build_networks(
    name: str,
    *,
    example_shape: tuple[int, ...],
    latent_dim: int | None = None,
    width: int | None = None,
    axis_name: str | None = None,
    dtype: Any = jnp.float32,
    spectral_norm: bool = False,
    double_backward_form: str | None = None,
) -> Networks:
    """The generator and discriminator of a named preset.

    Args:
      name: a key of ``NETWORKS``.
      example_shape: shape of one point as the discriminator sees it and the generator makes it, channels last: ``(28,
        28, 1)`` for binary images, ``(32, 32, 16)`` for images of 16 colours (one-hot), ``(L, V)`` for text over V
        symbols (one-hot).
      latent_dim: size of the latents; ``None`` is the preset's.
      width: base number of maps or units; ``None`` is the preset's.
      axis_name: device axis of batch statistics; ``None`` for one device.
      dtype: dtype of the hidden computation; logits and parameters are float32 whatever it is.
      spectral_norm: spectral normalisation of the discriminator's kernels.
      double_backward_form: ``"conv"`` or ``"patches"``, the form of ``disc_double_backward``; ``None`` asks the
        backend.

    Returns:
      The two players as pure functions, and their latents.

    Raises:
      ValueError: unknown name, or a preset that does not fit the data's shape.

    Example:
      >>> networks = build_networks("dcgan28_small", example_shape=(28, 28, 1))
      >>> networks.latent_dim, networks.latent_prior, networks.output
      (64, 'normal', 'logits')
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; legal: {', '.join(NETWORKS)}")
    options = Options(
        latent_dim=latent_dim,
        width=width,
        axis_name=axis_name,
        dtype=dtype,
        spectral_norm=spectral_norm,
        double_backward_form=double_backward_form,
    )
    return NETWORKS[name](tuple(example_shape), options)
