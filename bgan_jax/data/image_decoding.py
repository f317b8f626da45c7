"""Decoding of images (PNG, JPEG and every other format that Pillow reads) to arrays of one size."""

import io
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.skipped import SHOWN, Skipped
from bgan_jax.data.source import CHUNK, Rows

_log = logging.getLogger(__name__)

UNDECODABLE = "not an image that Pillow can read"


class EncodedImage(NamedTuple):
    """An encoded image: where it comes from, its bytes, and its label (or None)."""

    where: str
    content: bytes
    label: int | None = None


class UndecodableError(BadDataError):
    """The bytes are not an image that Pillow can decode."""


def decode_image(content: bytes, *, channels: int, resolution: int | None = None) -> np.ndarray:
    """Decodes one image to an array.

    With a resolution, the central square is cropped and resized (Lanczos filter, antialiased). Transparent images are
    composited over white.

    Args:
      content: the encoded image.
      channels: 1 for grey, 3 for RGB.
      resolution: height and width in pixels; by default the image keeps its size.

    Returns:
      ``[H, W, channels]`` uint8.

    Raises:
      UndecodableError: the bytes are not an image, or a damaged one.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as opened:
            image = _flatten(opened).convert("L" if channels == 1 else "RGB")
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
    """Decodes images in a pool of threads and yields chunks of rows; undecodable images are skipped and logged.

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
    found, num_skipped = False, 0
    stream = iter(encoded)

    def attempt(item: EncodedImage) -> np.ndarray | UndecodableError:
        try:
            return decode_image(item.content, channels=shape[2], resolution=resolution)
        except UndecodableError as error:
            return error

    with ThreadPoolExecutor() as pool:
        while chunk := list(islice(stream, CHUNK)):
            images, labels = [], []
            for item, image in zip(chunk, pool.map(attempt, chunk), strict=True):
                if isinstance(image, UndecodableError):
                    last_failure = Skipped(item.where, UNDECODABLE, str(image))
                    skipped.append(last_failure)
                    num_skipped += 1
                    if num_skipped <= SHOWN:
                        _log.warning("skipped %s", last_failure)
                    continue
                if image.shape != shape:
                    raise BadDataError(
                        f"{item.where}: {image.shape[1]}x{image.shape[0]} pixels, but the first image has "
                        f"{shape[1]}x{shape[0]}: choose a resolution, and all images are cropped and resized to it"
                    )
                images.append(image)
                labels.append(item.label)
            if images:
                found = True
                yield Rows(np.stack(images), None if labels[0] is None else np.asarray(labels, np.int32))
    if not found:
        raise BadDataError(f"no image could be decoded; the last error: {last_failure}")
    if num_skipped:
        _log.warning("skipped %d undecodable images in total", num_skipped)


def _flatten(image: Any) -> Any:
    """Composites a transparent image over white."""
    from PIL import Image

    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
