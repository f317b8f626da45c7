"""Pictures of over-trained generators: curves of every objective, samples over the steps, and the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bgan_jax.runtime.plotting import new_figure, save_figure

COLORS = ("#5b7db1", "#e0a030", "#d1495b", "#4c956c", "#7b5ea7", "#555555")


class Curves(NamedTuple):
    """One run's course.

    Attributes:
      steps: of the metrics, ``[T]``.
      accuracy: of the discriminator, mean of that on data and that on samples, ``[T]``.
      mean_logit: mean F on samples, nats, ``[T]``.
      logit_deviation: standard deviation of F over samples, nats, ``[T]``.
      measured_steps: of the distances, ``[P]``.
      frechet: Frechet distances, ``[P]``.
    """

    steps: np.ndarray
    accuracy: np.ndarray
    mean_logit: np.ndarray
    logit_deviation: np.ndarray
    measured_steps: np.ndarray
    frechet: np.ndarray


class Grid(NamedTuple):
    """One objective's part of the map: last Frechet distances, ``[ratios, learning rates]``, NaN where it diverged."""

    objective: str
    values: np.ndarray


def save_curves(path: Path, curves: Mapping[str, Sequence[Curves]], *, floor: float, title: str) -> None:
    """Writes the courses of all objectives, every seed thin and their mean thick.

    Args:
      path: a PNG.
      curves: for every objective its seeds' courses.
      floor: the Frechet distance of real pictures.
      title: above the page.
    """
    figure = new_figure(13.0, 3.4)
    panels = figure.subplots(1, 4)
    for color, (objective, runs) in zip(_colors(len(curves)), curves.items(), strict=True):
        for axes, (times, name) in zip(
            panels,
            (("measured_steps", "frechet"), ("steps", "accuracy"), ("steps", "mean_logit"),
             ("steps", "logit_deviation")),
            strict=True,
        ):  # fmt: skip
            for run in runs:
                axes.plot(getattr(run, times), getattr(run, name), color=color, alpha=0.35, linewidth=0.9)
            # A run that diverged has a shorter course; the mean is over what all have.
            length = min(len(getattr(run, times)) for run in runs)
            mean = np.mean([getattr(run, name)[:length] for run in runs], axis=0)
            axes.plot(getattr(runs[0], times)[:length], mean, color=color, linewidth=2.0, label=objective)
    for axes, label in zip(
        panels, ("Frechet distance", "accuracy of D", "mean F on samples, nats", "sd of F on samples, nats"),
        strict=True,
    ):  # fmt: skip
        axes.set_title(label, fontsize=9, loc="left")
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25)
    panels[0].set_yscale("log")
    panels[0].axhline(floor, color="#777777", linewidth=0.9, linestyle=":")
    panels[1].axhline(0.5, color="#777777", linewidth=0.9, linestyle=":")
    panels[2].axhline(0.0, color="#777777", linewidth=0.9, linestyle=":")
    panels[0].legend(fontsize=7, frameon=False)
    figure.suptitle(f"{title} (dotted: real pictures; D that cannot tell)", fontsize=10)
    save_figure(figure, path, dpi=120)


def save_samples(path: Path, grids: Mapping[str, Sequence[Path]], *, title: str, columns: int = 5) -> None:
    """Writes a part of the saved sample grids: a row for every objective, a column for some of its moments.

    Args:
      path: a PNG.
      grids: for every objective its pictures ``samples_STEP.png``, in order.
      title: above the page.
      columns: at most so many moments.
    """
    from PIL import Image

    count = min(columns, max(len(pictures) for pictures in grids.values()))
    figure = new_figure(2.7 * count + 0.4, 2.0 * len(grids) + 0.5)
    panels = np.reshape(np.array(figure.subplots(len(grids), count), dtype=object), (len(grids), count))
    for row, (objective, pictures) in zip(panels, grids.items(), strict=True):
        for axes in row:
            axes.set_axis_off()
        if not pictures:
            continue
        places = np.unique(np.linspace(0, len(pictures) - 1, count).round().astype(int))
        for axes, place in zip(row, places, strict=False):
            picture = np.asarray(Image.open(pictures[place]).convert("RGB"))
            axes.imshow(picture[: picture.shape[0] // 2, : int(picture.shape[1] * 0.75)], interpolation="nearest")
            step = int(pictures[place].stem.split("_")[1])
            axes.set_title(f"{objective}, step {step}", fontsize=8)
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path, dpi=120)


def save_map(
    path: Path, grids: Sequence[Grid], *, learning_rates: Sequence[float], ratios: Sequence[str], floor: float,
    title: str,
) -> None:  # fmt: skip
    """Writes one heat map per objective, all on one logarithmic scale; a cell that diverged is hatched.

    Args:
      path: a PNG.
      grids: one per objective.
      learning_rates: of the columns.
      ratios: of the rows.
      floor: the Frechet distance of real pictures, where the scale begins.
      title: above the page.
    """
    from matplotlib.colors import LogNorm

    values = np.concatenate([grid.values.ravel() for grid in grids])
    finite = values[np.isfinite(values)]
    low = max(min(floor, finite.min(initial=np.inf)), 1e-6)
    norm = LogNorm(vmin=low, vmax=max(finite.max(initial=low), 1.01 * low))
    figure = new_figure(1.6 + (0.7 + 0.95 * len(learning_rates)) * len(grids), 1.7 + 0.75 * len(ratios))
    panels = np.atleast_1d(figure.subplots(1, len(grids)))
    for axes, grid in zip(panels, grids, strict=True):
        shading = axes.imshow(grid.values, norm=norm, cmap="viridis_r", aspect="auto")
        for place, value in np.ndenumerate(grid.values):
            if np.isfinite(value):
                dark = norm(value) > 0.55
                axes.text(place[1], place[0], f"{value:.3g}", ha="center", va="center", fontsize=9,
                          color="white" if dark else "black")  # fmt: skip
            else:
                axes.text(place[1], place[0], "diverged", ha="center", va="center", fontsize=7)
        axes.set_xticks(range(len(learning_rates)), [f"{rate:g}" for rate in learning_rates], fontsize=8)
        axes.set_yticks(range(len(ratios)), list(ratios), fontsize=8)
        axes.set_title(grid.objective.replace("_", " "), fontsize=9)
        axes.set_xlabel("learning rate", fontsize=8)
    panels[0].set_ylabel("updates G:D", fontsize=8)
    figure.colorbar(shading, ax=list(panels), fraction=0.04)
    figure.suptitle(f"{title} (real pictures: {floor:.3g})", fontsize=10)
    save_figure(figure, path, dpi=120)


def _colors(count: int) -> list[str]:
    return [COLORS[i % len(COLORS)] for i in range(count)]
