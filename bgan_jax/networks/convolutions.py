"""Convolutions written in the form that the hardware and the order of differentiation like best.

Both layers are the textbook layers: same parameters, same function, another order of the same sums.

- :class:`TransposedConv` has exactly the parameters and the output of ``nn.ConvTranspose`` but is computed as one
  ordinary convolution followed by slices, one per output phase. XLA's CPU code for the weight gradient of a dilated
  convolution is four to six times slower than that.
- :class:`StridedConv` is a strided convolution in two forms of one function: ``"conv"`` (the plain primitive, best for
  forward and first-order passes) and ``"patches"`` (shifted views and one matrix product, whose *second* derivative is
  about four times cheaper on CPU, and which is safe inside ``lax.scan`` there).
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax import lax

from bgan_jax.networks.spectral import spectrally_normalized

ConvForm = Literal["conv", "patches"]
CONV_FORMS: tuple[str, ...] = ("conv", "patches")
Padding = Literal["SAME", "VALID"] | Sequence[tuple[int, int]]


def double_backward_form() -> ConvForm:
    """The form of a discriminator's convolutions that is cheapest to differentiate twice on the default backend.

    The backend is looked up when this is called, never at import.

    Returns:
      ``"patches"`` on CPU, ``"conv"`` elsewhere.

    Example:
      >>> double_backward_form() in ("conv", "patches")
      True
    """
    return "patches" if jax.default_backend() == "cpu" else "conv"


class TransposedConv(nn.Module):
    r"""Transposed convolution as one ordinary convolution and phase slices; the parameters of ``nn.ConvTranspose``.

    With stride s and low padding a, output position t = s q + r only meets the kernel's taps j with j = a - r (mod s):

    .. math:: y_{sq+r} = \sum_i x_{q+i+o_r}\, w_{j_r+si}, \qquad j_r = (a-r) \bmod s, \quad o_r = (r+j_r-a)/s

    Every phase is therefore a short ordinary convolution, and the phases of all axes are the output channels of one
    convolution with kernel ceil(k / s): phase r of the output is its channel block j_r, read from offset o_r on.

    Attributes:
      features: output channels.
      kernel_size: taps per spatial axis; its length is the number of spatial axes.
      stride: upsampling factor of every spatial axis.
      padding: as in ``nn.ConvTranspose``: ``"SAME"``, ``"VALID"``, or (low, high) zeros around the dilated input per
        axis. PyTorch's ``padding=p, output_padding=o`` is ``(k - 1 - p, k - 1 - p + o)`` (with the kernel mirrored).
      use_bias: whether a bias is added.
      kernel_init: initialiser of the kernel ``[*kernel_size, in, features]``.
      bias_init: initialiser of the bias ``[features]``.
      dtype: dtype of the computation; parameters are float32.
      precision: as in ``lax.conv_general_dilated``.
    """

    features: int
    kernel_size: tuple[int, ...]
    stride: int = 2
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: nn.initializers.Initializer = nn.initializers.lecun_normal()
    bias_init: nn.initializers.Initializer = nn.initializers.zeros_init()
    dtype: Any = None
    precision: Any = None

    @nn.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Maps ``[N, *spatial, in]`` to ``[N, *upsampled, features]``."""
        _check_rank(inputs, self.kernel_size)
        kernel = self.param(
            "kernel", self.kernel_init, (*self.kernel_size, inputs.shape[-1], self.features), jnp.float32
        )
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32) if self.use_bias else None
        inputs, kernel, bias = promote_dtype(inputs, kernel, bias, dtype=self.dtype)
        result = _transposed_conv(inputs, kernel, stride=self.stride, padding=self.padding, precision=self.precision)
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
      form: ``"conv"`` or ``"patches"``; the same function of the same parameters.
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
        """Maps ``[N, *spatial, in]`` to ``[N, *strided, features]``; only spectral normalisation heeds ``train``."""
        _check_rank(inputs, self.kernel_size)
        if self.form not in CONV_FORMS:
            raise ValueError(f"unknown form of convolution {self.form!r}; legal: {', '.join(CONV_FORMS)}")
        kernel = self.param(
            "kernel", self.kernel_init, (*self.kernel_size, inputs.shape[-1], self.features), jnp.float32
        )
        if self.spectral_norm:
            kernel = spectrally_normalized(self, kernel, update=train)
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32) if self.use_bias else None
        inputs, kernel, bias = promote_dtype(inputs, kernel, bias, dtype=self.dtype)
        convolve = _conv_of_patches if self.form == "patches" else _plain_conv
        result = convolve(inputs, kernel, stride=self.stride, padding=self.padding, precision=self.precision)
        return result if bias is None else result + jnp.expand_dims(bias, range(inputs.ndim - 1))


def _check_rank(inputs: jax.Array, kernel_size: tuple[int, ...]) -> None:
    if inputs.ndim != len(kernel_size) + 2:
        raise ValueError(
            f"a convolution with kernel {kernel_size} takes [N, {len(kernel_size)} spatial axes, channels]; "
            f"got {inputs.shape}"
        )


def _dimension_numbers(spatial_rank: int) -> lax.ConvDimensionNumbers:
    """Channels-last data, kernel ``[*spatial, in, out]``."""
    data = (0, spatial_rank + 1, *range(1, spatial_rank + 1))
    kernel = (spatial_rank + 1, spatial_rank, *range(spatial_rank))
    return lax.ConvDimensionNumbers(data, kernel, data)


def _plain_conv(inputs: jax.Array, kernel: jax.Array, *, stride: int, padding: int, precision: Any) -> jax.Array:
    rank = inputs.ndim - 2
    return lax.conv_general_dilated(
        inputs,
        kernel,
        (stride,) * rank,
        [(padding, padding)] * rank,
        dimension_numbers=_dimension_numbers(rank),
        precision=precision,
    )


def _kernel_in_blocks(kernel: jax.Array, stride: int) -> jax.Array:
    """``[*k, in, out]`` to ``[*ceil(k / s), *s, in, out]``: tap s i + j of an axis goes to (i, j), zeros to the rest."""
    rank = kernel.ndim - 2
    taps = [-(-size // stride) for size in kernel.shape[:rank]]
    padded = jnp.pad(
        kernel, [(0, t * stride - size) for t, size in zip(taps, kernel.shape, strict=False)] + [(0, 0)] * 2
    )
    split = padded.reshape(*itertools.chain.from_iterable((t, stride) for t in taps), *kernel.shape[rank:])
    order = (*range(0, 2 * rank, 2), *range(1, 2 * rank, 2), 2 * rank, 2 * rank + 1)
    return split.transpose(order)


def _conv_of_patches(inputs: jax.Array, kernel: jax.Array, *, stride: int, padding: int, precision: Any) -> jax.Array:
    """The same convolution by space-to-depth, ceil(k / s) shifted views per axis, and one matrix product."""
    rank = inputs.ndim - 2
    batch, *lengths, channels = inputs.shape
    taps = [-(-size // stride) for size in kernel.shape[:rank]]
    sizes = [(n + 2 * padding - k) // stride + 1 for n, k in zip(lengths, kernel.shape, strict=False)]
    blocks = [q + t - 1 for q, t in zip(sizes, taps, strict=True)]
    edges = [(padding, stride * b - n - padding, 0) for b, n in zip(blocks, lengths, strict=True)]
    padded = lax.pad(inputs, jnp.zeros((), inputs.dtype), [(0, 0, 0), *edges, (0, 0, 0)])
    split = padded.reshape(batch, *itertools.chain.from_iterable((b, stride) for b in blocks), channels)
    order = (0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
    depth = split.transpose(order).reshape(batch, *blocks, stride**rank * channels)
    views = []
    for offset in itertools.product(*map(range, taps)):
        stop = [i + q for i, q in zip(offset, sizes, strict=True)]
        views.append(lax.slice(depth, (0, *offset, 0), (batch, *stop, depth.shape[-1])))
    patches = jnp.concatenate(views, axis=-1)
    matrix = _kernel_in_blocks(kernel, stride).reshape(patches.shape[-1], kernel.shape[-1])
    return jnp.dot(patches, matrix, precision=precision)


def _transposed_conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, padding: Padding, precision: Any
) -> jax.Array:
    rank = inputs.ndim - 2
    batch, *lengths, channels = inputs.shape
    features = kernel.shape[-1]
    edges = [_edges(padding, axis, size, stride) for axis, size in enumerate(kernel.shape[:rank])]
    taps = [-(-size // stride) for size in kernel.shape[:rank]]
    sizes = [(n - 1) * stride + 2 + a + b - k for n, (a, b), k in zip(lengths, edges, kernel.shape, strict=False)]
    blocks = [[(a - r) % stride for r in range(stride)] for a, _ in edges]
    offsets = [
        [(r + j - a) // stride for r, j in enumerate(per_phase)]
        for (a, _), per_phase in zip(edges, blocks, strict=True)
    ]
    phase_sizes = [-(-size // stride) for size in sizes]
    around = [(-min(o), max(o) + q + t - 1 - n) for o, q, t, n in zip(offsets, phase_sizes, taps, lengths, strict=True)]
    in_blocks = _kernel_in_blocks(kernel, stride)  # [*taps, *phase, in, out] -> [*taps, in, *phase, out]
    in_blocks = jnp.moveaxis(in_blocks, 2 * rank, rank)
    phases = lax.conv_general_dilated(
        inputs,
        in_blocks.reshape(*taps, channels, stride**rank * features),
        (1,) * rank,
        around,
        dimension_numbers=_dimension_numbers(rank),
        precision=precision,
    )
    phases = phases.reshape(*phases.shape[:-1], *(stride,) * rank, features)
    for axis in range(rank):
        # Axis by axis: the phase's block, from its offset on, then interleave. The phase axis of this spatial axis is
        # the first one left, because every earlier one has been merged into its spatial axis.
        start = [o - min(offsets[axis]) for o in offsets[axis]]
        slices = [
            lax.slice_in_dim(
                lax.index_in_dim(phases, blocks[axis][r], axis=rank + 1, keepdims=False),
                start[r],
                start[r] + phase_sizes[axis],
                axis=axis + 1,
            )
            for r in range(stride)
        ]
        stacked = jnp.stack(slices, axis=axis + 2)
        merged = stacked.reshape(*stacked.shape[: axis + 1], phase_sizes[axis] * stride, *stacked.shape[axis + 3 :])
        phases = lax.slice_in_dim(merged, 0, sizes[axis], axis=axis + 1)
    return phases


def _edges(padding: Padding, axis: int, size: int, stride: int) -> tuple[int, int]:
    """(low, high) zeros around the dilated input, by ``lax.conv_transpose``'s rule."""
    if padding == "SAME":
        total = size + stride - 2
        low = size - 1 if stride > size - 1 else math.ceil(total / 2)
        return low, total - low
    if padding == "VALID":
        return size - 1, size + stride - 2 + max(size - stride, 0) - (size - 1)
    if isinstance(padding, str):
        raise ValueError(f"unknown padding {padding!r}; legal: SAME, VALID, or one (low, high) pair per axis")
    return tuple(padding[axis])  # type: ignore[return-value]
