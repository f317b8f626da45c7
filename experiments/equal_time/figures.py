"""Figures of systems trained for the same time: score against seconds, and samples."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.runtime import image_files
from bgan_jax.runtime.plotting import new_figure, save_figure
from experiments.equal_time.systems import SYSTEMS

COLORS = ("#9db4d6", "#2f5597", "#e8b4a0", "#c0392b", "#e0a030", "#4c956c", "#7b5ea7")


def save_scores(path: Path, summary: Sequence[Mapping[str, Any]], *, real_score: float, title: str) -> None:
    """Draws the classifier score of every system against seconds of training, with a band of one sd over seeds.

    Args:
      path: a PNG.
      summary: from ``results.summarize``.
      real_score: of held-out real images.
      title: above the figure.
    """
    figure = new_figure(7.0, 4.2)
    axes = figure.subplots()
    for color, row in zip(itertools.cycle(COLORS), summary, strict=False):
        seconds = np.array([mark["seconds"] for mark in row["marks"]])
        score = np.array([mark["classifier_score"] for mark in row["marks"]])
        deviation = np.array([mark["classifier_score_sd"] or 0.0 for mark in row["marks"]])
        axes.plot(seconds, score, color=color, marker="o", markersize=3, label=SYSTEMS[row["system"]].label)
        axes.fill_between(seconds, score - deviation, score + deviation, color=color, alpha=0.15, linewidth=0)
    axes.axhline(real_score, color="#777777", linewidth=0.9, linestyle=":")
    axes.annotate(
        "held-out real images", (0.01, real_score), xycoords=("axes fraction", "data"), xytext=(0, -2),
        textcoords="offset points", fontsize=7, color="#555555", va="top",
    )  # fmt: skip
    axes.set_xlabel("seconds of training")
    axes.set_ylabel("classifier score")
    axes.set_ylim(bottom=1.0)
    axes.set_title(title, fontsize=10, loc="left")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=7, loc="lower right")
    save_figure(figure, path)


def save_samples(path: Path, grids: Mapping[str, Path], *, title: str) -> None:
    """Draws the samples of all systems side by side.

    Args:
      path: a PNG.
      grids: for every system an image of its samples.
      title: above the figure.
    """
    columns = min(len(grids), 4)
    rows = -(-len(grids) // columns)
    figure = new_figure(3.0 * columns, 3.2 * rows + 0.3)
    panels = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axes in panels:
        axes.axis("off")
    for axes, (system, grid) in zip(panels, grids.items(), strict=False):
        axes.imshow(image_files.load_rgb(grid), interpolation="nearest")
        axes.set_title(SYSTEMS[system].label, fontsize=9, loc="left")
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    save_figure(figure, path)
