"""The picture of a synthetic table: how far every pair of columns is from held-out rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bgan_jax.runtime.plotting import new_figure, save_figure

_MOST_NAMES = 40
_PANELS_IN_A_ROW = 4


def save_pairs(path: Path, panels: Mapping[str, np.ndarray], *, names: Sequence[str], title: str) -> None:
    """Writes matrices of total variation, a row and a column for each column of the table, in one scale of colours.

    Panels are side by side, four in a row at most.

    Args:
      path: a PNG file.
      panels: by title, ``[C, C]``; the diagonal is of single columns.
      names: of the columns.
      title: over all.
    """
    across = min(len(panels), _PANELS_IN_A_ROW)
    down = -(-len(panels) // across)
    figure = new_figure(4.2 * across + 1.5, 4.4 * down + 0.4)
    axes = figure.subplots(down, across, squeeze=False)
    highest = max(float(matrix.max()) for matrix in panels.values())
    for place, (heading, matrix) in enumerate(panels.items()):
        axis = axes[divmod(place, across)]
        image = axis.imshow(matrix, vmin=0.0, vmax=highest, cmap="magma_r")
        axis.set_title(heading)
        shown = list(names) if len(names) <= _MOST_NAMES else []
        axis.set_xticks(range(len(shown)), shown, rotation=90, fontsize=7)
        axis.set_yticks(*((range(len(shown)), shown) if place % across == 0 else ([], [])), fontsize=7)
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    figure.colorbar(image, ax=list(axes.flat), label="total variation from held-out rows", shrink=0.8)
    figure.suptitle(title)
    save_figure(figure, path)
