"""Residual networks for images, the authors' and Roth et al.'s.

Every residual block changes the resolution by a factor of two: normalisation, rectifier and convolution, twice, plus a
resampled shortcut. The two families differ in the numbers of maps, the shortcut's kernel (3 or 1), the biases and the
initial parameters. Roth et al. 2017: https://arxiv.org/abs/1705.09367.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from bgan_jax.networks.convolutions import ConvForm, StridedConv, TransposedForm
from bgan_jax.networks.dense import Dense, log_ratio_head
from bgan_jax.networks.initialization import GULRAJANI, PYTORCH, Initialization
from bgan_jax.networks.interface import Networks, Options, assemble, check_example_shape
from bgan_jax.networks.normalization import BatchNorm
from bgan_jax.networks.resampling import ConvMeanPool, UpsampleConv, mean_pool


class ResNetGenerator(nn.Module):
    """Generator: a dense layer to 4x4, blocks that double the side, a last convolution, tanh.

    Attributes:
      channels: channels of the images.
      base_maps: maps at 4x4.
      maps: maps after every block.
      shortcut_kernel: side of the shortcuts' kernels.
      norm_base: whether the dense layer is normalised and rectified before the first block.
      use_shortcut_bias: whether shortcuts have a bias.
      use_last_bias: whether the last convolution has one.
      initialization: initial parameters.
      form: form of the convolutions that upsample; the same function of the same parameters.
      axis_name: device axis of the batch statistics.
      dtype: dtype of the hidden computation.
    """

    channels: int
    base_maps: int
    maps: tuple[int, ...]
    shortcut_kernel: int = 3
    norm_base: bool = True
    use_shortcut_bias: bool = False
    use_last_bias: bool = False
    initialization: Initialization = PYTORCH
    form: TransposedForm = "paired"
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latents: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, d]`` to ``[N, side, side, channels]``, float32 in [-1, 1]."""
        start = self.initialization
        hidden = Dense(
            16 * self.base_maps,
            use_bias=not self.norm_base,
            kernel_init=start.dense_kernel,
            bias_init=start.bias(latents.shape[-1]),
            dtype=self.dtype,
        )(latents)
        hidden = hidden.reshape(-1, 4, 4, self.base_maps)
        if self.norm_base:
            hidden = self._normalized(hidden, train=train)
        for maps in self.maps:
            fan_in = self.shortcut_kernel**2 * hidden.shape[-1]
            shortcut = UpsampleConv(
                maps,
                self.shortcut_kernel,
                form=self.form,
                use_bias=self.use_shortcut_bias,
                kernel_init=start.dense_kernel,
                bias_init=start.bias(fan_in),
                dtype=self.dtype,
            )(hidden)
            branch = self._normalized(hidden, train=train)
            branch = UpsampleConv(
                maps, form=self.form, use_bias=False, kernel_init=start.conv_kernel, dtype=self.dtype
            )(branch)
            branch = self._normalized(branch, train=train)
            hidden = shortcut + self._conv(maps, branch, use_bias=True)
        hidden = self._normalized(hidden, train=train)
        return jnp.tanh(self._conv(self.channels, hidden, use_bias=self.use_last_bias).astype(jnp.float32))

    def _conv(self, maps: int, hidden: jax.Array, *, use_bias: bool) -> jax.Array:
        conv = StridedConv(
            maps,
            (3, 3),
            stride=1,
            use_bias=use_bias,
            kernel_init=self.initialization.conv_kernel,
            bias_init=self.initialization.bias(9 * hidden.shape[-1]),
            dtype=self.dtype,
        )
        return conv(hidden)

    def _normalized(self, hidden: jax.Array, *, train: bool) -> jax.Array:
        norm = BatchNorm(use_running_average=not train, momentum=0.9, axis_name=self.axis_name, dtype=self.dtype)
        return nn.relu(norm(hidden))


class ResNetDiscriminator(nn.Module):
    """Discriminator: a convolution, blocks that halve the side, a layer to one number.

    Attributes:
      base_maps: maps at full resolution.
      maps: maps after every block.
      shortcut_kernel: side of the shortcuts' kernels.
      use_base_bias: whether the first convolution has a bias.
      use_block_bias: whether shortcuts and the blocks' second convolutions have one.
      batch_norm: whether blocks are normalised.
      spectral_norm: spectral normalisation of every kernel.
      initialization: initial parameters.
      form: form of the convolutions; the same function of the same parameters.
      axis_name: device axis of the batch statistics.
      dtype: dtype of the hidden computation; F is float32 at full precision.
    """

    base_maps: int
    maps: tuple[int, ...]
    shortcut_kernel: int = 3
    use_base_bias: bool = False
    use_block_bias: bool = False
    batch_norm: bool = True
    spectral_norm: bool = False
    initialization: Initialization = PYTORCH
    form: ConvForm = "conv"
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @property
    def batch_independent(self) -> bool:
        """Whether F at one point does not depend on the batch; batch and spectral normalisation make it depend."""
        return not self.batch_norm and not self.spectral_norm

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, side, side, channels]`` to F, ``[N]``, float32."""
        start = self.initialization
        shared: dict[str, Any] = {"form": self.form, "spectral_norm": self.spectral_norm, "dtype": self.dtype}
        hidden = StridedConv(
            self.base_maps,
            (3, 3),
            stride=1,
            use_bias=self.use_base_bias,
            kernel_init=start.dense_kernel,
            bias_init=start.bias(9 * images.shape[-1]),
            **shared,
        )(images, train=train)
        for maps in self.maps:
            fan_in = hidden.shape[-1]
            side = self.shortcut_kernel
            shortcut = StridedConv(
                maps,
                (side, side),
                stride=1,
                padding=side // 2,
                use_bias=self.use_block_bias,
                kernel_init=start.dense_kernel,
                bias_init=start.bias(side**2 * fan_in),
                **shared,
            )(mean_pool(hidden), train=train)
            branch = self._normalized(hidden, train=train)
            branch = StridedConv(
                fan_in,
                (3, 3),
                stride=1,
                use_bias=not self.batch_norm,
                kernel_init=start.conv_kernel,
                bias_init=start.bias(9 * fan_in),
                **shared,
            )(branch, train=train)
            branch = self._normalized(branch, train=train)
            branch = ConvMeanPool(
                maps,
                use_bias=self.use_block_bias,
                kernel_init=start.conv_kernel,
                bias_init=start.bias(9 * fan_in),
                **shared,
            )(branch, train=train)
            hidden = shortcut + branch
        hidden = hidden.reshape(hidden.shape[0], -1)
        head = log_ratio_head(hidden.shape[-1], initialization=start, spectral_norm=self.spectral_norm)
        return head(hidden, train=train)[:, 0]

    def _normalized(self, hidden: jax.Array, *, train: bool) -> jax.Array:
        if self.batch_norm:
            hidden = BatchNorm(use_running_average=not train, momentum=0.9, axis_name=self.axis_name, dtype=self.dtype)(
                hidden
            )
        return nn.relu(hidden)


def resnet32(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' residual networks for 32x32 images; ``width`` is 64. See :func:`_authors`."""
    return _authors("resnet32", example_shape, options, side=32)


def resnet64(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' residual networks for 64x64 images; ``width`` is 64. See :func:`_authors`."""
    return _authors("resnet64", example_shape, options, side=64)


def resnet128(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' residual networks for 128x128 images; ``width`` is 64. See :func:`_authors`."""
    return _authors("resnet128", example_shape, options, side=128)


def resnet32_roth(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds Roth et al.'s residual networks, shortened for 32x32 images; ``width`` is 64. See :func:`_roth`."""
    return _roth("resnet32_roth", example_shape, options, gen=(4, 4, 2, 1), disc=(2, 4, 4))


def resnet64_roth(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds Roth et al.'s residual networks for 64x64 images; ``width`` is 64. See :func:`_roth`."""
    return _roth("resnet64_roth", example_shape, options, gen=(8, 8, 4, 2, 1), disc=(2, 4, 8, 8))


def resnet128_roth(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds Roth et al.'s residual networks, lengthened for 128x128 images; ``width`` is 64. See :func:`_roth`."""
    return _roth("resnet128_roth", example_shape, options, gen=(8, 8, 8, 4, 2, 1), disc=(2, 4, 8, 8, 8))


def _authors(name: str, example_shape: tuple[int, ...], options: Options, *, side: int) -> Networks:
    """Builds the authors' networks: maps halve with every block of G, to width / 2, and double with every block of D.

    At 64x64, width 64: G dense 4x4x512 - 256 - 128 - 64 - 32 - C3; D C3 64 - 128 - 256 - 512 - 1024 - F. Shortcuts of
    3x3, batch normalisation everywhere, latents N(0, I_64). The authors' last transposed convolution of stride one is
    written as the convolution that it is.
    """
    check_example_shape(name, example_shape, expected=(side, side, None))
    width = options.width or 64
    blocks = side.bit_length() - 3
    base_maps = width * 2 ** (blocks - 1)
    return assemble(
        name,
        example_shape,
        options,
        latent_dim=64,
        latent_prior="normal",
        output="pixels",
        generator=ResNetGenerator(
            channels=example_shape[-1],
            base_maps=base_maps,
            maps=tuple(base_maps // 2 ** (block + 1) for block in range(blocks)),
        ),
        discriminator=ResNetDiscriminator(
            base_maps=width, maps=tuple(width * 2 ** (block + 1) for block in range(blocks))
        ),
    )


def _roth(
    name: str, example_shape: tuple[int, ...], options: Options, *, gen: tuple[int, ...], disc: tuple[int, ...]
) -> Networks:
    """Builds Roth et al.'s networks; ``gen`` and ``disc`` are numbers of maps in multiples of the width.

    ``gen`` begins with the maps at 4x4, ``disc`` with those after the first block. Shortcuts of 1x1 with biases, batch
    normalisation in the blocks, latents N(0, I_128). Published for 64x64; other sizes have fewer or more blocks.
    """
    side = 4 * 2 ** len(disc)
    check_example_shape(name, example_shape, expected=(side, side, None))
    width = options.width or 64
    return assemble(
        name,
        example_shape,
        options,
        latent_dim=128,
        latent_prior="normal",
        output="pixels",
        generator=ResNetGenerator(
            channels=example_shape[-1],
            base_maps=gen[0] * width,
            maps=tuple(multiple * width for multiple in gen[1:]),
            shortcut_kernel=1,
            norm_base=False,
            use_shortcut_bias=True,
            use_last_bias=True,
            initialization=GULRAJANI,
        ),
        discriminator=ResNetDiscriminator(
            base_maps=width,
            maps=tuple(multiple * width for multiple in disc),
            shortcut_kernel=1,
            use_base_bias=True,
            use_block_bias=True,
            initialization=GULRAJANI,
        ),
    )
