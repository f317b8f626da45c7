"""The figure of a run on large images: its Frechet distance over the steps, and samples beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.runtime import image_files
from bgan_jax.runtime.plotting import new_figure, save_figure


def save_progress(
    path: Path, measured: Sequence[dict[str, Any]], *, pictures: Path, floor: float, title: str, columns: int = 4
) -> None:
    """Writes the figure: the curve, a corner of some saved grids, and one of real pictures.

    Args:
      path: a PNG.
      measured: lines of the run's measurements, each with ``step`` and ``frechet``.
      pictures: the run's folder of grids, ``samples_STEP.png`` and ``real.png``.
      floor: the Frechet distance of real pictures.
      title: above the figure.
      columns: number of grids of samples, at most.
    """
    saved = sorted(pictures.glob("samples_*.png"))
    places = np.unique(np.linspace(0, len(saved) - 1, min(columns, len(saved))).round().astype(int))
    grids = [(f"step {int(saved[place].stem.split('_')[1])}", saved[place]) for place in places]
    grids.append(("real", pictures / "real.png"))
    figure = new_figure(3.4 + 2.6 * len(grids), 3.0)
    panels = figure.subplots(1, 1 + len(grids), gridspec_kw={"width_ratios": [1.25, *([1.0] * len(grids))]})
    panels[0].plot([line["step"] for line in measured], [line["frechet"] for line in measured], marker="o",
                   markersize=3, color="#d1495b")  # fmt: skip
    panels[0].axhline(floor, color="#777777", linewidth=0.9, linestyle=":")
    panels[0].set_yscale("log")
    panels[0].set_title("Frechet distance (dotted: real pictures)", fontsize=8, loc="left")
    panels[0].set_xlabel("step", fontsize=8)
    panels[0].tick_params(labelsize=7, which="both")
    panels[0].grid(alpha=0.25, which="both")
    for axes, (name, file) in zip(panels[1:], grids, strict=True):
        grid = image_files.load_rgb(file)
        axes.imshow(grid[: grid.shape[0] // 2, : grid.shape[1] // 2])
        axes.set_axis_off()
        axes.set_title(name, fontsize=8)
    figure.suptitle(title, fontsize=9)
    save_figure(figure, path, dpi=130)
