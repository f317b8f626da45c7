"""Binarisation of grey images: by a threshold, stochastically at every use, or not at all."""

import numpy as np

from bgan_jax.data.source import Request
from bgan_jax.data.spec import DatasetSpec

BINARIZATIONS = ("threshold", "stochastic", "none")


def grey_spec(request: Request, **fields: object) -> DatasetSpec:
    """Creates the record of grey images under the requested binarisation (threshold by default).

    Args:
      request: its ``binarization`` is read.
      **fields: the remaining fields of the record.

    Returns:
      The record: binary, stochastic or not; continuous for ``"none"``.

    Raises:
      ValueError: an unknown binarisation.
    """
    binarization = request.choice("binarization", among=BINARIZATIONS)
    if binarization == "none":
        return request.spec(kind="continuous", num_values=256, **fields)
    return request.spec(kind="binary", num_values=2, stochastic=binarization == "stochastic", **fields)


def grey_rows(images: np.ndarray, spec: DatasetSpec) -> np.ndarray:
    """Converts grey images to rows of ``spec``: unchanged intensities, or bits (1 where the intensity is above 127)."""
    if spec.kind == "binary" and not spec.stochastic:
        return (images > 127).astype(np.uint8)
    return images
