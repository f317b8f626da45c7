"""Figures of a planar run: one column per objective, as a page and as an animation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.atomic_files import write_atomically
from bgan_jax.runtime.plotting import new_figure, save_figure

HALF_WIDTH = 3.0
INK, DATA, FAKE, EDGE = "#1b1b1f", "#5b7db1", "#d1495b", "#111111"


# The generator's loss of every objective, as the titles of the columns show it.
FORMULAS = {
    "boundary_seeking": "$F^2$",
    "boundary_seeking_centered": r"$(F - \log Z)^2$",
    "boundary_cross_entropy": r"$\log\,(2\,\cosh\,F/2)$",
    "minimax": r"$\log\,(1 - \sigma(F))$",
    "non_saturating": r"$-\log\,\sigma(F)$",
    "f_gan": r"$-f^*(\nu(F))$",
    "least_squares": r"$(F - 1)^2/2$",
    "least_squares_boundary": r"$(F - 1/2)^2/2$",
    "wasserstein": "$-F$, Lipschitz",
    "hinge": "$-F$, hinge D",
}


class Frame(NamedTuple):
    """The first seed of one objective at one step.

    Attributes:
      step: number of finished steps.
      samples: points of the generator, ``[n, 2]``.
      logits: F over the window, ``[side, side]``.
      field: minus the slope of the generator's objective over the window, ``[coarse, coarse, 2]``.
    """

    step: int
    samples: np.ndarray
    logits: np.ndarray
    field: np.ndarray


class Column(NamedTuple):
    """One objective over the run, a column of the figure.

    Attributes:
      title: the objective's name and formula.
      boundary: the value of F at which the discriminator is undecided; ``None`` where there is none.
      frames: over the run.
      steps: of the curves.
      modes: modes covered, ``[seeds, times]``.
      quality: high-quality fraction, ``[seeds, times]``.
    """

    title: str
    boundary: float | None
    frames: Sequence[Frame]
    steps: np.ndarray
    modes: np.ndarray
    quality: np.ndarray


def column_title(objective: str) -> str:
    """Returns an objective's name above its formula."""
    return f"{objective.replace('_', ' ')}\n{FORMULAS[objective]}"


def window(side: int) -> np.ndarray:
    """Returns the points of the figures' window, ``[side, side, 2]``, rows from low to high."""
    places = np.linspace(-HALF_WIDTH, HALF_WIDTH, side, dtype=np.float32)
    return np.stack(np.meshgrid(places, places), axis=-1)


def _bare(axes: Any) -> None:
    axes.set(xlim=(-HALF_WIDTH, HALF_WIDTH), ylim=(-HALF_WIDTH, HALF_WIDTH), xticks=[], yticks=[], aspect="equal")
    for spine in axes.spines.values():
        spine.set_color("#c8c8ce")


def _draw_density(axes: Any, density: np.ndarray) -> None:
    # The square root shows the flanks of narrow modes.
    axes.imshow(
        np.sqrt(density / density.max()), extent=(-HALF_WIDTH, HALF_WIDTH) * 2, origin="lower", cmap="Blues",
        vmin=0.0, vmax=1.6, interpolation="bilinear",
    )  # fmt: skip
    _bare(axes)


def _draw_data(axes: Any, density: np.ndarray, data: np.ndarray) -> None:
    _draw_density(axes, density)
    axes.scatter(*data.T, s=2.2, color=DATA, alpha=0.55, linewidths=0)


def _draw_boundary(axes: Any, frame: Frame, boundary: float | None) -> None:
    if boundary is None or not frame.logits.min() < boundary < frame.logits.max():
        return
    places = np.linspace(-HALF_WIDTH, HALF_WIDTH, len(frame.logits))
    axes.contour(places, places, frame.logits, levels=[boundary], colors=EDGE, linewidths=0.9)


def _draw_samples(axes: Any, frame: Frame, boundary: float | None, density: np.ndarray) -> None:
    _draw_density(axes, density)
    axes.scatter(*frame.samples.T, s=2.2, color=FAKE, alpha=0.55, linewidths=0)
    _draw_boundary(axes, frame, boundary)


def _draw_field(axes: Any, frame: Frame, boundary: float | None) -> None:
    logits = frame.logits - (boundary if boundary is not None else np.median(frame.logits))
    scale = max(float(np.quantile(np.abs(logits), 0.9)), 1e-3)
    axes.imshow(
        logits, extent=(-HALF_WIDTH, HALF_WIDTH) * 2, origin="lower", cmap="RdBu", vmin=-1.6 * scale,
        vmax=1.6 * scale, interpolation="bilinear", alpha=0.8,
    )  # fmt: skip
    points = window(len(frame.field))
    norms = np.linalg.norm(frame.field, axis=-1, keepdims=True)
    typical = max(float(np.quantile(norms, 0.8)), 1e-12)
    # Directions as they are, lengths saturating: a field over two decades would otherwise be a few long arrows.
    arrows = frame.field / np.maximum(norms, 1e-12) * np.tanh(1.2 * norms / typical)
    axes.quiver(
        points[..., 0], points[..., 1], arrows[..., 0], arrows[..., 1], color=INK, angles="xy", scale_units="xy",
        scale=1 / (2.1 * HALF_WIDTH / len(points)), width=0.0062, headwidth=3.6, headlength=4.0, headaxislength=3.6,
    )  # fmt: skip
    _draw_boundary(axes, frame, boundary)
    _bare(axes)


def _place(figure: Any, row: int, column: int, *, rows: Sequence[float], columns: int, top: float) -> Any:
    """Adds axes in a grid of equal columns; ``rows`` are heights in inches from the top, ``top`` the space above."""
    width, height = figure.get_size_inches()
    cell = (width - 0.55) / columns
    above = top + sum(rows[:row])
    return figure.add_axes(
        ((0.5 + column * cell) / width, 1 - (above + rows[row] - 0.08) / height, (cell - 0.08) / width,
         (rows[row] - 0.08) / height)
    )  # fmt: skip


CELL = 2.35


def save_data(path: Path, *, density: np.ndarray, data: np.ndarray) -> None:
    """Writes the picture of the data alone, as PNG.

    Args:
      path: the file.
      density: p over the window, ``[side, side]``.
      data: samples of p, ``[n, 2]``.
    """
    figure = new_figure(2 * CELL, 2 * CELL)
    _draw_data(figure.subplots(), density, data)
    save_figure(figure, path)


def save_page(
    path: Path,
    columns: Sequence[Column],
    *,
    density: np.ndarray,
    data: np.ndarray,
    perfect: tuple[float, float],
    title: str,
) -> None:
    """Writes the page: data and every objective's samples, F with the generator's field, and curves over the run.

    Args:
      path: a PNG.
      columns: one per objective.
      density: p over the window, ``[side, side]``.
      data: samples of p, ``[n, 2]``.
      perfect: modes covered and high-quality fraction of samples of p.
      title: above the page.
    """
    rows = (CELL, CELL, 1.75, 1.75)
    count = len(columns) + 1
    figure = new_figure(0.55 + CELL * count, 1.0 + sum(rows) + 0.55, layout=None)
    figure.text(0.5 / (0.55 + CELL * count), 1 - 0.22 / figure.get_size_inches()[1], title, fontsize=11,
                fontweight="bold", color=INK, va="center")  # fmt: skip
    axes = _place(figure, 0, 0, rows=rows, columns=count, top=0.85)
    _draw_data(axes, density, data)
    axes.set_title("data p\n", fontsize=9, color=INK)
    _legend(_place(figure, 1, 0, rows=rows, columns=count, top=0.85))
    for i, column in enumerate(columns):
        last = column.frames[-1]
        axes = _place(figure, 0, i + 1, rows=rows, columns=count, top=0.85)
        _draw_samples(axes, last, column.boundary, density)
        axes.set_title(column.title, fontsize=9, color=INK)
        _draw_field(_place(figure, 1, i + 1, rows=rows, columns=count, top=0.85), last, column.boundary)
        for row, (values, label) in enumerate(((column.modes, "modes covered"), (column.quality, "high quality"))):
            axes = _place(figure, 2 + row, i + 1, rows=rows, columns=count, top=0.95)
            _draw_curve(axes, column.steps, values, label=label if i == 0 else "", top=perfect[row], last_row=row == 1)
    save_figure(figure, path)


def _legend(axes: Any) -> None:
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    lines = (
        (DATA, "p: density, and samples"),
        (FAKE, "q: the generator's samples"),
        (EDGE, "boundary: D cannot tell"),
        ("#2b6cb0", "blue: F says real"),
        ("#b2182b", "red: F says fake"),
        (INK, "arrows: where the objective\npushes a generated point"),
        (FAKE, "curves: every seed, and\ntheir mean; dotted: p itself"),
    )
    for i, (color, text) in enumerate(lines):
        height = 0.94 - 0.145 * i
        axes.plot([0.02, 0.12], [height, height], color=color, linewidth=3)
        axes.text(0.17, height, text, fontsize=8, va="center", color=INK)


def _draw_curve(axes: Any, steps: np.ndarray, values: np.ndarray, *, label: str, top: float, last_row: bool) -> None:
    axes.plot(steps, values.T, color=FAKE, alpha=0.3, linewidth=0.8)
    axes.plot(steps, values.mean(axis=0), color=FAKE, linewidth=1.8)
    axes.axhline(top, color="#9a9aa2", linewidth=0.8, linestyle=":")
    axes.set(ylim=(0, 1.08 * top), xlim=(0, steps[-1]))
    axes.tick_params(labelsize=6.5, colors="#55555c", length=2, labelbottom=last_row, labelleft=bool(label))
    axes.grid(alpha=0.2)
    axes.set_ylabel(label, fontsize=8, color=INK)
    if last_row:
        axes.set_xlabel("step", fontsize=7.5, color=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def save_animation(path: Path, columns: Sequence[Column], *, density: np.ndarray, title: str) -> None:
    """Writes samples and fields of every objective over the run as an animated GIF.

    Args:
      path: a GIF.
      columns: one per objective, with equally many frames.
      density: p over the window.
      title: above every frame.
    """
    from PIL import Image

    images = []
    for moment in range(len(columns[0].frames)):
        width, height = 0.55 + CELL * len(columns), 0.8 + 2 * CELL
        figure = new_figure(width, height, layout=None)
        step = columns[0].frames[moment].step
        figure.text(0.5 / width, 1 - 0.18 / height, f"{title}, step {step}", fontsize=10, fontweight="bold",
                    color=INK, va="center")  # fmt: skip
        for i, column in enumerate(columns):
            frame = column.frames[moment]
            axes = _place(figure, 0, i, rows=(CELL, CELL), columns=len(columns), top=0.75)
            _draw_samples(axes, frame, column.boundary, density)
            axes.set_title(column.title, fontsize=8.5, color=INK)
            _draw_field(_place(figure, 1, i, rows=(CELL, CELL), columns=len(columns), top=0.75), frame, column.boundary)
        figure.set_dpi(75)
        figure.canvas.draw()
        images.append(Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3]))
    # One palette for all frames, from the last, which has all the colours: no flicker.
    palette = images[-1].quantize(128)
    frames = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [140] * (len(frames) - 1) + [2500]
    write_atomically(
        path,
        lambda file: frames[0].save(
            file, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True
        ),
    )
