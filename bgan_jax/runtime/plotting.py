"""Figures without a screen, and the files that they end in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal


def new_figure(width: float, height: float, *, layout: Literal["constrained"] | None = "constrained") -> Any:
    """A matplotlib figure that belongs to no window and to no global state.

    Args:
      width: in inches.
      height: in inches.
      layout: what places its parts; ``None`` where they are placed by hand.

    Example:
      >>> new_figure(4.0, 3.0).get_size_inches().tolist()
      [4.0, 3.0]
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import, and most modules draw nothing
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, path: Path, *, dpi: int = 110) -> None:
    """Writes a figure as PNG, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    figure.savefig(temporary, format="png", dpi=dpi)
    os.replace(temporary, path)
