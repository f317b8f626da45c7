"""The figure of the divergence table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.runtime.plotting import new_figure, save_figure
from experiments.divergence_table.critics import CriticResult
from experiments.divergence_table.table import TITLES, Row, published_value, value_cell


def save_table_figure(
    path: Path,
    pictures: dict[str, np.ndarray],
    rows: Sequence[Row],
    results: Sequence[CriticResult],
    *,
    measures: Sequence[str],
    title: str,
) -> None:
    """Writes samples of every generator, the bounds of all critics over their steps, and the table.

    Args:
      path: a PNG file.
      pictures: grids of samples by title, uint8 ``[H, W, C]``.
      rows: of the table.
      results: of critics of one protocol; the curves are those of its first seed.
      measures: columns of the table.
      title: above the figure.
    """
    columns = max(len(pictures), len(measures))
    figure = new_figure(3.3 * columns, 9.6)
    parts: Any = figure.subfigures(3, 1, height_ratios=(3.4, 2.8, 0.5 + 0.32 * len(rows)))
    top, middle, bottom = parts
    if pictures:
        for axes, (name, grid) in zip(top.subplots(1, len(pictures), squeeze=False)[0], pictures.items(), strict=True):
            axes.imshow(grid.squeeze(-1) if grid.shape[-1] == 1 else grid, cmap="gray", vmin=0, vmax=255)
            axes.set_title(name, fontsize=9)
            axes.set_axis_off()
    first = min((one["name"]["seed"] for one in results), default=0)
    for axes, measure in zip(middle.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
        for index, row in enumerate(rows):
            wanted = {"train": row["train"], "form": row["form"], "measure": measure, "seed": first}
            for one in results:
                if all(one["name"][part] == value for part, value in wanted.items()):
                    steps, seen, held_out = np.array(one["curve"], float).T
                    axes.plot(steps, seen, color=f"C{index}", label=row["title"])
                    axes.plot(steps, held_out, color=f"C{index}", linestyle=":")
        axes.set_title(f"V of the {TITLES[measure]} critic (dotted: held-out data)", fontsize=8, loc="left")
        axes.set_xlabel("steps of the critic", fontsize=7)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=6)
    axes = bottom.subplots()
    axes.set_axis_off()
    content = [[row["title"], *(_cell(row, measure) for measure in measures)] for row in rows]
    labels = ["trained by", *(f"{TITLES[measure]} (published)" for measure in measures)]
    if content:
        table = axes.table(cellText=content, colLabels=labels, loc="center", cellLoc="left")
        table.auto_set_font_size(False)
        table.set_fontsize(9)
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path)


def _cell(row: Row, measure: str) -> str:
    published = published_value(row, measure)
    beside = "" if published is None or measure not in row["measures"] else f"  ({published[0]:.2f})"
    return value_cell(row, measure) + beside
