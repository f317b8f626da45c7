"""XLA's own convolution, with axes in one order."""

from typing import Any

import jax
from jax import lax

Edges = tuple[tuple[int, int], ...]


def plain_conv(inputs: jax.Array, kernel: jax.Array, *, stride: int, padding: int, precision: Any = None) -> jax.Array:
    """Computes a strided convolution with symmetric zero padding, as XLA's own primitive.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``.
      stride: stride of every spatial axis (static).
      padding: zeros on both sides of every spatial axis (static).
      precision: as in ``lax.conv_general_dilated`` (static).

    Returns:
      ``[N, *strided, out]`` with ``strided = (length + 2 * padding - taps) // stride + 1``.

    Example:
      >>> plain_conv(jax.numpy.ones((1, 8, 8, 3)), jax.numpy.ones((4, 4, 3, 5)), stride=2, padding=1).shape
      (1, 4, 4, 5)
    """
    rank = inputs.ndim - 2
    return convolve(inputs, kernel, stride=stride, edges=((padding, padding),) * rank, precision=precision)


def plain_transposed_conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, edges: Edges, precision: Any = None
) -> jax.Array:
    """Computes a transposed convolution as XLA's own primitive, a convolution of inputs with zeros between them.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``; not mirrored, as in ``lax.conv_transpose``.
      stride: upsampling factor of every spatial axis (static).
      edges: (low, high) zeros around the dilated input, one pair per spatial axis (static).
      precision: as in ``lax.conv_general_dilated`` (static).

    Returns:
      ``[N, *upsampled, out]`` with ``upsampled = (length - 1) * stride + 2 + low + high - taps``.

    Example:
      >>> ones, edges = jax.numpy.ones, ((2, 2), (2, 2))
      >>> plain_transposed_conv(ones((1, 7, 7, 3)), ones((4, 4, 3, 5)), stride=2, edges=edges).shape
      (1, 14, 14, 5)
    """
    return convolve(inputs, kernel, stride=1, edges=edges, precision=precision, spread=stride)


def convolve(
    inputs: jax.Array,
    kernel: jax.Array,
    *,
    stride: int,
    edges: Edges,
    precision: Any = None,
    dilation: int = 1,
    spread: int = 1,
) -> jax.Array:
    """Convolves ``[N, *spatial, in]`` with ``[*taps, in, out]``.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``.
      stride: stride of every spatial axis (static).
      edges: (low, high) zeros around the inputs, one pair per spatial axis (static).
      precision: as in ``lax.conv_general_dilated`` (static).
      dilation: distance of the taps on every spatial axis (static).
      spread: distance of the inputs on every spatial axis, zeros between them (static).

    Returns:
      ``[N, *strided, out]``.
    """
    rank = inputs.ndim - 2
    data = (0, rank + 1, *range(1, rank + 1))
    return lax.conv_general_dilated(
        inputs,
        kernel,
        (stride,) * rank,
        edges,
        lhs_dilation=(spread,) * rank,
        rhs_dilation=(dilation,) * rank,
        dimension_numbers=lax.ConvDimensionNumbers(data, (rank + 1, rank, *range(rank)), data),
        precision=precision,
    )
