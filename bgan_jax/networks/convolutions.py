"""Convolutional layers, in the form that is fastest for the hardware and the order of differentiation.

Both are the textbook layers: same parameters, same function, another order of the same sums (``fast_convolutions/``).

- :class:`TransposedConv` has exactly the parameters and the output of ``nn.ConvTranspose``, in a form of one's choice:
  the plain primitive, or one that multiplies by no inserted zero and is several times faster on CPU.
- :class:`StridedConv` is a strided convolution in a form of one's choice: the plain primitive, or one whose derivatives
  of every order are cheap on CPU.

Which forms suit a platform is in :func:`forms_for`; nothing here asks what the process runs on.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from bgan_jax.networks.fast_convolutions import (
    paired_conv,
    paired_transposed_conv,
    phase_transposed_conv,
    plain_conv,
    plain_transposed_conv,
)
from bgan_jax.networks.rectifiers import RectifierForm
from bgan_jax.networks.spectral import spectrally_normalized

ConvForm = Literal["conv", "paired"]
CONV_FORMS = {"conv": plain_conv, "paired": paired_conv}
TransposedForm = Literal["dilated", "phases", "paired"]
TRANSPOSED_FORMS = {"dilated": plain_transposed_conv, "phases": phase_transposed_conv, "paired": paired_transposed_conv}
Padding = Literal["SAME", "VALID"] | Sequence[tuple[int, int]]


class Forms(NamedTuple):
    """The forms of a network's convolutions and rectifiers that are fastest on a platform; static.

    Attributes:
      strided: of a discriminator that is differentiated once; ``None`` leaves it as its preset has it.
      twice: of a discriminator that is differentiated twice.
      transposed: of transposed convolutions.
      rectifier: of a discriminator's rectifiers.
    """

    strided: ConvForm | None
    twice: ConvForm
    transposed: TransposedForm
    rectifier: RectifierForm


CPU = Forms(strided=None, twice="paired", transposed="paired", rectifier="select")
#: The compiler's own convolutions. On a TPU, by its compiler's estimate, transposed ones take 0.4 to 0.8 of the time of
#: the phases, which it cannot compile for several seeds at once.
ACCELERATOR = Forms(strided="conv", twice="conv", transposed="dilated", rectifier="sign")


def forms_for(platform: str) -> Forms:
    """Returns the forms that suit a platform, by JAX's name of it.

    Example:
      >>> forms_for("cpu").transposed, forms_for("tpu").transposed
      ('paired', 'dilated')
    """
    return CPU if platform == "cpu" else ACCELERATOR


def transposed_conv(form: TransposedForm) -> Callable[..., jax.Array]:
    """Returns the function that computes transposed convolutions in a form.

    Raises:
      ValueError: there is no such form.
    """
    if form not in TRANSPOSED_FORMS:
        raise ValueError(f"unknown form of transposed convolution {form!r}; legal: {', '.join(TRANSPOSED_FORMS)}")
    return TRANSPOSED_FORMS[form]


def strided_conv(form: ConvForm) -> Callable[..., jax.Array]:
    """Returns the function that computes strided convolutions in a form.

    Raises:
      ValueError: there is no such form.
    """
    check_form(form)
    return CONV_FORMS[form]


def check_form(form: str) -> None:
    """Raises ``ValueError`` for a form of convolutions that does not exist."""
    if form not in CONV_FORMS:
        raise ValueError(f"unknown form of convolution {form!r}; legal: {', '.join(CONV_FORMS)}")


class TransposedConv(nn.Module):
    """Transposed convolution with the parameters and the function of ``nn.ConvTranspose``.

    Attributes:
      features: output channels.
      kernel_size: taps per spatial axis; its length is the number of spatial axes.
      stride: upsampling factor of every spatial axis.
      padding: as in ``nn.ConvTranspose``: ``"SAME"``, ``"VALID"``, or (low, high) zeros around the dilated input per
        axis. PyTorch's ``padding=p, output_padding=o`` is ``(k - 1 - p, k - 1 - p + o)``, with the kernel mirrored.
      use_bias: whether a bias is added.
      kernel_init: initialiser of the kernel ``[*kernel_size, in, features]``.
      bias_init: initialiser of the bias ``[features]``.
      form: ``"paired"`` (mostly a matrix product, with derivatives of every order that are cheap on CPU; reverse mode
        only), ``"phases"`` (ordinary convolutions) or ``"dilated"`` (XLA's own); the same function of the same
        parameters.
      dtype: dtype of the computation; parameters are float32.
      precision: as in ``lax.conv_general_dilated``.
    """

    features: int
    kernel_size: tuple[int, ...]
    stride: int = 2
    padding: Padding = "SAME"
    form: TransposedForm = "paired"
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    precision: Any = None

    @nn.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Maps ``[N, *spatial, in]`` to ``[N, *upsampled, features]``."""
        _check_rank(inputs, self.kernel_size)
        shape = (*self.kernel_size, inputs.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32) if self.use_bias else None
        inputs, kernel, bias = promote_dtype(inputs, kernel, bias, dtype=self.dtype)
        edges = tuple(_edges(self.padding, axis, size, self.stride) for axis, size in enumerate(self.kernel_size))
        conv = transposed_conv(self.form)
        result = conv(inputs, kernel, stride=self.stride, edges=edges, precision=self.precision)
        return result if bias is None else result + jnp.expand_dims(bias, range(inputs.ndim - 1))


class StridedConv(nn.Module):
    """Convolution with symmetric zero padding, in a form chosen by what will be differentiated.

    Output length per axis: ``(length + 2 * padding - kernel) // stride + 1``, PyTorch's convention. The parameters are
    those of ``nn.Conv``.

    Attributes:
      features: output channels.
      kernel_size: taps per spatial axis; its length is the number of spatial axes.
      stride: stride of every spatial axis.
      padding: zeros added on both sides of every spatial axis.
      form: ``"conv"`` (XLA's own) or ``"paired"`` (cheap derivatives of every order on CPU, reverse mode only); the
        same function of the same parameters.
      spectral_norm: divide the kernel by its largest singular value (a running estimate in ``batch_stats``).
      use_bias: whether a bias is added.
      kernel_init: initialiser of the kernel ``[*kernel_size, in, features]``.
      bias_init: initialiser of the bias ``[features]``.
      dtype: dtype of the computation; parameters are float32.
      precision: as in ``lax.conv_general_dilated``.
    """

    features: int
    kernel_size: tuple[int, ...]
    stride: int = 2
    padding: int = 1
    form: ConvForm = "conv"
    spectral_norm: bool = False
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    precision: Any = None

    @nn.compact
    def __call__(self, inputs: jax.Array, *, train: bool = False) -> jax.Array:
        """Maps ``[N, *spatial, in]`` to ``[N, *strided, features]``; only spectral normalisation uses ``train``."""
        _check_rank(inputs, self.kernel_size)
        conv = strided_conv(self.form)
        shape = (*self.kernel_size, inputs.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        if self.spectral_norm:
            kernel = spectrally_normalized(self, kernel, update=train)
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32) if self.use_bias else None
        inputs, kernel, bias = promote_dtype(inputs, kernel, bias, dtype=self.dtype)
        result = conv(inputs, kernel, stride=self.stride, padding=self.padding, precision=self.precision)
        return result if bias is None else result + jnp.expand_dims(bias, range(inputs.ndim - 1))


def _check_rank(inputs: jax.Array, kernel_size: tuple[int, ...]) -> None:
    if inputs.ndim != len(kernel_size) + 2:
        raise ValueError(
            f"a convolution with kernel {kernel_size} takes [N, {len(kernel_size)} spatial axes, channels]; "
            f"got {inputs.shape}"
        )


def _edges(padding: Padding, axis: int, size: int, stride: int) -> tuple[int, int]:
    """Returns (low, high) zeros around the dilated input, by ``lax.conv_transpose``'s rule."""
    if padding == "SAME":
        total = size + stride - 2
        low = size - 1 if stride > size - 1 else math.ceil(total / 2)
        return low, total - low
    if padding == "VALID":
        return size - 1, size + stride - 2 + max(size - stride, 0) - (size - 1)
    if isinstance(padding, str):
        raise ValueError(f"unknown padding {padding!r}; legal: SAME, VALID, or one (low, high) pair per axis")
    low, high = padding[axis]
    return low, high
