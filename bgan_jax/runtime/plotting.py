"""Matplotlib figures without a screen: how they are made and written, and the page of a run's curves."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from bgan_jax.atomic_files import unwritable, write_atomically
from bgan_jax.data import default_cache_dir
from bgan_jax.runtime.metric_descriptions import METRICS


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


def save_curves(path: Path, records: Sequence[dict[str, Any]], *, title: str = "") -> None:
    """Writes one PNG with a small plot of every metric over the steps.

    Args:
      path: the file.
      records: lines of a metrics file, each with ``step``.
      title: of the page.
    """
    names = [name for name in METRICS if any(name in record for record in records)]
    columns = 3
    rows = max(-(-len(names) // columns), 1)
    # Axes and titles are placed by hand: to let matplotlib find the same places takes longer than to draw the page.
    height = 2.7 * rows + 0.3
    figure = new_figure(4.2 * columns, height, layout=None)
    figure.subplots_adjust(
        left=0.14 / columns, right=1.0 - 0.03 / columns, bottom=0.45 / height, top=1.0 - 0.75 / height, wspace=0.2,
        hspace=0.5,
    )  # fmt: skip
    for i, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, i + 1)
        points = [(record["step"], record[name]) for record in records if name in record]
        axes.plot(*zip(*points, strict=True), linewidth=1.0)
        description = METRICS[name]
        axes.set_title(
            "\n".join(filter(None, (description.title, description.subtitle))), fontsize=8, loc="left", y=1.0
        )
        axes.tick_params(labelsize=7)
        axes.locator_params(nbins=5)
        axes.grid(alpha=0.25)
        axes.set_xlabel("step", fontsize=7)
    figure.suptitle(title, fontsize=9, y=1.0 - 0.15 / height)
    save_figure(figure, path)
