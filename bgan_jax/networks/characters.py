"""One-dimensional residual networks for text: the authors' and those of WGAN-GP.

A sentence is ``[length, vocabulary]``: logits from a generator, one-hot symbols or probabilities into a discriminator.
Gulrajani et al. 2017: https://arxiv.org/abs/1704.00028.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from bgan_jax.networks.convolutions import ConvForm, StridedConv
from bgan_jax.networks.dense import Dense, log_ratio_head
from bgan_jax.networks.initialization import GULRAJANI, LASAGNE, Initialization
from bgan_jax.networks.interface import Networks, Options, assemble, check_example_shape
from bgan_jax.networks.normalization import BatchNorm
from bgan_jax.networks.rectifiers import RectifierForm, leaky_relu


class CharacterGenerator(nn.Module):
    """Generator: a dense layer to ``[length, width]``, residual blocks of two convolutions, a last convolution.

    With ``batch_norm`` (the authors') the dense layer and every convolution are normalised, the last one's logits
    included, and the last convolution follows a rectifier. Without (WGAN-GP's) it does not.

    Attributes:
      length: symbols in a sentence.
      vocabulary: number of symbols.
      width: channels.
      blocks: number of residual blocks.
      last_kernel: taps of the last convolution.
      residual_scale: factor of every block's branch.
      batch_norm: see above.
      initialization: initial parameters.
      axis_name: device axis of the batch statistics.
      dtype: dtype of the hidden computation.
    """

    length: int
    vocabulary: int
    width: int
    blocks: int
    last_kernel: int
    residual_scale: float
    batch_norm: bool
    initialization: Initialization
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, latents: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, d]`` to ``[N, length, vocabulary]``, float32."""
        hidden = Dense(
            self.length * self.width,
            use_bias=not self.batch_norm,
            kernel_init=self.initialization.dense_kernel,
            bias_init=self.initialization.bias(latents.shape[-1]),
            dtype=self.dtype,
        )(latents)
        hidden = self._normalized(hidden, train=train).reshape(-1, self.length, self.width)
        for _ in range(self.blocks):
            branch = self._conv(self.width, 5, nn.relu(hidden), train=train)
            branch = self._conv(self.width, 5, nn.relu(branch), train=train)
            hidden = hidden + self.residual_scale * branch
        if self.batch_norm:
            hidden = nn.relu(hidden)
        return self._conv(self.vocabulary, self.last_kernel, hidden, train=train).astype(jnp.float32)

    def _conv(self, width: int, kernel: int, hidden: jax.Array, *, train: bool) -> jax.Array:
        conv = StridedConv(
            width,
            (kernel,),
            stride=1,
            padding=kernel // 2,
            use_bias=not self.batch_norm,
            kernel_init=self.initialization.conv_kernel,
            bias_init=self.initialization.bias(kernel * hidden.shape[-1]),
            dtype=self.dtype,
        )
        return self._normalized(conv(hidden), train=train)

    def _normalized(self, hidden: jax.Array, *, train: bool) -> jax.Array:
        if not self.batch_norm:
            return hidden
        norm = BatchNorm(
            use_running_average=not train, momentum=0.9, epsilon=1e-4, axis_name=self.axis_name, dtype=self.dtype
        )
        return norm(hidden)


class CharacterDiscriminator(nn.Module):
    """Discriminator: a convolution, residual blocks of two convolutions, a layer to one number; no normalisation.

    With ``per_position`` the last layer is applied to each position separately: F of a position is then the log-ratio
    of its receptive field.

    Attributes:
      width: channels.
      blocks: number of residual blocks.
      first_kernel: taps of the first convolution.
      residual_scale: factor of every block's branch.
      block_slope: slope below zero of the rectifier before every block.
      rectify_last: whether that rectifier also stands before the last layer.
      initialization: initial parameters.
      per_position: one F per position rather than per sentence.
      spectral_norm: spectral normalisation of every kernel.
      form: form of the convolutions; the same function of the same parameters.
      rectifier: form of the rectifiers.
      axis_name: unused, there are no batch statistics; every discriminator has it.
      dtype: dtype of the hidden computation; F is float32 at full precision.
    """

    width: int
    blocks: int
    first_kernel: int
    residual_scale: float
    block_slope: float
    rectify_last: bool
    initialization: Initialization
    per_position: bool = False
    spectral_norm: bool = False
    form: ConvForm = "conv"
    rectifier: RectifierForm = "select"
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @property
    def batch_independent(self) -> bool:
        """Whether F of one sentence does not depend on the batch; the estimate of spectral normalisation does."""
        return not self.spectral_norm

    @nn.compact
    def __call__(self, sentences: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, length, vocabulary]`` to F, ``[N]`` or per position ``[N, length]``, float32."""
        hidden = self._conv(self.first_kernel, sentences, train=train)
        for _ in range(self.blocks):
            branch = self._conv(5, leaky_relu(hidden, self.block_slope, form=self.rectifier), train=train)
            branch = self._conv(5, nn.relu(branch), train=train)
            hidden = hidden + self.residual_scale * branch
        if self.rectify_last:
            hidden = leaky_relu(hidden, self.block_slope, form=self.rectifier)
        if not self.per_position:
            hidden = hidden.reshape(hidden.shape[0], -1)
        head = log_ratio_head(hidden.shape[-1], initialization=self.initialization, spectral_norm=self.spectral_norm)
        return head(hidden, train=train)[..., 0]

    def _conv(self, kernel: int, hidden: jax.Array, *, train: bool) -> jax.Array:
        conv = StridedConv(
            self.width,
            (kernel,),
            stride=1,
            padding=kernel // 2,
            form=self.form,
            spectral_norm=self.spectral_norm,
            kernel_init=self.initialization.conv_kernel,
            bias_init=self.initialization.bias(kernel * hidden.shape[-1]),
            dtype=self.dtype,
        )
        return conv(hidden, train=train)


def characters_theano(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the authors' networks of 1-Billion-Word characters; ``width`` is 256.

    G: z100 - dense 256 x length, normalised - 3 blocks - relu - c5 logits, normalised. D: c5 256 - 3 blocks, leaky 0.2
    - F. Latents uniform on [0, 1).
    """
    return _theano("characters_theano", example_shape, options, per_position=False)


def characters_theano_positions(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds :func:`characters_theano` with one F per position."""
    return _theano("characters_theano_positions", example_shape, options, per_position=True)


def characters_small(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds small networks of text, those of ``characters_theano`` with a discriminator of ``width`` (32) channels.

    The generator has twice as many. It sees one latent where the discriminator sees M samples, so its width costs
    little.
    """
    return _small("characters_small", example_shape, options, per_position=False)


def characters_small_positions(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds :func:`characters_small` with one F per position."""
    return _small("characters_small_positions", example_shape, options, per_position=True)


def characters_wgan_gp(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds the networks of WGAN-GP's language model; ``width`` is 512.

    G: z128 - dense 512 x length - 5 blocks of 0.3 c5(relu c5(relu)) - c1 logits. D: c1 512 - 5 blocks - F. Latents
      N(0, I).
    """
    return _wgan_gp("characters_wgan_gp", example_shape, options, per_position=False)


def characters_wgan_gp_positions(example_shape: tuple[int, ...], options: Options) -> Networks:
    """Builds :func:`characters_wgan_gp` with one F per position."""
    return _wgan_gp("characters_wgan_gp_positions", example_shape, options, per_position=True)


def _small(name: str, example_shape: tuple[int, ...], options: Options, *, per_position: bool) -> Networks:
    width = options.width or 32
    return _theano(
        name, example_shape, options._replace(width=width), generator_width=2 * width, per_position=per_position
    )


def _theano(
    name: str,
    example_shape: tuple[int, ...],
    options: Options,
    *,
    per_position: bool,
    generator_width: int | None = None,
) -> Networks:
    check_example_shape(name, example_shape, expected=(None, None))
    length, vocabulary = example_shape
    width = options.width or 256
    return assemble(
        name,
        example_shape,
        options,
        latent_dim=100,
        latent_prior="uniform",
        output="logits",
        generator=CharacterGenerator(
            length=length,
            vocabulary=vocabulary,
            width=generator_width or width,
            blocks=3,
            last_kernel=5,
            residual_scale=1.0,
            batch_norm=True,
            initialization=LASAGNE,
        ),
        discriminator=CharacterDiscriminator(
            width=width,
            blocks=3,
            first_kernel=5,
            residual_scale=1.0,
            block_slope=0.2,
            rectify_last=True,
            initialization=LASAGNE,
            per_position=per_position,
        ),
    )


def _wgan_gp(name: str, example_shape: tuple[int, ...], options: Options, *, per_position: bool) -> Networks:
    check_example_shape(name, example_shape, expected=(None, None))
    length, vocabulary = example_shape
    width = options.width or 512
    return assemble(
        name,
        example_shape,
        options,
        latent_dim=128,
        latent_prior="normal",
        output="logits",
        generator=CharacterGenerator(
            length=length,
            vocabulary=vocabulary,
            width=width,
            blocks=5,
            last_kernel=1,
            residual_scale=0.3,
            batch_norm=False,
            initialization=GULRAJANI,
        ),
        discriminator=CharacterDiscriminator(
            width=width,
            blocks=5,
            first_kernel=1,
            residual_scale=0.3,
            block_slope=0.0,
            rectify_last=False,
            initialization=GULRAJANI,
            per_position=per_position,
        ),
    )
