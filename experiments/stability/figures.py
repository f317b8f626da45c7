"""Figures of over-trained generators: curves of every objective, samples over the steps, and the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.runtime import image_files, workdir
from bgan_jax.runtime.plotting import new_figure, save_figure
from experiments.stability.results import Curves
from experiments.stability.sweep import FOLDER, Sweep, Trial

COLORS = ("#5b7db1", "#e0a030", "#d1495b", "#4c956c", "#7b5ea7", "#555555")


class Grid(NamedTuple):
    """One objective's part of the map: last Frechet distances, ``[ratios, learning rates]``, NaN where it diverged."""

    objective: str
    values: np.ndarray


def save_figures(
    folder: Path,
    sweep: Sweep,
    rows: Sequence[dict[str, Any]],
    curves: Mapping[Trial, Curves],
    *,
    floor: float,
    title: str,
) -> None:
    """Writes ``curves.png``, ``samples.png`` and, where the sweep has a map, ``map.png``.

    Args:
      folder: the workdir.
      sweep: all trials.
      rows: of the table, from ``trial_row``.
      curves: of every trial.
      floor: the Frechet distance of real images.
      title: name of the data set.
    """
    shown = sweep.curves[0]
    words = f"{title}, G:D = {shown.ratio}, learning rate {shown.learning_rate:g}"
    of_objective = {
        objective: [curves[trial] for trial in sweep.curves if trial.objective == objective]
        for objective in sweep.objectives
    }
    save_curves(folder / "curves.png", of_objective, floor=floor, title=words)
    save_samples(
        folder / "samples.png",
        {
            trial.objective: sorted((folder / FOLDER / trial.name / workdir.PICTURES).glob("samples_*.png"))
            for trial in sweep.curves
            if trial.seed == 0
        },
        title=f"{words}: seed 0",
    )
    if sweep.map:
        found = {Trial.of_row(row): np.nan if row["frechet"] is None else row["frechet"] for row in rows}
        grids = [
            Grid(
                objective=objective,
                values=np.array([
                    [found[Trial(objective, rate, ratio, 0)] for rate in sweep.learning_rates]
                    for ratio in sweep.ratios
                ]),
            )
            for objective in sweep.objectives
        ]  # fmt: skip
        save_map(folder / "map.png", grids, learning_rates=sweep.learning_rates, ratios=sweep.ratios, floor=floor,
                 title=f"{title}: Frechet distance at the end")  # fmt: skip


def save_curves(path: Path, curves: Mapping[str, Sequence[Curves]], *, floor: float, title: str) -> None:
    """Writes the curves of all objectives, every seed thin and their mean thick.

    Args:
      path: a PNG.
      curves: for every objective those of its seeds.
      floor: the Frechet distance of real images.
      title: above the figure.
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
            # The curves of a diverged run are shorter; the mean is over the steps that all have.
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
    """Writes a part of the saved sample grids: a row for every objective, a column for some of the steps.

    Args:
      path: a PNG.
      grids: for every objective its pictures ``samples_STEP.png``, in order.
      title: above the figure.
      columns: number of steps, at most.
    """
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
            picture = image_files.load_rgb(pictures[place])
            axes.imshow(picture[: picture.shape[0] // 2, : int(picture.shape[1] * 0.75)], interpolation="nearest")
            step = int(pictures[place].stem.split("_")[1])
            axes.set_title(f"{objective}, step {step}", fontsize=8)
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path, dpi=120)


def save_map(
    path: Path, grids: Sequence[Grid], *, learning_rates: Sequence[float], ratios: Sequence[str], floor: float,
    title: str,
) -> None:  # fmt: skip
    """Writes one heat map per objective, all on one logarithmic scale; diverged runs are marked.

    Args:
      path: a PNG.
      grids: one per objective.
      learning_rates: of the columns.
      ratios: of the rows.
      floor: the Frechet distance of real images, where the scale begins.
      title: above the figure.
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
