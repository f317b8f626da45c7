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
    binarization = request.binarization or "threshold"
    if binarization not in BINARIZATIONS:
        raise ValueError(f"binarization {binarization!r} is not one of {', '.join(BINARIZATIONS)}")
    common = {"name": request.dataset_name, "split": request.split, **fields}
    if binarization == "none":
        return DatasetSpec(kind="continuous", num_values=256, **common)  # type: ignore[arg-type]
    return DatasetSpec(kind="binary", num_values=2, stochastic=binarization == "stochastic", **common)  # type: ignore[arg-type]


def grey_rows(images: np.ndarray, spec: DatasetSpec) -> np.ndarray:
    """Grey pictures as rows of ``spec``: intensities as they are, or thresholded at one half (above 127 is 1)."""
    if spec.kind == "binary" and not spec.stochastic:
        return (images > 127).astype(np.uint8)
    return images
