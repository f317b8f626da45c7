"""Pictures of more than 8 bits as 8-bit grey ones, where the values of black and white are known."""

from typing import Any

import numpy as np

from bgan_jax.data.errors import BadDataError

# Formats in which the mode "I" stands for 16 bits; in others it stands for 32.
_SIXTEEN_BITS_AS_I = ("PNG", "PPM")


class UnknownRangeError(BadDataError):
    """The values of black and white of a picture cannot be known."""


def to_eight_bits(image: Any, *, image_format: str | None, negative: bool = False) -> Any:
    """Converts a picture of more than 8 bits to an 8-bit grey one; returns others as they are.

    16-bit values are divided by 257, so that 65535 becomes 255. 32-bit integers that are all in 0..255 are taken as
    8-bit values, and floats that are all in [0, 1] as shares of white.

    Args:
      image: a picture of Pillow.
      image_format: of the file that it was read from, as Pillow names it.
      negative: whether 0 is white, as TIFF may have it.

    Returns:
      A picture of Pillow.

    Raises:
      UnknownRangeError: other 32-bit integers or floats, whose range cannot be known.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and image_format in _SIXTEEN_BITS_AS_I):
        values = np.asarray(image).astype(np.float64) / 257.0
        if negative:  # Pillow inverts those of 8 bits only.
            values = 255.0 - values
    elif image.mode == "I":
        values = np.asarray(image).astype(np.float64)
        _check_range(values, 255, kind="32-bit integers")
    elif image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        _check_range(values, 1, kind="floats")
        values = values * 255.0
    else:
        return image
    return _grey(values, image)


def _check_range(values: np.ndarray, white: int, *, kind: str) -> None:
    if not (values.min() >= 0 and values.max() <= white):  # Also where a value is not a number.
        raise UnknownRangeError(
            f"{kind} from {values.min():g} to {values.max():g}, whose black and white are not known (only 0..{white} "
            "is): convert it to 8 bits"
        )


def _grey(values: np.ndarray, image: Any) -> Any:
    from PIL import Image

    clear = image.info.get("transparency")
    if isinstance(clear, int):  # A 16-bit PNG may have one transparent level.
        values = np.where(np.asarray(image) == clear, 255.0, values)
    return Image.fromarray(np.rint(values).astype(np.uint8))
