"""Curves of a report: drawn as SVG, each with a caption that needs no knowledge of the paper."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bgan_jax.runtime.metric_descriptions import METRICS

COLORS = ("#1f5fa8", "#c2571a", "#2b8a5b", "#8a3ea8", "#a8842b", "#b02a4a", "#3b8ea5", "#5b5b5b")
WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 8, 22
# More points than pixels cannot be seen.
MAX_POINTS = 300


def color_key(i: int) -> str:
    """Returns the mark of a run's color, as HTML.

    Args:
      i: position of the run on the page.
    """
    return f"<span class='key' style='background:{COLORS[i % len(COLORS)]}'></span>"


class Curve(NamedTuple):
    """The values of one quantity over a run."""

    run: str
    color: str
    points: list[tuple[float, float]]


def explanation(name: str, *, num_samples: Any = None) -> tuple[str, str]:
    """Returns the title of a quantity, and how to read it.

    Example:
      >>> explanation("effective_sample_size", num_samples=10)[0]
      'Effective sample size, of M = 10'
      >>> explanation("samples.frechet")
      ('samples.frechet', '')
    """
    if name not in METRICS:
        return name, ""
    title, _, text = METRICS[name]
    return (f"{title} = {num_samples}", text) if num_samples and title.endswith("of M") else (title, text)


def names_in_order(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lists every quantity of some records: those with an explanation first, in the order of the explanations."""
    present = {
        name: None
        for record in records
        for name, value in record.items()
        if name != "step" and isinstance(value, int | float) and not isinstance(value, bool)
    }
    known = [name for name in METRICS if name in present]
    return list(dict.fromkeys([*known, *present]))


def points_of(records: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    """Returns ``(step, value)`` of a quantity, averaged over neighbours where there are more than ``MAX_POINTS``."""
    points = [
        (float(record["step"]), float(record[name]))
        for record in records
        if isinstance(record.get(name), int | float) and math.isfinite(record[name])
    ]
    stride = -(-len(points) // MAX_POINTS) or 1
    groups = [points[start : start + stride] for start in range(0, len(points), stride)]
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]


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


def draw(curves: Sequence[Curve], *, label: str) -> str:
    """Draws the curves in one frame, as an SVG element; returns a text where there is nothing to draw."""
    points = [point for curve in curves for point in curve.points]
    if not points:
        return "<p class='quiet'>no finite values</p>"
    x_low, x_high = _range([x for x, _ in points])
    y_low, y_high = _range([y for _, y in points])

    def across(x: float) -> float:
        return LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def down(y: float) -> float:
        return TOP + (y_high - y) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(label)}">']
    for y in ticks(y_low, y_high):
        strong = " class='zero'" if y == 0.0 else ""
        parts.append(f'<line{strong} x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down(y):.1f}" y2="{down(y):.1f}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{down(y) + 3.5:.1f}" text-anchor="end">{y:.6g}</text>')
    for x in ticks(x_low, x_high):
        parts.append(f'<text x="{across(x):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{x:.6g}</text>')
    for curve in curves:
        path = " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in curve.points)
        if len(curve.points) == 1:
            x, y = curve.points[0]
            parts.append(f'<circle cx="{across(x):.1f}" cy="{down(y):.1f}" r="2.5" fill="{curve.color}"/>')
        elif curve.points:
            parts.append(f'<polyline points="{path}" stroke="{curve.color}"/>')
    return "".join([*parts, "</svg>"])


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.04 * (high - low) or max(abs(high), 1.0) * 0.5
    return low - margin, high + margin
