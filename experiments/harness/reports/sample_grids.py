"""Writes samples as a grid of images, as lines of text, or as rows of a table."""

from __future__ import annotations

import logging
from pathlib import Path

import jax
import numpy as np

from bgan_jax import data
from bgan_jax.atomic_files import write_text
from bgan_jax.runtime import image_files
from bgan_jax.sampling.sampler import Samples

logger = logging.getLogger("bgan_jax")

LINES_LOGGED = 5
NUM_REAL = 64  # Real examples beside the samples of a run.


def show(folder: Path, name: str, samples: Samples, *, spec: data.DatasetSpec) -> Path:
    """Writes samples as ``name.png``, or as ``name.txt`` with the first few lines in the log, or as ``name.csv``.

    Args:
      folder: where to.
      name: the file's name without its suffix.
      samples: of a generator of the data set.
      spec: the data set.

    Returns:
      The file.
    """
    if spec.kind == "table":
        path = folder / f"{name}.csv"
        write_text(path, data.to_csv(data.to_cells(samples.x, spec=spec)))
        return path
    if spec.kind != "text":
        path = folder / f"{name}.png"
        save_grid(path, samples, spec=spec)
        return path
    path = folder / f"{name}.txt"
    lines = data.to_strings(samples.x, spec=spec)
    write_text(path, "\n".join(lines) + "\n")
    for line in lines[:LINES_LOGGED]:
        logger.info("sample: %s", line)
    return path


def save_grid(path: Path, samples: Samples, *, spec: data.DatasetSpec, columns: int = 8) -> None:
    """Writes a grid of samples, and beside it the probabilities of bits, or the mean colours, they were drawn from."""
    grids = [image_files.image_grid(data.to_images(samples.x, spec=spec), columns=columns)]
    if samples.probs is not None:
        means = data.mean_images(samples.probs, spec=spec)
        grids.append(image_files.image_grid(means, columns=columns))
    image_files.save_png(path, image_files.side_by_side(grids))


def save_real(folder: Path, dataset: data.Dataset, *, num: int = NUM_REAL) -> Path:
    """Writes real examples, evenly spaced over the data set, to compare samples with.

    Args:
      folder: where to.
      dataset: the split.
      num: examples; all of a smaller data set.

    Returns:
      The file: ``real.png``, a grid, ``real.txt``, lines, or ``real.csv``, rows.
    """
    rows = dataset.rows(np.linspace(0, len(dataset) - 1, min(num, len(dataset))).astype(np.int64))
    if dataset.spec.kind == "text":
        path = folder / "real.txt"
        write_text(path, "\n".join(data.to_strings(rows, spec=dataset.spec)) + "\n")
        return path
    if dataset.spec.kind == "table":
        path = folder / "real.csv"
        write_text(path, data.to_csv(data.to_cells(rows, spec=dataset.spec)))
        return path
    path = folder / "real.png"
    x = np.asarray(data.preprocess(jax.random.key(0), rows, spec=dataset.spec))
    save_grid(path, Samples(x=x, probs=None), spec=dataset.spec)
    return path
