r"""Features of the Inception network that FID is named after, from a weights file that the user supplies.

Szegedy et al. 2016, https://arxiv.org/abs/1512.00567; Heusel et al. 2017, https://arxiv.org/abs/1706.08500. The file is
the one that the package ``pytorch-fid`` reads (``pt_inception-2015-12-05-6726825d.pth``): TensorFlow's network of 2015
with PyTorch's names. It is not part of this package. Only distances in these features may be called FID.
"""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp

from bgan_jax.evaluation.frozen_convolutions import FrozenConv, FrozenLayers, convolve, fold_batch_norm
from bgan_jax.evaluation.torch_weights import read_torch_weights

FEATURES, SIDE = 2048, 299


def load_inception(path: str | Path) -> dict[str, FrozenConv]:
    """Loads the network's convolutions.

    Args:
      path: the weights' file.

    Returns:
      Layers by name, for :func:`inception_features`.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file does not contain this network.
    """
    arrays = read_torch_weights(path)
    names = [name.removesuffix(".conv.weight") for name in arrays if name.endswith(".conv.weight")]
    try:
        layers = {name: fold_batch_norm(arrays, conv=f"{name}.conv", norm=f"{name}.bn") for name in names}
        picture = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
        jax.eval_shape(lambda pixels: inception_features(layers, pixels), picture)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not contain the Inception network of FID: {error}") from error
    return layers


def inception_features(layers: FrozenLayers, pixels: jax.Array) -> jax.Array:
    """Computes the last pooled features, as ``pytorch-fid`` does.

    Args:
      layers: from :func:`load_inception`.
      pixels: images in [-1, 1], ``[N, H, W, 3]``; resized to 299x299, bilinear, without antialiasing.

    Returns:
      ``[N, 2048]``.
    """

    def conv(hidden: jax.Array, name: str, *, stride: int = 1, padded: bool = True) -> jax.Array:
        layer = layers[name]
        edges = [(size // 2 if padded else 0,) * 2 for size in layer.kernel.shape[:2]]
        return jax.nn.relu(convolve(hidden, layer, stride=stride, padding=edges))

    def chain(hidden: jax.Array, block: str, *names: str) -> jax.Array:
        for name in names:
            hidden = conv(hidden, f"{block}.{name}")
        return hidden

    def joined(*parts: jax.Array) -> jax.Array:
        return jnp.concatenate(parts, axis=-1)

    hidden = jax.image.resize(pixels, (pixels.shape[0], SIDE, SIDE, pixels.shape[-1]), "bilinear", antialias=False)
    hidden = conv(hidden, "Conv2d_1a_3x3", stride=2, padded=False)
    hidden = conv(hidden, "Conv2d_2a_3x3", padded=False)
    hidden = _largest(conv(hidden, "Conv2d_2b_3x3"), stride=2)
    hidden = conv(conv(hidden, "Conv2d_3b_1x1"), "Conv2d_4a_3x3", padded=False)
    hidden = _largest(hidden, stride=2)
    for block in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        hidden = joined(
            chain(hidden, block, "branch1x1"),
            chain(hidden, block, "branch5x5_1", "branch5x5_2"),
            chain(hidden, block, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
            chain(_mean(hidden), block, "branch_pool"),
        )
    narrow = chain(hidden, "Mixed_6a", "branch3x3dbl_1", "branch3x3dbl_2")
    hidden = joined(
        conv(hidden, "Mixed_6a.branch3x3", stride=2, padded=False),
        conv(narrow, "Mixed_6a.branch3x3dbl_3", stride=2, padded=False),
        _largest(hidden, stride=2),
    )
    for block in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        hidden = joined(
            chain(hidden, block, "branch1x1"),
            chain(hidden, block, "branch7x7_1", "branch7x7_2", "branch7x7_3"),
            chain(hidden, block, *(f"branch7x7dbl_{number}" for number in range(1, 6))),
            chain(_mean(hidden), block, "branch_pool"),
        )
    narrow = chain(hidden, "Mixed_7a", "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3")
    hidden = joined(
        conv(chain(hidden, "Mixed_7a", "branch3x3_1"), "Mixed_7a.branch3x3_2", stride=2, padded=False),
        conv(narrow, "Mixed_7a.branch7x7x3_4", stride=2, padded=False),
        _largest(hidden, stride=2),
    )
    for block in ("Mixed_7b", "Mixed_7c"):
        middle = chain(hidden, block, "branch3x3_1")
        double = chain(hidden, block, "branch3x3dbl_1", "branch3x3dbl_2")
        # The network of 2015 has max pooling here, where every other block has mean pooling; the weights need it.
        pooled = _mean(hidden) if block == "Mixed_7b" else _largest(hidden, stride=1)
        hidden = joined(
            chain(hidden, block, "branch1x1"),
            chain(middle, block, "branch3x3_2a"),
            chain(middle, block, "branch3x3_2b"),
            chain(double, block, "branch3x3dbl_3a"),
            chain(double, block, "branch3x3dbl_3b"),
            chain(pooled, block, "branch_pool"),
        )
    return jnp.mean(hidden, axis=(1, 2))


def _largest(hidden: jax.Array, *, stride: int) -> jax.Array:
    edges = [(0, 0), *[(1, 1) if stride == 1 else (0, 0)] * 2, (0, 0)]
    return jax.lax.reduce_window(hidden, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, stride, stride, 1), edges)


def _mean(hidden: jax.Array) -> jax.Array:
    """Averages the 3x3 neighbourhood of every position; positions outside the image do not count."""

    def total(values: jax.Array) -> jax.Array:
        edges = [(0, 0), (1, 1), (1, 1), (0, 0)]
        return jax.lax.reduce_window(values, 0.0, jax.lax.add, (1, 3, 3, 1), (1, 1, 1, 1), edges)

    return total(hidden) / total(jnp.ones((1, *hidden.shape[1:3], 1), hidden.dtype))
