"""Matplotlib figures without a screen: how they are made and written."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal

from bgan_jax.atomic_files import unwritable, write_atomically
from bgan_jax.data import default_cache_dir


def new_figure(width: float, height: float, *, layout: Literal["constrained"] | None = "constrained") -> Any:
    """Makes a matplotlib figure that has no window and does not touch pyplot's global state.

    Args:
      width: in inches.
      height: in inches.
      layout: matplotlib's layout engine; ``None`` where axes are placed by hand.

    Example:
      >>> new_figure(4.0, 3.0).get_size_inches().tolist()
      [4.0, 3.0]
    """
    _choose_matplotlib_folder()
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import, and most modules draw nothing
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _choose_matplotlib_folder() -> None:
    """Sets the folder of matplotlib's settings and caches where its own cannot be written, before it is imported."""
    if os.environ.get("MPLCONFIGDIR") or "matplotlib" in sys.modules:
        return
    try:
        variables = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}
        places = [Path(os.environ.get(name) or Path.home() / own) for name, own in variables.items()]
    except RuntimeError:  # there is no home folder
        places = []
    if not places or any(unwritable(place / "matplotlib") for place in places):
        os.environ["MPLCONFIGDIR"] = str(default_cache_dir() / "matplotlib")


def save_figure(figure: Any, path: Path, *, dpi: int = 110) -> None:
    """Writes a figure as PNG, atomically."""
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=dpi))
