"""A dense layer with optional spectral normalisation, and the discriminator's last layer."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax import lax

from bgan_jax.networks.initialization import Initialization
from bgan_jax.networks.spectral import spectrally_normalized


class Dense(nn.Module):
    """``x W + b`` with the parameters of ``nn.Dense``.

    Attributes:
      features: output size.
      spectral_norm: divide the kernel by its largest singular value (a running estimate in ``batch_stats``).
      use_bias: whether a bias is added.
      kernel_init: initialiser of the kernel ``[in, features]``.
      bias_init: initialiser of the bias ``[features]``.
      dtype: dtype of the computation; parameters are float32.
      precision: as in ``jnp.dot``.
    """

    features: int
    spectral_norm: bool = False
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    precision: Any = None

    @nn.compact
    def __call__(self, inputs: jax.Array, *, train: bool = False) -> jax.Array:
        """Maps ``[..., in]`` to ``[..., features]``; ``train`` only matters to spectral normalisation."""
        kernel = self.param("kernel", self.kernel_init, (inputs.shape[-1], self.features), jnp.float32)
        if self.spectral_norm:
            kernel = spectrally_normalized(self, kernel, update=train)
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32) if self.use_bias else None
        inputs, kernel, bias = promote_dtype(inputs, kernel, bias, dtype=self.dtype)
        result = jnp.dot(inputs, kernel, precision=self.precision)
        return result if bias is None else result + jnp.expand_dims(bias, range(result.ndim - 1))


def log_ratio_head(fan_in: int, *, initialization: Initialization, spectral_norm: bool = False) -> Dense:
    """Creates a discriminator's last layer, to one number F, in float32 at full precision whatever the dtype before it.

    F is exponentiated to importance weights, and TPUs multiply float32 in bfloat16 by default.

    Args:
      fan_in: size of the layer's input.
      initialization: initial parameters.
      spectral_norm: as in :class:`Dense`.

    Returns:
      A layer from ``[N, fan_in]`` to ``[N, 1]``.
    """
    return Dense(
        1,
        spectral_norm=spectral_norm,
        kernel_init=initialization.dense_kernel,
        bias_init=initialization.bias(fan_in),
        dtype=jnp.float32,
        precision=lax.Precision.HIGHEST,
        name="log_ratio",
    )
