r"""One convolution, several orders of the same sums.

A strided convolution is linear in the input x and in the kernel w. With a cotangent v it spans one trilinear form,

.. math:: \Phi(v, x, w) = \langle v, C(x, w) \rangle = \langle T(v, w), x \rangle = \langle W(x, v), w \rangle,

whose three bilinear maps are the convolution C, the transposed convolution T and the kernel gradient W. The
derivative of any of them is another of them, so the family is closed under differentiation of any order.
:func:`paired_conv` and :func:`paired_transposed_conv` differentiate by that rule, with T always computed by phases and
W as a convolution whose axes lie where XLA's fast code for CPUs looks for them. Left to itself, the compiler meets
dilated inputs and turned axes that this code does not take: second derivatives then are two to thirty times slower,
and a kernel's gradient inside a compiled loop a hundred times.

Everything here is channels last: inputs ``[N, *spatial, in]``, kernels ``[*spatial, in, out]``.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

Edges = tuple[tuple[int, int], ...]


def plain_conv(inputs: jax.Array, kernel: jax.Array, *, stride: int, padding: int, precision: Any = None) -> jax.Array:
    """Strided convolution with symmetric zero padding, as XLA's own primitive.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``.
      stride: stride of every spatial axis (static).
      padding: zeros on both sides of every spatial axis (static).
      precision: as in ``lax.conv_general_dilated`` (static).

    Returns:
      ``[N, *strided, out]`` with ``strided = (length + 2 * padding - taps) // stride + 1``.

    Example:
      >>> plain_conv(jnp.ones((1, 8, 8, 3)), jnp.ones((4, 4, 3, 5)), stride=2, padding=1).shape
      (1, 4, 4, 5)
    """
    rank = inputs.ndim - 2
    return _conv(inputs, kernel, stride=stride, edges=((padding, padding),) * rank, precision=precision)


def patches_conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, padding: int, precision: Any = None
) -> jax.Array:
    """The function of :func:`plain_conv` as space-to-depth, shifted views and matrix products.

    Views along the last axis lie side by side and meet the kernel in one product; products of the other axes' offsets
    are added. So the views take as little memory as the last axis needs. Slices and products only, and
    derivatives of every kind; it trains inside ``lax.scan`` on CPU, as :func:`paired_conv` does.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``.
      stride: stride of every spatial axis (static).
      padding: zeros on both sides of every spatial axis (static).
      precision: as in ``jnp.dot`` (static).

    Returns:
      ``[N, *strided, out]``.

    Example:
      >>> patches_conv(jnp.ones((1, 8, 8, 3)), jnp.ones((4, 4, 3, 5)), stride=2, padding=1).shape
      (1, 4, 4, 5)
    """
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
    beside = [lax.slice_in_dim(depth, offset, offset + sizes[-1], axis=rank) for offset in range(taps[-1])]
    views = jnp.concatenate(beside, axis=-1)
    blocked = _kernel_in_blocks(kernel, stride).reshape(*taps[:-1], views.shape[-1], kernel.shape[-1])

    def product(place: tuple[int, ...]) -> jax.Array:
        stop = [i + q for i, q in zip(place, sizes[:-1], strict=True)]
        view = lax.slice(views, (0, *place, 0, 0), (batch, *stop, *views.shape[rank:]))
        return jnp.dot(view, blocked[place], precision=precision)

    return functools.reduce(jnp.add, map(product, itertools.product(*map(range, taps[:-1]))))


def paired_conv(inputs: jax.Array, kernel: jax.Array, *, stride: int, padding: int, precision: Any = None) -> jax.Array:
    """The function of :func:`plain_conv` with cheap derivatives of every order (reverse mode only).

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``.
      stride: stride of every spatial axis (static).
      padding: zeros on both sides of every spatial axis (static).
      precision: as in ``lax.conv_general_dilated`` (static).

    Returns:
      ``[N, *strided, out]``.

    Example:
      >>> paired_conv(jnp.ones((1, 8, 8, 3)), jnp.ones((4, 4, 3, 5)), stride=2, padding=1).shape
      (1, 4, 4, 5)
    """
    rank = inputs.ndim - 2
    shapes = (inputs.shape[1:-1], kernel.shape[:rank])
    return _paired_forward(stride, ((padding, padding),) * rank, precision, shapes, inputs, kernel)


def paired_transposed_conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, edges: Edges, precision: Any = None
) -> jax.Array:
    """The function of :func:`phase_transposed_conv` with cheap derivatives of every order (reverse mode only).

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``; not mirrored, as in ``lax.conv_transpose``.
      stride: upsampling factor of every spatial axis (static).
      edges: (low, high) zeros around the dilated input, one pair per spatial axis (static).
      precision: as in ``lax.conv_general_dilated`` (static).

    Returns:
      ``[N, *upsampled, out]``.

    Example:
      >>> paired_transposed_conv(jnp.ones((1, 7, 7, 3)), jnp.ones((4, 4, 3, 5)), stride=2, edges=((2, 2), (2, 2))).shape
      (1, 14, 14, 5)
    """
    rank = inputs.ndim - 2
    taps = kernel.shape[:rank]
    # The convolution that this is the transpose of: from the upsampled grid to the inputs', with the kernel turned.
    around = tuple((k - 1 - low, k - 1 - high) for k, (low, high) in zip(taps, edges, strict=True))
    turned = jnp.flip(kernel, range(rank)).swapaxes(-1, -2)
    lengths = _upsampled(inputs.shape[1:-1], taps, stride=stride, edges=edges)
    return _paired_transposed(stride, around, precision, (lengths, taps), inputs, turned)


def phase_transposed_conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, edges: Edges, precision: Any = None
) -> jax.Array:
    r"""Transposed convolution (``lax.conv_transpose``) as short ordinary convolutions, one for every output phase.

    With stride s and low edge a, output position t = s q + r only meets the kernel's taps j with j = a - r (mod s):

    .. math:: y_{sq+r} = \sum_i x_{q+i+o_r}\, w_{j_r+si}, \qquad j_r = (a-r) \bmod s, \quad o_r = (r+j_r-a)/s

    The phases of the last axis share one convolution, each with output channels of its own, and are shifted into place
    after it: with more channels the same arithmetic runs faster, and interleaving is a reshape. No multiplication by an
    inserted zero is made (only by the zero that fills a phase of fewer taps), and every derivative is again an ordinary
    convolution.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``; not mirrored, as in ``lax.conv_transpose``.
      stride: upsampling factor of every spatial axis (static).
      edges: (low, high) zeros around the dilated input, one pair per spatial axis (static).
      precision: as in ``lax.conv_general_dilated`` (static).

    Returns:
      ``[N, *upsampled, out]`` with ``upsampled = (length - 1) * stride + 2 + low + high - taps``.

    Example:
      >>> phase_transposed_conv(jnp.ones((1, 7, 7, 3)), jnp.ones((4, 4, 3, 5)), stride=2, edges=((2, 2), (2, 2))).shape
      (1, 14, 14, 5)
    """
    rank = inputs.ndim - 2
    lengths, taps = inputs.shape[1:-1], kernel.shape[:rank]
    sizes = _upsampled(lengths, taps, stride=stride, edges=edges)
    counts = [-(-size // stride) for size in sizes]
    # By axis and phase: the first tap that it meets, and the offset of the input that this tap lies on.
    firsts = [[(low - r) % stride for r in range(stride)] for low, _ in edges]
    offsets = [
        [(r + j - low) // stride for r, j in enumerate(first)] for first, (low, _) in zip(firsts, edges, strict=True)
    ]

    def row(remainders: tuple[int, ...]) -> jax.Array:
        """All phases of the last axis, interleaved, at one phase of each of the others."""
        part = kernel[tuple(slice(firsts[axis][r], None, stride) for axis, r in enumerate(remainders))]
        if 0 in part.shape:  # fewer taps than phases
            shape = (inputs.shape[0], *counts[:-1], stride * counts[-1], kernel.shape[-1])
            return jnp.zeros(shape, jnp.result_type(inputs, kernel))
        around = [
            (-offsets[axis][r], offsets[axis][r] + counts[axis] + part.shape[axis] - 1 - lengths[axis])
            for axis, r in enumerate(remainders)
        ]
        return _phases_of_last_axis(
            inputs, part, stride=stride, firsts=firsts[-1], offsets=offsets[-1], count=counts[-1], around=around,
            precision=precision,
        )  # fmt: skip

    def interleaved(remainders: tuple[int, ...]) -> jax.Array:
        axis = len(remainders)
        if axis == rank - 1:
            return lax.slice_in_dim(row(remainders), 0, sizes[-1], axis=rank)
        stacked = jnp.stack([interleaved((*remainders, r)) for r in range(stride)], axis=axis + 2)
        merged = stacked.reshape(*stacked.shape[: axis + 1], stride * counts[axis], *stacked.shape[axis + 3 :])
        return lax.slice_in_dim(merged, 0, sizes[axis], axis=axis + 1)

    return interleaved(())


def _phases_of_last_axis(
    inputs: jax.Array,
    kernel: jax.Array,
    *,
    stride: int,
    firsts: list[int],
    offsets: list[int],
    count: int,
    around: list[tuple[int, int]],
    precision: Any,
) -> jax.Array:
    """The last axis's phases in one convolution, channels of each beside the other's; shifted into place, interleaved.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``; strided already along all axes but the last.
      stride: number of phases.
      firsts: of every phase, the first tap that it meets.
      offsets: of every phase, the offset of the input that this tap lies on.
      count: results of every phase along the last axis.
      around: zeros around the other axes.
      precision: as in ``lax.conv_general_dilated``.

    Returns:
      ``[N, *others, stride * count, out]``.
    """
    axis, features, lowest = inputs.ndim - 3, kernel.shape[-1], min(offsets)
    taps = -(-kernel.shape[axis] // stride)

    def filled(first: int) -> jax.Array:
        own = kernel[(*(slice(None),) * axis, slice(first, None, stride))]
        return jnp.pad(own, [(0, taps - size if place == axis else 0) for place, size in enumerate(own.shape)])

    beside = jnp.concatenate([filled(first) for first in firsts], axis=-1)
    high = max(offsets) + count + taps - 1 - inputs.shape[axis + 1]
    edges = (*around, (-lowest, high))
    joined = _conv(inputs, beside, stride=1, edges=edges, precision=precision)
    in_place = [
        lax.slice_in_dim(joined[..., r * features : (r + 1) * features], o - lowest, o - lowest + count, axis=axis + 1)
        for r, o in enumerate(offsets)
    ]
    return jnp.concatenate(in_place, axis=-1).reshape(*joined.shape[: axis + 1], stride * count, features)


def _upsampled(lengths: Sequence[int], taps: Sequence[int], *, stride: int, edges: Edges) -> tuple[int, ...]:
    return tuple((n - 1) * stride + 2 + low + high - k for n, (low, high), k in zip(lengths, edges, taps, strict=True))


def _conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, edges: Edges, precision: Any, dilation: int = 1
) -> jax.Array:
    rank = inputs.ndim - 2
    data = (0, rank + 1, *range(1, rank + 1))
    return lax.conv_general_dilated(
        inputs,
        kernel,
        (stride,) * rank,
        edges,
        rhs_dilation=(dilation,) * rank,
        dimension_numbers=lax.ConvDimensionNumbers(data, (rank + 1, rank, *range(rank)), data),
        precision=precision,
    )


def _kernel_in_blocks(kernel: jax.Array, stride: int) -> jax.Array:
    """``[*k, in, out]`` to ``[*ceil(k / s), *s, in, out]``: tap s i + j of an axis goes to (i, j); zero-padded."""
    rank = kernel.ndim - 2
    taps = [-(-size // stride) for size in kernel.shape[:rank]]
    ends = [t * stride - size for t, size in zip(taps, kernel.shape, strict=False)]
    padded = jnp.pad(kernel, [*((0, end) for end in ends), (0, 0), (0, 0)])
    split = padded.reshape(*itertools.chain.from_iterable((t, stride) for t in taps), *kernel.shape[rank:])
    order = (*range(0, 2 * rank, 2), *range(1, 2 * rank, 2), 2 * rank, 2 * rank + 1)
    return split.transpose(order)


# The closed family. ``shapes`` holds the lengths of x and the taps of w, which T and W cannot read off their arguments.


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2, 3))
def _paired_forward(stride, edges, precision, shapes, inputs, kernel):
    return _conv(inputs, kernel, stride=stride, edges=edges, precision=precision)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2, 3))
def _paired_transposed(stride, edges, precision, shapes, cotangent, kernel):
    lengths, taps = shapes
    mirrored = jnp.flip(kernel, range(len(taps))).swapaxes(-1, -2)
    lows = [k - 1 - low for k, (low, _) in zip(taps, edges, strict=True)]
    highs = [
        n + k - 2 - (q - 1) * stride - low
        for n, k, q, low in zip(lengths, taps, cotangent.shape[1:-1], lows, strict=True)
    ]
    around = tuple(zip(lows, highs, strict=True))
    return phase_transposed_conv(cotangent, mirrored, stride=stride, edges=around, precision=precision)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2, 3))
def _paired_kernel(stride, edges, precision, shapes, inputs, cotangent):
    # A convolution of the inputs by the cotangents, spread by the stride, with examples in the place of channels. The
    # axes are moved by hand: the transpose that JAX would write leaves them where the compiler finds no fast code.
    lengths, taps = shapes
    around = []
    for axis, (n, k, (low, _), q) in enumerate(zip(lengths, taps, edges, cotangent.shape[1:-1], strict=True), start=1):
        high = k + (q - 1) * stride - n - low
        if high < 0:  # the last inputs meet no tap
            inputs = lax.slice_in_dim(inputs, 0, n + high, axis=axis)
        around.append((low, max(high, 0)))
    turned, taps_of_it = inputs.swapaxes(0, -1), jnp.moveaxis(cotangent, 0, -2)
    gradient = _conv(turned, taps_of_it, stride=1, edges=tuple(around), precision=precision, dilation=stride)
    return jnp.moveaxis(gradient, 0, -2)


def _save(function):
    def forward(stride, edges, precision, shapes, left, right):
        return function(stride, edges, precision, shapes, left, right), (left, right)

    return forward


def _forward_vjp(stride, edges, precision, shapes, saved, cotangent):
    inputs, kernel = saved
    static = (stride, edges, precision, shapes)
    return _paired_transposed(*static, cotangent, kernel), _paired_kernel(*static, inputs, cotangent)


def _transposed_vjp(stride, edges, precision, shapes, saved, inputs):
    cotangent, kernel = saved
    static = (stride, edges, precision, shapes)
    return _paired_forward(*static, inputs, kernel), _paired_kernel(*static, inputs, cotangent)


def _kernel_vjp(stride, edges, precision, shapes, saved, kernel):
    inputs, cotangent = saved
    static = (stride, edges, precision, shapes)
    return _paired_transposed(*static, cotangent, kernel), _paired_forward(*static, inputs, kernel)


_paired_forward.defvjp(_save(_paired_forward), _forward_vjp)
_paired_transposed.defvjp(_save(_paired_transposed), _transposed_vjp)
_paired_kernel.defvjp(_save(_paired_kernel), _kernel_vjp)
