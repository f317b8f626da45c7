"""Curves of a report: their points, and captions that need no knowledge of the paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bgan_jax.runtime.metric_descriptions import METRICS

COLORS = ("#1f5fa8", "#c2571a", "#2b8a5b", "#8a3ea8", "#a8842b", "#b02a4a", "#3b8ea5", "#5b5b5b")
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
