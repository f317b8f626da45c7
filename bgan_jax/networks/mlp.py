"""Fully connected networks, for two-dimensional data and small enumerable supports."""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen import initializers

from bgan_jax.networks.dense import Dense, log_ratio_head
from bgan_jax.networks.initialization import HE_NORMAL, Initialization
from bgan_jax.networks.interface import Networks, Options, assemble

#: Orthogonal kernels of gain 0.8, as in the authors' two-dimensional script; zero biases.
ORTHOGONAL_08 = HE_NORMAL._replace(dense_kernel=initializers.orthogonal(0.8))


class MLPGenerator(nn.Module):
    """Generator of points or logits of any shape.

    Attributes:
      example_shape: shape of one result.
      widths: hidden layers.
      activation: their activation function.
      initialization: initial parameters.
      axis_name: unused, because there are no batch statistics; every generator has it.
      dtype: dtype of the hidden computation.
    """

    example_shape: tuple[int, ...]
    widths: tuple[int, ...]
    activation: Callable[[jax.Array], jax.Array] = nn.relu
    initialization: Initialization = HE_NORMAL
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latents: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, d]`` to ``[N, *example_shape]``, float32."""
        del train
        hidden = hidden_layers(self, latents)
        last = _dense(self, math.prod(self.example_shape), hidden)
        return last(hidden).reshape(-1, *self.example_shape).astype(jnp.float32)


class MLPDiscriminator(nn.Module):
    """Discriminator of points of any shape.

    Attributes:
      widths: hidden layers.
      activation: their activation function.
      spectral_norm: spectral normalisation of every kernel.
      initialization: initial parameters.
      axis_name: unused, because there are no batch statistics; every discriminator has it.
      dtype: dtype of the hidden computation; F is float32 at full precision.
    """

    widths: tuple[int, ...]
    activation: Callable[[jax.Array], jax.Array] = nn.relu
    spectral_norm: bool = False
    initialization: Initialization = HE_NORMAL
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @property
    def batch_independent(self) -> bool:
        """Whether F at one point does not depend on the batch; the estimate of spectral normalisation does."""
        return not self.spectral_norm

    @nn.compact
    def __call__(self, points: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, ...]`` to F, ``[N]``, float32."""
        hidden = hidden_layers(self, points.reshape(points.shape[0], -1), train=train)
        head = log_ratio_head(hidden.shape[-1], initialization=self.initialization, spectral_norm=self.spectral_norm)
        return head(hidden, train=train)[:, 0]


def mlp(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds two networks with two hidden layers of ``width`` (128) rectifiers, for any shape. Latents N(0, I_16)."""
    width = options.width or 128
    return assemble(
        "mlp",
        example_shape,
        options,
        latent_dim=16,
        latent_prior="normal",
        output="points",
        generator=MLPGenerator(example_shape, (width, width)),
        discriminator=MLPDiscriminator((width, width)),
    )


def mlp_tanh(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' networks of 2-D data: tanh, ``width`` (128), orthogonal kernels of gain 0.8, N(0, I_256).

    G has two hidden layers and D has one.
    """
    width = options.width or 128
    return assemble(
        "mlp_tanh",
        example_shape,
        options,
        latent_dim=256,
        latent_prior="normal",
        output="points",
        generator=MLPGenerator(example_shape, (width, width), activation=jnp.tanh, initialization=ORTHOGONAL_08),
        discriminator=MLPDiscriminator((width,), activation=jnp.tanh, initialization=ORTHOGONAL_08),
    )


def _dense(module: MLPGenerator | MLPDiscriminator, width: int, hidden: jax.Array, **settings: Any) -> Dense:
    start = module.initialization
    return Dense(
        width,
        kernel_init=start.dense_kernel,
        bias_init=start.bias(hidden.shape[-1]),
        dtype=module.dtype,
        **settings,
    )


def hidden_layers(module: MLPGenerator | MLPDiscriminator, hidden: jax.Array, *, train: bool = False) -> jax.Array:
    """Applies the layers of ``module.widths``, within its own ``__call__``."""
    spectral_norm = getattr(module, "spectral_norm", False)
    for width in module.widths:
        hidden = module.activation(_dense(module, width, hidden, spectral_norm=spectral_norm)(hidden, train=train))
    return hidden
