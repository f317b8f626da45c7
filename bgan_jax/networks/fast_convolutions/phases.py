"""Transposed convolution as short ordinary convolutions, one for every phase of the output."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from bgan_jax.networks.fast_convolutions.primitive import Edges, convolve
from bgan_jax.networks.fast_convolutions.upsampling import Phase, interleaved, phases_of, upsampled


def phase_transposed_conv(
    inputs: jax.Array, kernel: jax.Array, *, stride: int, edges: Edges, precision: Any = None
) -> jax.Array:
    """Computes a transposed convolution (``lax.conv_transpose``) as short ordinary ones, one for every output phase.

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
    lengths = inputs.shape[1:-1]
    sizes = upsampled(lengths, kernel.shape[:rank], stride=stride, edges=edges)
    counts = [-(-size // stride) for size in sizes]
    phases = [phases_of(low, stride=stride) for low, _ in edges]

    def row(remainders: tuple[int, ...]) -> jax.Array:
        """Returns all phases of the last axis, interleaved, at one phase of each of the others."""
        of_others = [phases[axis][r] for axis, r in enumerate(remainders)]
        part = kernel[tuple(slice(phase.first, None, stride) for phase in of_others)]
        if 0 in part.shape:  # fewer taps than phases
            shape = (inputs.shape[0], *counts[:-1], sizes[-1], kernel.shape[-1])
            return jnp.zeros(shape, jnp.result_type(inputs, kernel))
        around = [
            (-phase.offset, phase.offset + counts[axis] + part.shape[axis] - 1 - lengths[axis])
            for axis, phase in enumerate(of_others)
        ]
        joined = _phases_of_last_axis(inputs, part, phases[-1], count=counts[-1], around=around, precision=precision)
        return lax.slice_in_dim(joined, 0, sizes[-1], axis=rank)

    return interleaved(row, stride=stride, sizes=sizes, axes=rank - 1)


def _phases_of_last_axis(
    inputs: jax.Array,
    kernel: jax.Array,
    phases: Sequence[Phase],
    *,
    count: int,
    around: Sequence[tuple[int, int]],
    precision: Any,
) -> jax.Array:
    """Computes the last axis's phases in one convolution, with the phases as channels, shifts and interleaves them.

    Args:
      inputs: ``[N, *spatial, in]``.
      kernel: ``[*taps, in, out]``; strided already along all axes but the last.
      phases: of the last axis.
      count: results of every phase along it.
      around: zeros around the other axes.
      precision: as in ``lax.conv_general_dilated``.

    Returns:
      ``[N, *others, number of phases * count, out]``.
    """
    axis, features, stride = inputs.ndim - 3, kernel.shape[-1], len(phases)
    lowest, highest = min(phase.offset for phase in phases), max(phase.offset for phase in phases)
    taps = -(-kernel.shape[axis] // stride)

    def filled(first: int) -> jax.Array:
        own = kernel[(*(slice(None),) * axis, slice(first, None, stride))]
        return jnp.pad(own, [(0, taps - size if place == axis else 0) for place, size in enumerate(own.shape)])

    beside = jnp.concatenate([filled(phase.first) for phase in phases], axis=-1)
    edges = (*around, (-lowest, highest + count + taps - 1 - inputs.shape[axis + 1]))
    joined = convolve(inputs, beside, stride=1, edges=edges, precision=precision)
    in_place = [
        lax.slice_in_dim(
            joined[..., r * features : (r + 1) * features],
            phase.offset - lowest,
            phase.offset - lowest + count,
            axis=axis + 1,
        )
        for r, phase in enumerate(phases)
    ]
    return jnp.concatenate(in_place, axis=-1).reshape(*joined.shape[: axis + 1], stride * count, features)
