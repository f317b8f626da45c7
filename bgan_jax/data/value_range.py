"""Values of the user's own arrays as intensities 0..255, by a range that the user states."""

import numpy as np

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.source import CHUNK

VALUE_RANGES = ("0,1", "-1,1", "0,255")


def to_intensities(images: np.ndarray, *, value_range: str | None, where: str) -> np.ndarray:
    """Converts images to uint8 intensities.

    Args:
      images: ``[n, ...]``, integers or floats.
      value_range: one of :data:`VALUE_RANGES`, the values of black and white; None leaves uint8 and bool as they are,
        and refuses other types, whose range cannot be known.
      where: the file and the array, for error messages.

    Returns:
      uint8 array of the same shape.

    Raises:
      BadDataError: the type needs a range, or a value is outside it.

    Example:
      >>> to_intensities(np.array([-1.0, 0.0, 1.0]), value_range="-1,1", where="memory").tolist()
      [0, 128, 255]
    """
    if images.dtype.kind not in "buif":
        raise BadDataError(f"{where}: images must be numbers, found {images.dtype}")
    if value_range is None:
        if images.dtype in (np.uint8, bool):
            return images.astype(np.uint8, copy=False)
        raise BadDataError(
            f"{where}: images must be uint8 (0..255) or bool, found {images.dtype} from {images.min():g} to "
            f"{images.max():g}: say what is black and white by value_range (--value_range=0,1 or -1,1 or 0,255), or "
            "save uint8"
        )
    low, high = map(float, value_range.split(","))
    intensities = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), CHUNK):
        values = images[start : start + CHUNK].astype(np.float64)
        if not (values.min() >= low and values.max() <= high):  # Also where a value is not a number.
            raise BadDataError(
                f"{where}: values from {values.min():g} to {values.max():g} are not in value_range={value_range} "
                f"(--value_range): choose another range of {', '.join(VALUE_RANGES)}, or save uint8"
            )
        intensities[start : start + CHUNK] = np.rint((values - low) * (255.0 / (high - low)))
    return intensities
