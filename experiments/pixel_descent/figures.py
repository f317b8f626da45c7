"""Figures of descents on pixels: the paper's, and the metrics along the paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bgan_jax.data import DatasetSpec, to_images
from bgan_jax.runtime.image_files import image_grid
from bgan_jax.runtime.plotting import new_figure, save_figure
from experiments.pixel_descent.descent import Descent

COLORS = ("#5b7db1", "#e0a030", "#d1495b", "#4c956c", "#7b5ea7", "#555555")


def save_descent(path: Path, descents: Sequence[Descent], *, spec: DatasetSpec) -> None:
    """Writes a few images during the descent: a row for every objective, a column for every kept step.

    Args:
      path: a PNG.
      descents: of one rate, from the same images.
      spec: the data set.
    """
    rows, columns = len(descents), len(descents[0].moments)
    figure = new_figure(1.9 * columns, 1.35 * rows + 0.5)
    panels = np.reshape(np.array(figure.subplots(rows, columns), dtype=object), (rows, columns))
    for row, descent in zip(panels, descents, strict=True):
        for axes, step, pictures, frechet in zip(row, descent.moments, descent.pictures, descent.frechet, strict=True):
            axes.imshow(image_grid(to_images(pictures[:8], spec=spec), columns=4), interpolation="nearest")
            axes.set_axis_off()
            axes.set_title(f"step {step}: F {descent.logits[step].mean():+.1f}, FD {frechet:.1f}", fontsize=7)
        row[0].text(-0.06, 0.5, descent.objective.replace("_", "\n"), transform=row[0].transAxes, fontsize=7.5,
                    rotation=90, va="center", ha="center")  # fmt: skip
    figure.suptitle(f"descent on pixels, step size {descents[0].rate:g} (mean F, Frechet distance)", fontsize=9)
    save_figure(figure, path, dpi=120)


def save_paths(path: Path, descents: Sequence[Descent], *, floor: float) -> None:
    """Writes F with its standard deviation, the drift and the Frechet distance along every path: a row for every rate.

    Args:
      path: a PNG.
      descents: of all objectives and rates.
      floor: the Frechet distance of real images.
    """
    rates = list(dict.fromkeys(descent.rate for descent in descents))
    names = list(dict.fromkeys(descent.objective for descent in descents))
    figure = new_figure(11.0, 2.6 * len(rates) + 0.3)
    panels = np.reshape(np.array(figure.subplots(len(rates), 3), dtype=object), (len(rates), 3))
    for descent in descents:
        of_logit, of_drift, of_distance = panels[rates.index(descent.rate)]
        color = COLORS[names.index(descent.objective) % len(COLORS)]
        steps = np.arange(len(descent.logits))
        mean, deviation = descent.logits.mean(axis=1), descent.logits.std(axis=1)
        of_logit.plot(steps, mean, color=color, label=descent.objective)
        of_logit.fill_between(steps, mean - deviation, mean + deviation, color=color, alpha=0.15, linewidth=0)
        of_drift.plot(steps, descent.drift.mean(axis=1), color=color)
        of_distance.plot(descent.moments, descent.frechet, color=color, marker="o", markersize=2.5)
    for rate, row in zip(rates, panels, strict=True):
        labels = (f"F, mean and sd, nats; step size {rate:g}", "drift from the start", "Frechet distance")
        for axes, label in zip(row, labels, strict=True):
            axes.set_title(label, fontsize=8.5, loc="left")
            axes.tick_params(labelsize=7)
            axes.grid(alpha=0.25)
        row[0].axhline(0.0, color="#777777", linewidth=0.9, linestyle=":")
        row[2].axhline(floor, color="#777777", linewidth=0.9, linestyle=":")
    panels[0, 0].legend(fontsize=7, frameon=False)
    for axes in panels[-1]:
        axes.set_xlabel("step of the descent", fontsize=8)
    save_figure(figure, path, dpi=120)
