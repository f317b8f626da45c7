"""What rows become on the device, and how they are shown to people again.

:func:`preprocess` is jax.numpy arithmetic, meant to run inside the compiled step; the ways back are numpy.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from bgan_jax.data.spec import DatasetSpec


def preprocess(key: Any, rows: Any, *, spec: DatasetSpec) -> Any:
    r"""Rows in the data's own form, as the networks take them.

    Binary: bits 0 or 1, uint8; where the rows are intensities :math:`v` (``spec.stochastic``), bits are drawn with
    probability :math:`v / 255`. Categorical and text: indices, int32, not one-hot. Continuous: :math:`v / 127.5 - 1`,
    float32 in [-1, 1].

    Args:
      key: used only where ``spec.stochastic``, else it may be None. One key serves all of ``rows``; for draws that do
        not depend on how a batch is spread over devices, map this function over a key and a row per example.
      rows: ``[..., *spec.shape]`` uint8 or uint16, traced or not.
      spec: the data set; static.

    Returns:
      ``[..., *spec.shape]``.

    Raises:
      ValueError: stochastic binarisation without a key.

    Example:
      >>> spec = DatasetSpec(name="toy", kind="continuous", shape=(1, 1, 1), num_values=256)
      >>> preprocess(None, jnp.array([[[[255]]]], jnp.uint8), spec=spec).item()
      1.0
    """
    if spec.kind == "continuous":
        return jnp.asarray(rows, jnp.float32) / 127.5 - 1.0
    if spec.kind != "binary":
        return jnp.asarray(rows, jnp.int32)
    if not spec.stochastic:
        return jnp.asarray(rows)
    if key is None:
        raise ValueError(f"dataset {spec.name} is binarised stochastically, which takes a key")
    return jax.random.bernoulli(key, jnp.asarray(rows, jnp.float32) / 255.0).astype(jnp.uint8)


def to_images(values: npt.ArrayLike, *, spec: DatasetSpec) -> np.ndarray:
    """The device form, as pictures in true colours.

    Args:
      values: ``[..., *spec.shape]``: bits or probabilities in [0, 1], palette indices, or intensities in [-1, 1].
      spec: a data set of pictures.

    Returns:
      uint8 ``[..., H, W, C]``: C = 1 for binary, 3 for categorical, the data's own for continuous.

    Raises:
      ValueError: the data set is text.

    Example:
      >>> spec = DatasetSpec(name="toy", kind="binary", shape=(1, 2, 1), num_values=2)
      >>> to_images([[[0], [1]]], spec=spec).ravel().tolist()
      [0, 255]
    """
    array = np.asarray(values)
    if spec.kind == "binary":
        return _intensities(array * 255.0)
    if spec.kind == "categorical":
        return np.asarray(spec.palette, np.uint8)[array]
    if spec.kind == "continuous":
        return _intensities((array + 1.0) * 127.5)
    raise ValueError(f"dataset {spec.name} is text, not pictures: use to_strings")


def mean_images(probs: npt.ArrayLike, *, spec: DatasetSpec) -> np.ndarray:
    """The mean picture of a conditional, in true colours: grey levels for bits, mixed colours for palettes.

    Args:
      probs: of a 1, ``[..., *spec.shape]``, or of every palette index, ``[..., *spec.shape, num_values]``.
      spec: a binary or palette data set.

    Returns:
      uint8 ``[..., H, W, C]``.

    Example:
      >>> spec = DatasetSpec(
      ...     name="toy", kind="categorical", shape=(1, 1), num_values=2, palette=((0, 0, 0), (255, 0, 0))
      ... )
      >>> mean_images([[[[0.6, 0.4]]]], spec=spec).ravel().tolist()
      [102, 0, 0]
    """
    if spec.kind != "categorical":
        return to_images(probs, spec=spec)
    return _intensities(np.asarray(probs) @ np.asarray(spec.palette, np.float32))


def to_strings(values: npt.ArrayLike, *, spec: DatasetSpec) -> list[str]:
    """Indices into the vocabulary, as strings.

    Args:
      values: ``[N, L]`` integers.
      spec: a data set of text.

    Returns:
      N strings.

    Raises:
      ValueError: the data set is not text.

    Example:
      >>> spec = DatasetSpec(name="toy", kind="text", shape=(2,), num_values=2, vocabulary=("a", "b"))
      >>> to_strings([[1, 0]], spec=spec)
      ['ba']
    """
    if spec.vocabulary is None:
        raise ValueError(f"dataset {spec.name} is {spec.kind}, not text: use to_images")
    return ["".join(spec.vocabulary[index] for index in row) for row in np.asarray(values)]


def _intensities(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0.0, 255.0)).astype(np.uint8)
