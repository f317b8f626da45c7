"""From encoded pictures (PNG, JPEG and whatever else Pillow reads) to arrays of one size."""

import io
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.source import CHUNK, Rows

_log = logging.getLogger(__name__)

_SHOWN = 5  # Undecodable pictures that are logged one by one; all are counted.


class EncodedImage(NamedTuple):
    """A picture's bytes, where they come from, and its label (or None)."""

    where: str
    content: bytes
    label: int | None = None


class UndecodableError(BadDataError):
    """These bytes are no picture."""


def decode_image(content: bytes, *, channels: int, resolution: int | None = None) -> np.ndarray:
    """One picture as an array.

    With a resolution, the central square is cut out and resized (Lanczos filter, antialiased). Transparent pictures are
    laid on white.

    Args:
      content: the encoded picture.
      channels: 1 for grey, 3 for RGB.
      resolution: height and width in pixels; by default the picture keeps its size.

    Returns:
      ``[H, W, channels]`` uint8.

    Raises:
      UndecodableError: the bytes are no picture, or a broken one.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as opened:
            image = _flatten(opened).convert("L" if channels == 1 else "RGB")
    except Exception as error:  # Pillow's decoders raise almost anything on broken bytes.
        raise UndecodableError(f"not a picture that Pillow can read ({type(error).__name__}: {error})") from error
    if resolution is not None:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
        if side != resolution:
            image = image.resize((resolution, resolution), Image.Resampling.LANCZOS)
    return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)


def decode_images(
    pictures: Iterable[EncodedImage], *, shape: tuple[int, ...], resolution: int | None, skipped: list[str]
) -> Iterator[Rows]:
    """Pictures as chunks of rows, decoded by a pool of threads; undecodable ones are left out, logged and counted.

    Args:
      pictures: the encoded pictures, all with a label or none.
      shape: ``(H, W, C)`` that every decoded picture must have.
      resolution: see :func:`decode_image`.
      skipped: receives one line for every picture left out.

    Yields:
      Chunks of rows and labels.

    Raises:
      BadDataError: a picture of another size, or not one decodable picture.
    """
    last_failure = "there are none"
    found = False
    stream = iter(pictures)

    def attempt(picture: EncodedImage) -> np.ndarray | UndecodableError:
        try:
            return decode_image(picture.content, channels=shape[2], resolution=resolution)
        except UndecodableError as error:
            return error

    with ThreadPoolExecutor() as pool:
        while chunk := list(islice(stream, CHUNK)):
            images, labels = [], []
            for picture, image in zip(chunk, pool.map(attempt, chunk), strict=True):
                if isinstance(image, UndecodableError):
                    last_failure = f"{picture.where}: {image}"
                    skipped.append(last_failure)
                    if len(skipped) <= _SHOWN:
                        _log.warning("skipped %s", last_failure)
                    continue
                if image.shape != shape:
                    raise BadDataError(
                        f"{picture.where}: {image.shape[1]}x{image.shape[0]} pixels, but the first picture has "
                        f"{shape[1]}x{shape[0]}: choose a resolution, and all are cropped and resized to it"
                    )
                images.append(image)
                labels.append(picture.label)
            if images:
                found = True
                yield Rows(np.stack(images), None if labels[0] is None else np.asarray(labels, np.int32))
    if not found:
        raise BadDataError(f"not one picture could be decoded; the last: {last_failure}")
    if skipped:
        _log.warning("skipped %d undecodable pictures in all", len(skipped))


def _flatten(image: Any) -> Any:
    """Lays a transparent picture on white."""
    from PIL import Image

    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
