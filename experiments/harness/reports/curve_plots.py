"""Plots of curves: one layout, written as SVG for the page and as PNG for ``curves.png``."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from bgan_jax.atomic_files import write_atomically
from bgan_jax.runtime.metric_descriptions import METRICS
from experiments.harness.reports.report_curves import COLORS, Curve, names_in_order, points_of

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 8, 22
# Of the PNG: plots in a row, the space between them, and that of two lines of title above each.
COLUMNS, GAP, HEAD = 3, 16, 40
# The PNG is drawn this much larger and made smaller, since Pillow's lines have hard edges.
FINER = 3
GRID, ZERO, TEXT = "#e7eaee", "#9aa4b0", "#5c6773"


class Label(NamedTuple):
    """A number at an axis; ``x`` is the text's right end (``anchor="end"``) or its middle, ``y`` its baseline."""

    x: float
    y: float
    anchor: str
    text: str


class Plot(NamedTuple):
    """Where everything of a plot is, in units of a frame of ``WIDTH`` by ``HEIGHT``.

    Attributes:
      grid: heights of horizontal lines, and whether each is that of 0.
      labels: of both axes.
      lines: the color and the points of every curve.
    """

    grid: list[tuple[float, bool]]
    labels: list[Label]
    lines: list[tuple[str, list[tuple[float, float]]]]


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Returns round numbers within a range.

    Example:
      >>> ticks(0.0, 9.7)
      [0.0, 2.0, 4.0, 6.0, 8.0]
    """
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]


def arrange(curves: Sequence[Curve]) -> Plot | None:
    """Returns the plot of some curves in one frame; ``None`` where there is nothing to draw."""
    points = [point for curve in curves for point in curve.points]
    if not points:
        return None
    x_low, x_high = _range([x for x, _ in points])
    y_low, y_high = _range([y for _, y in points])

    def across(x: float) -> float:
        return LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def down(y: float) -> float:
        return TOP + (y_high - y) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    heights = ticks(y_low, y_high)
    labels = [Label(LEFT - 5, down(y) + 3.5, "end", f"{y:.6g}") for y in heights]
    labels += [Label(across(x), HEIGHT - 6, "middle", f"{x:.6g}") for x in ticks(x_low, x_high)]
    lines = [(curve.color, [(across(x), down(y)) for x, y in curve.points]) for curve in curves if curve.points]
    return Plot([(down(y), y == 0.0) for y in heights], labels, lines)


def draw(curves: Sequence[Curve], *, label: str) -> str:
    """Draws the curves in one frame, as an SVG element; returns a text where there is nothing to draw."""
    plot = arrange(curves)
    if plot is None:
        return "<p class='quiet'>no finite values</p>"
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">']
    for y, is_zero in plot.grid:
        strong = " class='zero'" if is_zero else ""
        parts.append(f'<line{strong} x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    parts += [
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>' for x, y, anchor, text in plot.labels
    ]
    for color, points in plot.lines:
        if len(points) == 1:
            parts.append(f'<circle cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="2.5" fill="{color}"/>')
        else:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{path}" stroke="{color}"/>')
    return "".join([*parts, "</svg>"])


def save_curves(path: Path, records: Sequence[dict[str, Any]], *, title: str = "") -> None:
    """Writes one PNG with a small plot of every metric over the steps, atomically.

    Args:
      path: the file.
      records: lines of a metrics file, each with ``step``.
      title: of the picture.
    """
    names = [name for name in names_in_order(records) if name in METRICS]
    rows = max(-(-len(names) // COLUMNS), 1)
    size = (COLUMNS * WIDTH + (COLUMNS + 1) * GAP, 34 + rows * (HEAD + HEIGHT + GAP))
    picture = Image.new("RGB", (size[0] * FINER, size[1] * FINER), "white")
    canvas = _Canvas(ImageDraw.Draw(picture), GAP, 0)
    canvas.write(0, 22, ": ".join(filter(None, (title, "metrics over the steps"))), size=14, color="black")
    for i, name in enumerate(names):
        frame = canvas.at((i % COLUMNS) * (WIDTH + GAP), 34 + (i // COLUMNS) * (HEAD + HEIGHT + GAP))
        frame.write(0, 16, METRICS[name].title, size=13, color="black")
        frame.write(0, 32, METRICS[name].subtitle, size=11, color=TEXT)
        plot = arrange([Curve("", COLORS[0], points_of(records, name))])
        if plot is None:
            frame.write(LEFT, HEAD + HEIGHT / 2, "no finite values", size=11, color=TEXT)
        else:
            frame.at(0, HEAD).paint(plot)
    small = picture.resize(size, Image.Resampling.BOX)
    write_atomically(path, lambda file: small.save(file, "PNG", optimize=True))


class _Canvas(NamedTuple):
    """A place on a picture that is ``FINER`` times larger than it will be."""

    draw: ImageDraw.ImageDraw
    left: float
    top: float

    def at(self, x: float, y: float) -> _Canvas:
        return self._replace(left=self.left + x, top=self.top + y)

    def place(self, x: float, y: float) -> tuple[float, float]:
        return (self.left + x) * FINER, (self.top + y) * FINER

    def write(self, x: float, y: float, text: str, *, size: float, color: str, anchor: str = "start") -> None:
        font = ImageFont.load_default(size=size * FINER)
        letter = {"start": "l", "middle": "m", "end": "r"}[anchor]
        self.draw.text(self.place(x, y), text, fill=color, font=font, anchor=f"{letter}s")

    def paint(self, plot: Plot) -> None:
        for y, is_zero in plot.grid:
            ends = [self.place(LEFT, y), self.place(WIDTH - RIGHT, y)]
            self.draw.line(ends, fill=ZERO if is_zero else GRID, width=FINER)
        for label in plot.labels:
            self.write(label.x, label.y, label.text, size=10.5, color=TEXT, anchor=label.anchor)
        for color, points in plot.lines:
            placed = [self.place(x, y) for x, y in points]
            if len(placed) == 1:
                (x, y), r = placed[0], 2.5 * FINER
                self.draw.ellipse([x - r, y - r, x + r, y + r], fill=color)
            else:
                self.draw.line(placed, fill=color, width=round(1.4 * FINER), joint="curve")


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.04 * (high - low) or max(abs(high), 1.0) * 0.5
    return low - margin, high + margin
