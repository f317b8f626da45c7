"""Deep convolutional networks of images: dense layers and (transposed) convolutions of stride two.

Radford et al. 2016 (https://arxiv.org/abs/1511.06434), as the authors of Boundary-Seeking GANs varied them. Two
modules cover all presets; the presets are the functions below them.
"""

import math
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from bgan_jax.networks.convolutions import ConvForm, Padding, StridedConv, TransposedConv, double_backward_form
from bgan_jax.networks.dense import Dense, log_ratio_head
from bgan_jax.networks.initialization import HE_NORMAL, LASAGNE, PYTORCH, Initialization
from bgan_jax.networks.interface import Networks, Options, check_example_shape, player
from bgan_jax.networks.latents import LatentPrior

#: Zeros around the dilated input of a 5x5 transposed convolution that doubles its input (pad 2, output padding 1
#: elsewhere).
PAD_5 = ((2, 3), (2, 3))


class DCGANGenerator(nn.Module):
    """Latents to images: dense layers, then transposed convolutions that double the side.

    Every hidden layer is linear, batch normalisation, rectifier; or linear, rectifier, batch normalisation where
    ``norm_after_activation``. A linear layer directly before its normalisation has no bias, which the normalisation
    would cancel.

    Attributes:
      channels: channels of the result.
      base_shape: (height, width, maps) that the last dense layer is reshaped to.
      maps: maps of the hidden transposed convolutions.
      dense_widths: hidden dense layers before the one to ``base_shape``.
      kernel: side of the transposed kernels.
      padding: their padding.
      last_kernel: 0 for a last transposed convolution of stride two to ``channels``; otherwise the side of a plain last
        convolution at the resolution of ``maps[-1]``.
      norm_after_activation: order of the hidden layers.
      norm_epsilon: added to the batch variance.
      output: ``"logits"`` or ``"pixels"`` (through tanh).
      initialization: initial parameters.
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
    norm_epsilon: float = 1e-5
    output: Literal["logits", "pixels"] = "logits"
    initialization: Initialization = PYTORCH
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latents: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, d]`` to ``[N, height, width, channels]``, float32."""
        hidden = latents
        for width in (*self.dense_widths, math.prod(self.base_shape)):
            hidden = self._norm_and_activation(self._dense(width, hidden.shape[-1])(hidden), train=train)
        hidden = hidden.reshape(-1, *self.base_shape)
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
                kernel_init=self.initialization.kernel,
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
            kernel_init=self.initialization.kernel,
            bias_init=self.initialization.bias(fan_in),
            dtype=self.dtype,
        )

    def _upsample(self, maps: int, *, use_bias: bool) -> TransposedConv:
        return TransposedConv(
            maps,
            (self.kernel, self.kernel),
            padding=self.padding,
            use_bias=use_bias,
            kernel_init=self.initialization.transposed_kernel,
            bias_init=self.initialization.bias(self.kernel**2 * maps),
            dtype=self.dtype,
        )

    def _norm_and_activation(self, hidden: jax.Array, *, train: bool) -> jax.Array:
        norm = nn.BatchNorm(
            use_running_average=not train,
            momentum=0.9,
            epsilon=self.norm_epsilon,
            axis_name=self.axis_name,
            dtype=self.dtype,
        )
        return norm(nn.relu(hidden)) if self.norm_after_activation else nn.relu(norm(hidden))


class DCGANDiscriminator(nn.Module):
    """Images to F: convolutions of stride two, dense layers, one number.

    Attributes:
      maps: maps of the convolutions.
      batch_norm: for every convolution, whether batch normalisation stands before its rectifier (and replaces its
        bias).
      dense_widths: hidden dense layers.
      kernel: side of the kernels.
      padding: zeros on every side of their inputs.
      negative_slope: slope of the leaky rectifier below zero; 0 is a plain one.
      norm_epsilon: added to the batch variance.
      spectral_norm: spectral normalisation of every kernel.
      initialization: initial parameters.
      form: form of the convolutions; the same function of the same parameters.
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
    form: ConvForm = "conv"
    axis_name: str | None = None
    dtype: Any = jnp.float32

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
                kernel_init=self.initialization.kernel,
                bias_init=self.initialization.bias(self.kernel**2 * hidden.shape[-1]),
                dtype=self.dtype,
            )(hidden, train=train)
            if batch_norm:
                hidden = nn.BatchNorm(
                    use_running_average=not train,
                    momentum=0.9,
                    epsilon=self.norm_epsilon,
                    axis_name=self.axis_name,
                    dtype=self.dtype,
                )(hidden)
            hidden = nn.leaky_relu(hidden, self.negative_slope)
        hidden = hidden.reshape(hidden.shape[0], -1)
        for width in self.dense_widths:
            hidden = Dense(
                width,
                spectral_norm=self.spectral_norm,
                kernel_init=self.initialization.kernel,
                bias_init=self.initialization.bias(hidden.shape[-1]),
                dtype=self.dtype,
            )(hidden, train=train)
            hidden = nn.leaky_relu(hidden, self.negative_slope)
        head = log_ratio_head(hidden.shape[-1], initialization=self.initialization, spectral_norm=self.spectral_norm)
        return head(hidden, train=train)[:, 0]


def dcgan28_small(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Small 28x28 networks that two CPU cores train in minutes; ``width`` (32) is the maps at 14x14.

    G: z64 - dense 512 - dense 7x7x64 - T4s2 32 - T4s2 logits. D: C4s2 32 - C4s2 64 - dense 256 - F, leaky 0.2, no batch
    normalisation. Latents N(0, I).
    """
    check_example_shape("dcgan28_small", example_shape, expected=(28, 28, None))
    width = options.width or 32
    return _networks(
        "dcgan28_small",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="normal",
        generator=DCGANGenerator(
            channels=example_shape[-1],
            base_shape=(7, 7, 2 * width),
            maps=(width,),
            dense_widths=(16 * width,),
            initialization=HE_NORMAL,
        ),
        discriminator=DCGANDiscriminator(maps=(width, 2 * width), dense_widths=(8 * width,), initialization=HE_NORMAL),
    )


def mnist_theano(example_shape: tuple[int, ...], options: Options) -> Networks:
    """The authors' Theano networks of binarised digits; ``width`` (64) is the maps at 14x14.

    G: z64 - dense 1024 - dense 7x7x128 - T5s2 64 - T5s2 logits; batch normalisation, then rectifier. D: C5s2 64 - C5s2
      128 -
    dense 1024 - F, leaky 0.2, no batch normalisation. Latents uniform on [0, 1).
    """
    check_example_shape("mnist_theano", example_shape, expected=(28, 28, None))
    width = options.width or 64
    return _networks(
        "mnist_theano",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="uniform",
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
    """The authors' PyTorch networks of the divergence table; ``width`` (64) is the maps at 14x14.

    G: z64 - dense 1024 - dense 7x7x128 - T4s2 64 - T4s2 logits; rectifier, then batch normalisation. D: C5s2 64 - C5s2
      128 -
    dense 1024 - F, plain rectifiers, no batch normalisation. Latents uniform on [0, 1).
    """
    check_example_shape("mnist_cortex", example_shape, expected=(28, 28, None))
    width = options.width or 64
    return _networks(
        "mnist_cortex",
        example_shape,
        options,
        latent_dim=64,
        latent_prior="uniform",
        generator=DCGANGenerator(
            channels=example_shape[-1],
            base_shape=(7, 7, 2 * width),
            maps=(width,),
            dense_widths=(1024,),
            norm_after_activation=True,
        ),
        discriminator=DCGANDiscriminator(
            maps=(width, 2 * width), dense_widths=(1024,), kernel=5, padding=2, negative_slope=0.0
        ),
    )


def _networks(
    name: str,
    example_shape: tuple[int, ...],
    options: Options,
    *,
    latent_dim: int,
    latent_prior: LatentPrior,
    generator: DCGANGenerator,
    discriminator: DCGANDiscriminator,
) -> Networks:
    latent_dim = options.latent_dim or latent_dim
    shared: dict[str, Any] = {"axis_name": options.axis_name, "dtype": options.dtype}
    generator = generator.clone(**shared)
    discriminator = discriminator.clone(spectral_norm=options.spectral_norm, **shared)
    form = options.double_backward_form or double_backward_form()
    return Networks(
        name=name,
        gen=player(generator, (latent_dim,)),
        disc=player(discriminator, example_shape),
        disc_double_backward=player(discriminator.clone(form=form), example_shape),
        example_shape=tuple(example_shape),
        latent_dim=latent_dim,
        latent_prior=latent_prior,
        output=generator.output,
    )
