"""Convolutions of networks that others trained: batch normalisation folded into kernel and bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

# Of both networks that are read here; TensorFlow's, whose weights they are.
_NORM_EPSILON = 1e-3


class FrozenConv(NamedTuple):
    """A convolution, numpy float32.

    Attributes:
      kernel: ``[h, w, in, out]``.
      bias: ``[out]``.
    """

    kernel: np.ndarray
    bias: np.ndarray


FrozenLayers = Mapping[str, FrozenConv]


def fold_batch_norm(arrays: Mapping[str, np.ndarray], *, conv: str, norm: str) -> FrozenConv:
    """A convolution of PyTorch's names, without a bias of its own, and the batch normalisation behind it.

    Raises:
      KeyError: an array is not there; its name.
    """
    scale = arrays[f"{norm}.weight"] / np.sqrt(arrays[f"{norm}.running_var"] + _NORM_EPSILON)
    kernel = arrays[f"{conv}.weight"] * scale[:, None, None, None]
    bias = arrays[f"{norm}.bias"] - arrays[f"{norm}.running_mean"] * scale
    return FrozenConv(kernel=kernel.transpose(2, 3, 1, 0), bias=bias)


def convolve(
    inputs: jax.Array, layer: FrozenConv, *, stride: int, padding: str | Sequence[tuple[int, int]]
) -> jax.Array:
    """The layer applied to ``[N, H, W, in]``."""
    outputs = jax.lax.conv_general_dilated(
        inputs,
        jax.numpy.asarray(layer.kernel),
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return add_bias(outputs, layer)


def add_bias(hidden: jax.Array, layer: FrozenConv) -> jax.Array:
    """The layer's bias, added to ``[N, H, W, out]``."""
    return hidden + jax.numpy.asarray(layer.bias)[None, None, None]
