"""Conversion of stored rows to inputs of the networks, and back to images and strings.

:func:`preprocess` is jax.numpy arithmetic, to be run inside the compiled step; the inverse functions are numpy.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from bgan_jax.data.spec import DatasetSpec


def preprocess(key: Any, rows: Any, *, spec: DatasetSpec) -> Any:
    r"""Converts stored rows to what the networks and conditionals take.

    Binary: bits 0 or 1, uint8; if the rows are intensities :math:`v` (``spec.stochastic``), bits are drawn with
    probability :math:`v / 255`. Categorical and text: indices, int32, not one-hot. Continuous: :math:`v / 127.5 - 1`,
    float32 in [-1, 1].

    Args:
      key: PRNG key, used only if ``spec.stochastic``; otherwise it may be None. One key serves all of ``rows``; for
        draws that do not depend on how a batch is divided among devices, map this function over one key per row.
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
        raise ValueError(f"dataset {spec.name} is binarised stochastically: pass a PRNG key")
    return jax.random.bernoulli(key, jnp.asarray(rows, jnp.float32) / 255.0).astype(jnp.uint8)


def to_images(values: npt.ArrayLike, *, spec: DatasetSpec) -> np.ndarray:
    """Converts preprocessed values or probabilities to uint8 images.

    Args:
      values: ``[..., *spec.shape]``: bits or probabilities in [0, 1], palette indices, or intensities in [-1, 1].
      spec: a data set of images.

    Returns:
      uint8 ``[..., H, W, C]``: C = 1 for binary data, 3 for categorical; continuous data keep their C.

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
    raise ValueError(f"dataset {spec.name} is text, not images: use to_strings")


def mean_images(probs: npt.ArrayLike, *, spec: DatasetSpec) -> np.ndarray:
    """Converts probabilities to the mean image: grey levels for bits, mixed colours for palettes.

    Args:
      probs: probabilities of a 1, ``[..., *spec.shape]``, or of each palette index, ``[..., *spec.shape, num_values]``.
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
    """Converts indices into the vocabulary to strings.

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
