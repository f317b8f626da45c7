r"""Convolutions that double or halve the resolution, as in residual networks, with fewer operations.

Upsampling to the nearest neighbour before a convolution, or averaging 2x2 after one, is the same as one (transposed)
convolution of stride two whose kernel is the given one smoothed by a box of two:

.. math:: \bar w_t = w_t + w_{t-1} \quad \text{along every spatial axis.}

The parameters are the original kernel; for a 3x3 kernel the number of multiplications falls from 9 to 4 per output of
the larger grid.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from bgan_jax.networks.convolutions import ConvForm, TransposedForm, strided_conv, transposed_conv
from bgan_jax.networks.spectral import spectrally_normalized


def mean_pool(images: jax.Array) -> jax.Array:
    """Averages 2x2 blocks: ``[N, 2h, 2w, c]`` to ``[N, h, w, c]``.

    Args:
      images: of even height and width.

    Returns:
      Half the height and width.

    Example:
      >>> mean_pool(jnp.arange(4.0).reshape(1, 2, 2, 1)).item()
      1.5
    """
    batch, height, width, channels = images.shape
    return images.reshape(batch, height // 2, 2, width // 2, 2, channels).mean((2, 4))


class UpsampleConv(nn.Module):
    """Nearest-neighbour upsampling by two, then a convolution of stride one.

    Attributes:
      features: output channels.
      kernel: side of the kernel, odd.
      form: as in ``TransposedConv``.
      use_bias: whether a bias is added.
      kernel_init: initialiser of the kernel ``[kernel, kernel, in, features]``.
      bias_init: initialiser of the bias ``[features]``.
      dtype: dtype of the computation; parameters are float32.
    """

    features: int
    kernel: int = 3
    form: TransposedForm = "paired"
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()
    dtype: Any = None

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        """Maps ``[N, h, w, in]`` to ``[N, 2h, 2w, features]``."""
        shape = (self.kernel, self.kernel, images.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32) if self.use_bias else None
        images, kernel, bias = promote_dtype(images, _smoothed(kernel), bias, dtype=self.dtype)
        edge = self.kernel // 2 + 1
        result = transposed_conv(self.form)(images, kernel, stride=2, edges=((edge, edge),) * 2)
        return result if bias is None else result + jnp.expand_dims(bias, (0, 1, 2))


class ConvMeanPool(nn.Module):
    """A convolution of stride one, then means of 2x2 blocks.

    Attributes:
      features: output channels.
      kernel: side of the kernel, odd.
      form: as in ``StridedConv``.
      spectral_norm: divide the kernel by its largest singular value.
      use_bias: whether a bias is added.
      kernel_init: initialiser of the kernel ``[kernel, kernel, in, features]``.
      bias_init: initialiser of the bias ``[features]``.
      dtype: dtype of the computation; parameters are float32.
    """

    features: int
    kernel: int = 3
    form: ConvForm = "conv"
    spectral_norm: bool = False
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()
    dtype: Any = None

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool = False) -> jax.Array:
        """Maps ``[N, 2h, 2w, in]`` to ``[N, h, w, features]``; only spectral normalisation uses ``train``."""
        shape = (self.kernel, self.kernel, images.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        if self.spectral_norm:
            kernel = spectrally_normalized(self, kernel, update=train)
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32) if self.use_bias else None
        images, kernel, bias = promote_dtype(images, _smoothed(kernel) / 4, bias, dtype=self.dtype)
        result = strided_conv(self.form)(images, kernel, stride=2, padding=self.kernel // 2)
        return result if bias is None else result + jnp.expand_dims(bias, (0, 1, 2))


def _smoothed(kernel: jax.Array) -> jax.Array:
    """Adds every tap to its next neighbour along both axes: ``[k, k, in, out]`` to ``[k + 1, k + 1, in, out]``."""
    for axis in (0, 1):
        before, after = [(0, 0)] * 4, [(0, 0)] * 4
        before[axis], after[axis] = (1, 0), (0, 1)
        kernel = jnp.pad(kernel, before) + jnp.pad(kernel, after)
    return kernel
