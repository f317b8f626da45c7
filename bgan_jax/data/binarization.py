"""What the intensities of grey pictures become: bits by a threshold, bits drawn anew each time, or themselves."""

import numpy as np

from bgan_jax.data.source import Request
from bgan_jax.data.spec import DatasetSpec

BINARIZATIONS = ("threshold", "stochastic", "none")


def grey_spec(request: Request, **fields: object) -> DatasetSpec:
    """The record of grey pictures under the binarisation that was asked for (threshold by default).

    Args:
      request: whose ``binarization`` is read.
      **fields: the remaining fields of the record.

    Returns:
      A binary record, stochastic or not; a continuous one for ``"none"``.

    Raises:
      ValueError: an unknown binarisation.
    """
    binarization = request.choice("binarization", among=BINARIZATIONS)
    if binarization == "none":
        return request.spec(kind="continuous", num_values=256, **fields)
    return request.spec(kind="binary", num_values=2, stochastic=binarization == "stochastic", **fields)


def grey_rows(images: np.ndarray, spec: DatasetSpec) -> np.ndarray:
    """Grey pictures as rows of ``spec``: intensities as they are, or thresholded at one half (above 127 is 1)."""
    if spec.kind == "binary" and not spec.stochastic:
        return (images > 127).astype(np.uint8)
    return images
