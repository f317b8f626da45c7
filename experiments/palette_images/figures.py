"""Figures of palette images: samples beside real images, and samples over training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bgan_jax import data
from bgan_jax.runtime import image_files
from bgan_jax.sampling.sampler import Samples


def save_comparison(path: Path, samples: Samples, held_out: np.ndarray, *, spec: data.DatasetSpec) -> None:
    """Writes 64 samples, the mean colours that they were drawn from, and 64 real images, side by side.

    Args:
      path: a PNG file.
      samples: of a discrete generator, at least 64.
      held_out: palette indices of real images, ``[m, H, W]``.
      spec: the data set.

    Raises:
      ValueError: the samples have no probabilities.
    """
    if samples.probs is None:
        raise ValueError("samples of a discrete generator are needed; these have no probabilities")
    real = held_out[np.linspace(0, len(held_out) - 1, 64).astype(np.int64)]
    sets = (data.to_images(samples.x[:64], spec=spec), data.mean_images(samples.probs[:64], spec=spec),
            data.to_images(real, spec=spec))  # fmt: skip
    image_files.save_png(path, image_files.side_by_side([image_files.image_grid(images, columns=8) for images in sets]))


def save_over_time(path: Path, grids: Sequence[Path], *, side: int) -> None:
    """Writes the first row of every sample grid of a run, from the first step to the last: of the same latents.

    Args:
      path: a PNG file.
      grids: sample grids, in order.
      side: height of a row, in pixels.
    """
    rows = [image_files.load_rgb(grid)[:side] for grid in grids]
    image_files.save_png(path, np.concatenate(rows))
