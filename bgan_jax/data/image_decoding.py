"""Decoding of images (PNG, JPEG and every other format that Pillow reads) to arrays of one size."""

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import IO, Any, NamedTuple

import numpy as np

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.pixel_depth import UnknownRangeError, to_eight_bits
from bgan_jax.data.skipped import Skipped
from bgan_jax.data.source import CHUNK, Rows

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # A tag of TIFF, and its value for negatives.
# Formats of Pillow for programs, films and tables, which it names but does not decode by itself.
_NOT_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"}
# Rare formats without a clear mark at the start, so that files of other kinds could be taken for them.
_WITHOUT_MARK = {
    "BLP", "CUR", "FITS", "FLI", "FTEX", "GBR", "IM", "IMT", "IPTC", "MCIDAS", "PCD", "PIXAR", "SPIDER", "TGA", "XBM",
    "XPM", "XVTHUMB",
}  # fmt: skip
UNDECODABLE = "not an image that Pillow can read"


class EncodedImage(NamedTuple):
    """An encoded image.

    Attributes:
      where: the file and the image's place in it, for error messages.
      content: its bytes.
      label: of the image, or None.
      name: within its data set, for what is skipped.
    """

    where: str
    content: bytes
    label: int | None = None
    name: str = ""


class UndecodableError(BadDataError):
    """The bytes are not an image that Pillow can decode."""


def is_image(file: IO[bytes]) -> bool:
    """Returns whether Pillow knows the format of a file, from its first bytes and whatever its name.

    Args:
      file: opened for reading, and seekable.
    """
    from PIL import Image

    try:
        with Image.open(file, formats=_formats(without=_NOT_PICTURES | _WITHOUT_MARK)):
            return True
    except Exception:  # On bytes of other files Pillow's readers raise many kinds of exceptions.
        return False


def decode_image(content: bytes, *, channels: int, resolution: int | None = None) -> np.ndarray:
    """Decodes one image to an array.

    The orientation that a camera recorded (EXIF) is applied, and 16-bit pictures are scaled to 8 bits; see
    :mod:`bgan_jax.data.pixel_depth`. Transparent images are composited over white. With a resolution, the central
    square is cropped and resized (Lanczos filter, antialiased).

    Args:
      content: the encoded image.
      channels: 1 for grey, 3 for RGB.
      resolution: height and width in pixels; by default the image keeps its size.

    Returns:
      ``[H, W, channels]`` uint8.

    Raises:
      UndecodableError: the bytes are not an image, or a damaged one.
      UnknownRangeError: the values of black and white cannot be known.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=_formats(without=_NOT_PICTURES)) as opened:
            image = _flatten(_upright(opened)).convert("L" if channels == 1 else "RGB")
    except UnknownRangeError:
        raise
    except Exception as error:  # On damaged bytes Pillow's decoders raise many kinds of exceptions.
        # Pillow names the object in memory that it could not identify.
        reason = "unknown format" if isinstance(error, UnidentifiedImageError) else f"{type(error).__name__}: {error}"
        raise UndecodableError(reason) from error
    if resolution is not None:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
        if side != resolution:
            image = image.resize((resolution, resolution), Image.Resampling.LANCZOS)
    return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)


def decode_images(
    encoded: Iterable[EncodedImage], *, shape: tuple[int, ...], resolution: int | None, skipped: list[Skipped]
) -> Iterator[Rows]:
    """Decodes images in a pool of threads and yields chunks of rows; undecodable images are skipped.

    Args:
      encoded: the encoded images, either all with a label or all without.
      shape: ``(H, W, C)`` that every decoded image must have.
      resolution: see :func:`decode_image`.
      skipped: a list to which every skipped image is appended.

    Yields:
      Chunks of rows and labels.

    Raises:
      BadDataError: an image has another size, or no image can be decoded.
    """
    last_failure: object = "there are no images"
    found = False
    stream = iter(encoded)

    def attempt(item: EncodedImage) -> np.ndarray | UndecodableError:
        try:
            return decode_image(item.content, channels=shape[2], resolution=resolution)
        except UndecodableError as error:
            return error
        except UnknownRangeError as error:
            raise UnknownRangeError(f"{item.where}: {error}") from error

    with ThreadPoolExecutor() as pool:
        while chunk := list(islice(stream, CHUNK)):
            images, labels = [], []
            for item, image in zip(chunk, pool.map(attempt, chunk), strict=True):
                if isinstance(image, UndecodableError):
                    last_failure = Skipped(item.name or item.where, UNDECODABLE, str(image))
                    skipped.append(last_failure)
                    continue
                if image.shape != shape:
                    raise BadDataError(
                        f"{item.where}: {image.shape[1]}x{image.shape[0]} pixels, but the first image has "
                        f"{shape[1]}x{shape[0]}: choose a resolution (--resolution=PIXELS), and all images are cropped "
                        "and resized to it"
                    )
                images.append(image)
                labels.append(item.label)
            if images:
                found = True
                yield Rows(np.stack(images), None if labels[0] is None else np.asarray(labels, np.int32))
    if not found:
        raise BadDataError(f"no image could be decoded; the last error: {last_failure}")


def _formats(*, without: set[str]) -> list[str]:
    from PIL import Image

    Image.init()
    return [name for name in Image.ID if name not in without]


def _upright(opened: Any) -> Any:
    """Returns a picture of 8 bits a channel, rotated as its camera was held."""
    from PIL import ImageOps

    opened.load()
    tags = getattr(opened, "tag_v2", {})
    try:
        image = ImageOps.exif_transpose(opened)
    except Exception:  # A damaged EXIF record states no orientation.
        image = opened
    return to_eight_bits(image, image_format=opened.format, negative=tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)


def _flatten(image: Any) -> Any:
    """Composites a transparent image over white."""
    from PIL import Image

    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
