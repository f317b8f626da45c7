r"""The phases of a transposed convolution's output, and how they are interleaved, which every form shares.

With stride s and low edge a, output position t = s q + r only meets the kernel's taps j with j = a - r (mod s):

.. math:: y_{sq+r} = \sum_i x_{q+i+o_r}\, w_{j_r+si}, \qquad j_r = (a-r) \bmod s, \quad o_r = (r+j_r-a)/s
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from bgan_jax.networks.fast_convolutions.primitive import Edges


class Phase(NamedTuple):
    """One phase of one axis.

    Attributes:
      first: j_r, the first tap that it meets.
      offset: o_r, where the input of this tap lies, from q on.
    """

    first: int
    offset: int


def phases_of(low: int, *, stride: int) -> list[Phase]:
    """Returns the phases of an axis with ``low`` zeros before its dilated input, in the order of the output."""
    firsts = [(low - r) % stride for r in range(stride)]
    return [Phase(first, (r + first - low) // stride) for r, first in enumerate(firsts)]


def upsampled(lengths: Sequence[int], taps: Sequence[int], *, stride: int, edges: Edges) -> tuple[int, ...]:
    """Returns the lengths of the output, ``(length - 1) * stride + 2 + low + high - taps``."""
    return tuple((n - 1) * stride + 2 + low + high - k for n, (low, high), k in zip(lengths, edges, taps, strict=True))


def interleaved(
    part: Callable[[tuple[int, ...]], jax.Array], *, stride: int, sizes: Sequence[int], axes: int
) -> jax.Array:
    """Interleaves phases along the first axes of space.

    Args:
      part: ``part(remainders)``: the result at one phase of each of these axes, ``[N, *counts, ...]``, with
        ``counts = ceil(size / stride)``.
      stride: number of phases of an axis.
      sizes: lengths of the output along these axes; the last phases may have one result too many.
      axes: how many axes are put together.

    Returns:
      ``[N, *sizes, ...]``.
    """

    def along(remainders: tuple[int, ...]) -> jax.Array:
        axis = len(remainders)
        if axis == axes:
            return part(remainders)
        stacked = jnp.stack([along((*remainders, r)) for r in range(stride)], axis=axis + 2)
        merged = stacked.reshape(*stacked.shape[: axis + 1], -1, *stacked.shape[axis + 3 :])
        return lax.slice_in_dim(merged, 0, sizes[axis], axis=axis + 1)

    return along(())
