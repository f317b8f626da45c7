"""Pictures that a person can judge: grids of samples, and a page of curves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.runtime.metric_descriptions import QUANTITIES
from bgan_jax.runtime.plotting import new_figure, save_figure


def image_grid(images: np.ndarray, *, columns: int, gap: int = 1, scale: int = 2) -> np.ndarray:
    """Images side by side.

    Args:
      images: uint8 ``[n, H, W, C]`` with C = 1 or 3.
      columns: images in a row.
      gap: grey pixels between images.
      scale: every pixel becomes a square of this side.

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
    """Grids of equal height next to each other on white."""
    channels = max(grid.shape[-1] for grid in grids)
    height = max(grid.shape[0] for grid in grids)
    parts: list[np.ndarray] = []
    for grid in grids:
        canvas = np.full((height, grid.shape[1], channels), 255, np.uint8)
        canvas[: grid.shape[0]] = grid
        parts += [canvas, np.full((height, gap, channels), 255, np.uint8)]
    return np.concatenate(parts[:-1], axis=1)


def save_png(path: Path, image: np.ndarray) -> None:
    """Writes a uint8 image ``[H, W, 1 or 3]`` as PNG, whole or not at all."""
    from PIL import Image

    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    picture.save(temporary, format="PNG")
    os.replace(temporary, path)


def save_curves(path: Path, records: Sequence[dict[str, Any]], *, title: str = "") -> None:
    """Writes every metric over the steps as one page of small plots, PNG.

    Args:
      path: the file.
      records: lines of a metrics file, each with ``step``.
      title: above the page.
    """
    names = [name for name in QUANTITIES if any(name in record for record in records)]
    columns = 3
    rows = max(-(-len(names) // columns), 1)
    figure = new_figure(4.2 * columns, 2.7 * rows)
    for i, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, i + 1)
        points = [(record["step"], record[name]) for record in records if name in record]
        axes.plot(*zip(*points, strict=True), linewidth=1.0)
        axes.set_title("\n".join(filter(None, QUANTITIES[name][:2])), fontsize=8, loc="left")
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25)
        axes.set_xlabel("step", fontsize=7)
    figure.suptitle(title, fontsize=9)
    save_figure(figure, path)
