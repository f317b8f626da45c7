"""Networks of adversarial classification: a classifier g(y | x) as the generator, a discriminator of labelled images.

The paper's description is "a simple 4-layer convolutional net with 3 additional fully-connected layers", as recalled;
the widths are ours.
"""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from bgan_jax.networks.convolutions import ConvForm, StridedConv, forms_for
from bgan_jax.networks.dense import Dense, log_ratio_head
from bgan_jax.networks.initialization import HE_NORMAL, Initialization
from bgan_jax.networks.interface import Player, player
from bgan_jax.networks.normalization import BatchNorm


class ClassifierNetworks(NamedTuple):
    """The two players of adversarial classification.

    Attributes:
      gen: images ``[N, height, width, channels]`` -> logits ``[N, num_classes]`` of g(y | x), float32.
      disc: a pair (images ``[N, height, width, channels]``, one-hot labels or probabilities ``[..., N, num_classes]``)
        -> F ``[..., N]``, float32. Leading axes of the labels (M samples, or all classes) cost only the dense layers.
      example_shape: shape of one image.
      num_classes: number of labels.
      baseline: as in ``Networks``; none is learned here.
    """

    gen: Player
    disc: Player
    example_shape: tuple[int, ...]
    num_classes: int
    baseline: Player | None = None


class ConvClassifier(nn.Module):
    """Images to logits of their labels: four convolutions of stride two and three dense layers, batch-normalised.

    Attributes:
      num_classes: number of labels.
      width: maps of the first convolution; they double with each.
      initialization: initial parameters.
      form: form of the convolutions; the same function of the same parameters.
      axis_name: device axis of the batch statistics.
      dtype: dtype of the hidden computation.
    """

    num_classes: int
    width: int = 64
    initialization: Initialization = HE_NORMAL
    form: ConvForm = "conv"
    axis_name: str | None = None
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, height, width, channels]`` to ``[N, num_classes]``, float32."""
        start, hidden = self.initialization, images
        for octave in range(4):
            conv = StridedConv(
                self.width * 2**octave,
                (4, 4),
                form=self.form,
                use_bias=False,
                kernel_init=start.conv_kernel,
                dtype=self.dtype,
            )
            hidden = self._normalized(conv(hidden), train=train)
        hidden = hidden.reshape(hidden.shape[0], -1)
        for units in (16 * self.width, 8 * self.width):
            dense = Dense(units, use_bias=False, kernel_init=start.dense_kernel, dtype=self.dtype)
            hidden = self._normalized(dense(hidden), train=train)
        last = Dense(
            self.num_classes,
            kernel_init=start.dense_kernel,
            bias_init=start.bias(hidden.shape[-1]),
            dtype=jnp.float32,
            precision=jax.lax.Precision.HIGHEST,
        )
        return last(hidden)

    def _normalized(self, hidden: jax.Array, *, train: bool) -> jax.Array:
        norm = BatchNorm(use_running_average=not train, momentum=0.9, axis_name=self.axis_name, dtype=self.dtype)
        return nn.relu(norm(hidden))


class PairDiscriminator(nn.Module):
    """(Image, label) to F: four convolutions of the image, then three dense layers of it and the label side by side.

    The first dense layer of the concatenation is written as the sum of one of the image and one of the label, so that
    many labels share the image's part.

    Attributes:
      width: maps of the first convolution; they double with each.
      spectral_norm: spectral normalisation of every kernel.
      initialization: initial parameters.
      form: form of the convolutions; the same function of the same parameters.
      dtype: dtype of the hidden computation; F is float32 at full precision.
    """

    width: int = 64
    spectral_norm: bool = False
    initialization: Initialization = HE_NORMAL
    form: ConvForm = "conv"
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, images: jax.Array, labels: jax.Array, *, train: bool) -> jax.Array:
        """Maps ``[N, height, width, channels]`` and ``[..., N, num_classes]`` to F, ``[..., N]``, float32."""
        start, hidden = self.initialization, images
        shared: dict[str, Any] = {"spectral_norm": self.spectral_norm, "dtype": self.dtype}
        for octave in range(4):
            conv = StridedConv(
                self.width * 2**octave,
                (4, 4),
                form=self.form,
                kernel_init=start.conv_kernel,
                bias_init=start.bias(16 * hidden.shape[-1]),
                **shared,
            )
            hidden = nn.leaky_relu(conv(hidden, train=train), 0.2)
        features = hidden.reshape(hidden.shape[0], -1)
        fan_in = features.shape[-1] + labels.shape[-1]
        of_image = Dense(
            16 * self.width, kernel_init=start.dense_kernel, bias_init=start.bias(fan_in), name="of_image", **shared
        )(features, train=train)
        of_label = Dense(16 * self.width, use_bias=False, kernel_init=start.dense_kernel, name="of_label", **shared)(
            labels, train=train
        )
        together = jnp.expand_dims(of_image, range(labels.ndim - 2)) + of_label
        hidden = nn.leaky_relu(together, 0.2)
        dense = Dense(8 * self.width, kernel_init=start.dense_kernel, bias_init=start.bias(hidden.shape[-1]), **shared)
        hidden = nn.leaky_relu(dense(hidden, train=train), 0.2)
        head = log_ratio_head(hidden.shape[-1], initialization=start, spectral_norm=self.spectral_norm)
        return head(hidden, train=train)[..., 0]


def build_classifier_networks(
    *,
    example_shape: tuple[int, ...],
    num_classes: int,
    width: int = 64,
    axis_name: str | None = None,
    dtype: Any = jnp.float32,
    spectral_norm: bool = False,
    platform: str = "cpu",
) -> ClassifierNetworks:
    """Builds the two players of adversarial classification.

    Args:
      example_shape: (height, width, channels) of an image; sides are multiples of 16.
      num_classes: number of labels.
      width: maps of the first convolution; dense layers have 16 and 8 times as many units.
      axis_name: device axis of the classifier's batch statistics; ``None`` for one device.
      dtype: dtype of the hidden computation; logits and parameters are float32 whatever it is.
      spectral_norm: spectral normalisation of the discriminator's kernels.
      platform: JAX's name of what the networks will run on, which chooses the forms of their convolutions; as in
        ``build_networks``.

    Returns:
      The networks.

    Raises:
      ValueError: images whose sides are not multiples of 16.

    Example:
      >>> build_classifier_networks(example_shape=(32, 32, 3), num_classes=10).num_classes
      10
    """
    if len(example_shape) != 3 or example_shape[0] % 16 or example_shape[1] % 16:
        raise ValueError(
            f"classifier networks take images whose sides are multiples of 16, [height, width, channels]; "
            f"the data has {tuple(example_shape)}"
        )
    shapes = (tuple(example_shape), (num_classes,))
    forms = forms_for(platform)
    form = forms.strided or "paired"
    classifier = ConvClassifier(num_classes, width=width, form=form, axis_name=axis_name, dtype=dtype)
    discriminator = PairDiscriminator(width=width, spectral_norm=spectral_norm, form=form, dtype=dtype)
    return ClassifierNetworks(
        gen=player(classifier, shapes[0]),
        disc=player(discriminator, *shapes, twice=discriminator.clone(form=forms.twice)),
        example_shape=shapes[0],
        num_classes=num_classes,
    )
