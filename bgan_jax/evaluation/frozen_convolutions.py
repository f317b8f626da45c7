"""Convolutions of pretrained networks, with batch normalisation folded into kernel and bias."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

# Of TensorFlow's batch normalisation, with which both networks were trained.
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
    """Folds a batch normalisation into the convolution before it, which has no bias; both have PyTorch's names.

    Raises:
      KeyError: an array is missing; the message is its name.
    """
    scale = arrays[f"{norm}.weight"] / np.sqrt(arrays[f"{norm}.running_var"] + _NORM_EPSILON)
    kernel = arrays[f"{conv}.weight"] * scale[:, None, None, None]
    bias = arrays[f"{norm}.bias"] - arrays[f"{norm}.running_mean"] * scale
    return FrozenConv(kernel=kernel.transpose(2, 3, 1, 0), bias=bias)


def convolve(
    inputs: jax.Array, layer: FrozenConv, *, stride: int, padding: str | Sequence[tuple[int, int]]
) -> jax.Array:
    """Applies the layer to ``[N, H, W, in]``."""
    outputs = jax.lax.conv_general_dilated(
        inputs,
        jax.numpy.asarray(layer.kernel),
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    return add_bias(outputs, layer)


def add_bias(hidden: jax.Array, layer: FrozenConv) -> jax.Array:
    """Adds the layer's bias to ``[N, H, W, out]``."""
    return hidden + jax.numpy.asarray(layer.bias)[None, None, None]
