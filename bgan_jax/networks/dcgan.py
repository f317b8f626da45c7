"""Deep convolutional networks of images: dense layers and (transposed) convolutions of stride two.

Radford et al. 2016 (https://arxiv.org/abs/1511.06434), as the authors of Boundary-Seeking GANs varied them. The
presets made of these two modules are in ``digits.py`` and ``images.py``.
"""

import math
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from bgan_jax.networks.convolutions import ConvForm, Padding, StridedConv, TransposedConv, TransposedForm
from bgan_jax.networks.dense import Dense, log_ratio_head
from bgan_jax.networks.initialization import PYTORCH, Initialization
from bgan_jax.networks.normalization import BatchNorm
from bgan_jax.networks.rectifiers import RectifierForm, leaky_relu

#: Zeros around the dilated input of a 5x5 transposed convolution that doubles its input (pad 2, output padding 1
#: elsewhere).
PAD_5 = ((2, 3), (2, 3))


class DCGANGenerator(nn.Module):
    """Generator: dense layers, then transposed convolutions that double the side.

    Every hidden layer is a linear layer, batch normalisation and a rectifier; with ``norm_after_activation`` the
    rectifier is before the normalisation. A linear layer directly before a normalisation has no bias, because the
    normalisation would cancel it.

    Attributes:
      channels: channels of the images.
      base_shape: (height, width, maps) that the last dense layer is reshaped to.
      maps: maps of the hidden transposed convolutions.
      dense_widths: hidden dense layers before the one to ``base_shape``.
      kernel: side of the transposed kernels.
      padding: their padding.
      last_kernel: 0 for a last transposed convolution of stride two to ``channels``; otherwise the side of a plain last
        convolution at the resolution of ``maps[-1]``.
      norm_after_activation: order of the hidden layers.
      norm_base_maps: whether the first normalisation is of the maps of ``base_shape`` rather than of its units.
      norm_epsilon: added to the batch variance.
      output: ``"logits"`` or ``"pixels"`` (by tanh).
      initialization: initial parameters.
      form: form of the transposed convolutions; the same function of the same parameters.
      axis_name: device axis of the batch statistics.
      dtype: dtype of the hidden computation.
    """

    channels: int
    base_shape: tuple[int, int, int]
    maps: tuple[int, ...]
    dense_widths: tuple[int, ...] = ()
    kernel: int = 4
    padding: Padding = "SAME"
    last_kernel: int = 0
    norm_after_activation: bool = False
    norm_base_maps: bool = False
    norm_epsilon: float = 1e-5
    output: Literal["logits", "pixels"] = "logits"
    initialization: Initialization = PYTORCH
    form: TransposedForm = "paired"
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latents: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, d]`` to ``[N, height, width, channels]``, float32."""
        hidden = latents
        for width in self.dense_widths:
            hidden = self._norm_and_activation(self._dense(width, hidden.shape[-1])(hidden), train=train)
        hidden = self._dense(math.prod(self.base_shape), hidden.shape[-1])(hidden)
        if self.norm_base_maps:
            hidden = hidden.reshape(-1, *self.base_shape)
        hidden = self._norm_and_activation(hidden, train=train).reshape(-1, *self.base_shape)
        for maps in self.maps:
            hidden = self._norm_and_activation(
                self._upsample(maps, use_bias=self.norm_after_activation)(hidden), train=train
            )
        if self.last_kernel:
            fan_in = self.last_kernel**2 * hidden.shape[-1]
            last: nn.Module = StridedConv(
                self.channels,
                (self.last_kernel, self.last_kernel),
                stride=1,
                padding=self.last_kernel // 2,
                kernel_init=self.initialization.conv_kernel,
                bias_init=self.initialization.bias(fan_in),
                dtype=self.dtype,
            )
        else:
            last = self._upsample(self.channels, use_bias=True)
        result = last(hidden).astype(jnp.float32)
        return jnp.tanh(result) if self.output == "pixels" else result

    def _dense(self, width: int, fan_in: int) -> Dense:
        return Dense(
            width,
            use_bias=self.norm_after_activation,
            kernel_init=self.initialization.dense_kernel,
            bias_init=self.initialization.bias(fan_in),
            dtype=self.dtype,
        )

    def _upsample(self, maps: int, *, use_bias: bool) -> TransposedConv:
        return TransposedConv(
            maps,
            (self.kernel, self.kernel),
            padding=self.padding,
            form=self.form,
            use_bias=use_bias,
            kernel_init=self.initialization.transposed_kernel,
            bias_init=self.initialization.bias(self.kernel**2 * maps),
            dtype=self.dtype,
        )

    def _norm_and_activation(self, hidden: jax.Array, *, train: bool) -> jax.Array:
        norm = BatchNorm(
            use_running_average=not train,
            momentum=0.9,
            epsilon=self.norm_epsilon,
            axis_name=self.axis_name,
            dtype=self.dtype,
        )
        return norm(nn.relu(hidden)) if self.norm_after_activation else nn.relu(norm(hidden))


class DCGANDiscriminator(nn.Module):
    """Discriminator: convolutions of stride two, dense layers, a layer to one number.

    Attributes:
      maps: maps of the convolutions.
      batch_norm: for every convolution, whether there is batch normalisation before its rectifier (instead of a
        bias).
      dense_widths: hidden dense layers.
      kernel: side of the kernels.
      padding: zeros on every side of their inputs.
      negative_slope: slope of the leaky rectifier below zero; 0 is a plain one.
      norm_epsilon: added to the batch variance.
      spectral_norm: spectral normalisation of every kernel.
      initialization: initial parameters.
      form: form of the convolutions; the same function of the same parameters. By ``"paired"``, on a CPU, the gradients
        of a 5x5 kernel come three times faster, those of a 4x4 one no slower (reverse mode only).
      rectifier: form of the rectifiers.
      axis_name: device axis of the batch statistics.
      dtype: dtype of the hidden computation; F is float32 at full precision.
    """

    maps: tuple[int, ...]
    batch_norm: tuple[bool, ...] = ()
    dense_widths: tuple[int, ...] = ()
    kernel: int = 4
    padding: int = 1
    negative_slope: float = 0.2
    norm_epsilon: float = 1e-5
    spectral_norm: bool = False
    initialization: Initialization = PYTORCH
    form: ConvForm = "paired"
    rectifier: RectifierForm = "select"
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @property
    def batch_independent(self) -> bool:
        """Whether F at one point does not depend on the batch, so that a batch may be cut up or joined to another.

        Batch normalisation looks at the whole batch, and spectral normalisation moves on with every batch.
        """
        return not any(self.batch_norm) and not self.spectral_norm

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, height, width, channels]`` to F, ``[N]``, float32."""
        hidden = images
        for maps, batch_norm in zip(self.maps, self.batch_norm or (False,) * len(self.maps), strict=True):
            hidden = StridedConv(
                maps,
                (self.kernel, self.kernel),
                padding=self.padding,
                form=self.form,
                spectral_norm=self.spectral_norm,
                use_bias=not batch_norm,
                kernel_init=self.initialization.conv_kernel,
                bias_init=self.initialization.bias(self.kernel**2 * hidden.shape[-1]),
                dtype=self.dtype,
            )(hidden, train=train)
            if batch_norm:
                hidden = BatchNorm(
                    use_running_average=not train,
                    momentum=0.9,
                    epsilon=self.norm_epsilon,
                    axis_name=self.axis_name,
                    dtype=self.dtype,
                )(hidden)
            hidden = leaky_relu(hidden, self.negative_slope, form=self.rectifier)
        hidden = hidden.reshape(hidden.shape[0], -1)
        for width in self.dense_widths:
            hidden = Dense(
                width,
                spectral_norm=self.spectral_norm,
                kernel_init=self.initialization.dense_kernel,
                bias_init=self.initialization.bias(hidden.shape[-1]),
                dtype=self.dtype,
            )(hidden, train=train)
            hidden = leaky_relu(hidden, self.negative_slope, form=self.rectifier)
        head = log_ratio_head(hidden.shape[-1], initialization=self.initialization, spectral_norm=self.spectral_norm)
        return head(hidden, train=train)[:, 0]
