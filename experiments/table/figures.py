"""The picture of a synthetic table: how far every pair of columns is from held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bgan_jax.runtime.plotting import new_figure, save_figure

_MOST_NAMES = 40


def save_pairs(path: Path, panels: Mapping[str, np.ndarray], *, names: Sequence[str], title: str) -> None:
    """Writes matrices of total variation, a row and a column for each column of the table, in one scale of colours.

    Args:
      path: a PNG file.
      panels: by title, ``[C, C]``; the diagonal is of single columns.
      names: of the columns.
      title: over all.
    """
    figure = new_figure(4.2 * len(panels) + 1.5, 4.8)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    highest = max(float(matrix.max()) for matrix in panels.values())
    for place, (axis, (heading, matrix)) in enumerate(zip(axes, panels.items(), strict=True)):
        image = axis.imshow(matrix, vmin=0.0, vmax=highest, cmap="magma_r")
        axis.set_title(heading)
        shown = len(names) <= _MOST_NAMES
        axis.set_xticks(range(len(names)) if shown else [], names if shown else [], rotation=90, fontsize=7)
        axis.set_yticks(
            range(len(names)) if shown and place == 0 else [], names if shown and place == 0 else [], fontsize=7
        )
    figure.colorbar(image, ax=list(axes), label="total variation from held-out rows", shrink=0.8)
    figure.suptitle(title)
    save_figure(figure, path)
