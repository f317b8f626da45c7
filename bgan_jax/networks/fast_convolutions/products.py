"""Convolutions as one matrix product: of views of the input, or, transposed, of the input itself before it is shifted.

XLA's convolutions for CPUs are slow where there are few channels, and where a phase of a transposed one has few taps.
"""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bgan_jax.networks.fast_convolutions.primitive import Edges
from bgan_jax.networks.fast_convolutions.upsampling import interleaved, phases_of, upsampled


def product_conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, edges: Edges, precision: Any = None
) -> jax.Array:
    r"""Computes a strided convolution as the product of what every output position sees with the kernel.

    .. math:: y_t = [x_{st}, x_{st+1}, \dots, x_{st+k-1}] \, [w_0; w_1; \dots; w_{k-1}]

    The views take taps/stride² (in two dimensions) as much memory as the input.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``.
      stride: stride of every spatial axis (static).
      edges: (low, high) zeros around the inputs, one pair per spatial axis (static).
      precision: as in ``jnp.dot`` (static).

    Returns:
      ``[N, *strided, out]``.

    Example:
      >>> product_conv(jnp.ones((1, 8, 8, 3)), jnp.ones((4, 4, 3, 5)), stride=2, edges=((1, 1), (1, 1))).shape
      (1, 4, 4, 5)
    """
    rank = inputs.ndim - 2
    taps = kernel.shape[:rank]
    padded = lax.pad(inputs, jnp.zeros((), inputs.dtype), [(0, 0, 0), *((*edge, 0) for edge in edges), (0, 0, 0)])
    spans = [(n - k) // stride * stride + 1 for n, k in zip(padded.shape[1:-1], taps, strict=True)]

    def view(tap: tuple[int, ...]) -> jax.Array:
        stop = [j + span for j, span in zip(tap, spans, strict=True)]
        return lax.slice(padded, (0, *tap, 0), (len(padded), *stop, padded.shape[-1]), (1, *(stride,) * rank, 1))

    views = jnp.concatenate([view(tap) for tap in itertools.product(*map(range, taps))], axis=-1)
    return jnp.dot(views, kernel.reshape(-1, kernel.shape[-1]), precision=precision)


def product_transposed_conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, edges: Edges, precision: Any = None
) -> jax.Array:
    r"""Computes a transposed convolution as the product of every input with every tap, shifted and added.

    .. math:: y_{sq+r} = \sum_i p_{q+i+o_r,\, j_r+si}, \qquad p_{ij} = x_i w_j

    The products take taps/stride² (in two dimensions) as much memory as the result.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``; not mirrored, as in ``lax.conv_transpose``.
      stride: upsampling factor of every spatial axis (static).
      edges: (low, high) zeros around the dilated input, one pair per spatial axis (static).
      precision: as in ``jnp.dot`` (static).

    Returns:
      ``[N, *upsampled, out]`` with ``upsampled = (length - 1) * stride + 2 + low + high - taps``.

    Example:
      >>> edges = ((2, 2), (2, 2))
      >>> product_transposed_conv(jnp.ones((1, 7, 7, 3)), jnp.ones((4, 4, 3, 5)), stride=2, edges=edges).shape
      (1, 14, 14, 5)
    """
    rank = inputs.ndim - 2
    lengths, taps, features = inputs.shape[1:-1], kernel.shape[:rank], kernel.shape[-1]
    sizes = upsampled(lengths, taps, stride=stride, edges=edges)
    counts = [-(-size // stride) for size in sizes]
    phases = [phases_of(low, stride=stride) for low, _ in edges]
    beside = jnp.moveaxis(kernel, rank, 0).reshape(kernel.shape[rank], -1)
    products = jnp.dot(inputs, beside, precision=precision).reshape(*inputs.shape[:-1], *taps, features)
    zero = jnp.zeros((), products.dtype)

    def part(remainders: tuple[int, ...]) -> jax.Array:
        """Returns the result at one phase of every axis."""
        own = [phases[axis][r] for axis, r in enumerate(remainders)]

        def shifted(steps: tuple[int, ...]) -> jax.Array:
            tap = [phase.first + stride * i for phase, i in zip(own, steps, strict=True)]
            offsets = [phase.offset + i for phase, i in zip(own, steps, strict=True)]
            around = [(-o, o + count - n, 0) for o, count, n in zip(offsets, counts, lengths, strict=True)]
            return lax.pad(products[(*(slice(None),) * (rank + 1), *tap)], zero, [(0, 0, 0), *around, (0, 0, 0)])

        met = [range(-(-(k - phase.first) // stride)) for k, phase in zip(taps, own, strict=True)]
        terms = [shifted(steps) for steps in itertools.product(*met)]
        if not terms:  # fewer taps than phases
            return jnp.zeros((len(inputs), *counts, features), products.dtype)
        return functools.reduce(jnp.add, terms)

    return interleaved(part, stride=stride, sizes=sizes, axes=rank)
