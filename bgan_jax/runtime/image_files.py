"""Image files: grids of images, and PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bgan_jax.atomic_files import write_atomically


def image_grid(images: np.ndarray, *, columns: int, gap: int = 1, scale: int = 2) -> np.ndarray:
    """Puts images of one size into a grid, row by row.

    Args:
      images: uint8 ``[n, H, W, C]`` with C = 1 or 3.
      columns: images in a row.
      gap: grey pixels between images.
      scale: side of the square that every pixel becomes.

    Returns:
      uint8 ``[rows * ..., columns * ..., C]``.

    Example:
      >>> image_grid(np.zeros((6, 28, 28, 1), np.uint8), columns=3, gap=1, scale=1).shape
      (57, 86, 1)
    """
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    grid = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 128, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        grid[top : top + height, left : left + width] = image
    return grid.repeat(scale, axis=0).repeat(scale, axis=1)


def side_by_side(grids: Sequence[np.ndarray], *, gap: int = 16) -> np.ndarray:
    """Puts grids next to each other, aligned at their tops, on white."""
    channels = max(grid.shape[-1] for grid in grids)
    height = max(grid.shape[0] for grid in grids)
    parts: list[np.ndarray] = []
    for grid in grids:
        canvas = np.full((height, grid.shape[1], channels), 255, np.uint8)
        canvas[: grid.shape[0]] = grid
        parts += [canvas, np.full((height, gap, channels), 255, np.uint8)]
    return np.concatenate(parts[:-1], axis=1)


def load_rgb(path: Path) -> np.ndarray:
    """Reads an image file, uint8 ``[H, W, 3]``."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"))


def save_png(path: Path, image: np.ndarray) -> None:
    """Writes a uint8 image ``[H, W, 1 or 3]`` as PNG, atomically."""
    from PIL import Image

    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    write_atomically(path, lambda file: picture.save(file, format="PNG"))
