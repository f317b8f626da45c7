"""The n-gram divergences of a run: over its steps, and at the end, beside their floors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bgan_jax.runtime.plotting import new_figure, save_figure


def save_divergences(path: Path, measurements: Sequence[dict[str, Any]], result: dict[str, Any], *, title: str) -> None:
    """Writes the picture.

    Args:
      path: a PNG file.
      measurements: records with ``step`` and ``ngram_divergence``, one value for each n.
      result: the run's result, whose ``ngrams`` has the last values, their intervals and floors.
      title: above the picture.
    """
    from matplotlib import colormaps

    figure = new_figure(11.0, 4.2)
    over_time, at_the_end = figure.subplots(1, 2)
    entries = result["ngrams"]
    colors = colormaps["viridis"]([0.9 * i / max(len(entries) - 1, 1) for i in range(len(entries))])
    steps = [record["step"] for record in measurements]
    for i, (entry, color) in enumerate(zip(entries, colors, strict=True)):
        values = [record["ngram_divergence"][i] for record in measurements]
        over_time.plot(steps, values, color=color, marker=".")
        over_time.annotate(
            f"{entry['n']}-grams", (steps[-1], values[-1]), xytext=(5, 0), textcoords="offset points", va="center",
            fontsize=7, color=color,
        )  # fmt: skip
        over_time.axhline(entry["floor"], color=color, linestyle=":", linewidth=1.0)
    over_time.set_xlabel("training step")
    over_time.set_ylabel("Jensen-Shannon divergence, bits")
    over_time.set_title("over the run; dotted: held-out real lines", fontsize=9, loc="left")
    over_time.set_xlim(0, 1.12 * steps[-1])

    orders = [entry["n"] for entry in entries]
    values = [entry["value"] for entry in entries]
    errors = [
        [entry["value"] - entry["low"] for entry in entries],
        [entry["high"] - entry["value"] for entry in entries],
    ]
    at_the_end.errorbar(orders, values, yerr=errors, marker="o", capsize=3, label="generated lines, 95 % interval")
    at_the_end.plot(orders, [entry["floor"] for entry in entries], marker="s", linestyle=":", label="held-out lines")
    at_the_end.set_xlabel("n")
    at_the_end.set_title("at the end", fontsize=9, loc="left")
    at_the_end.set_xticks(orders)
    at_the_end.legend(fontsize=7)
    for axes in (over_time, at_the_end):
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.25)
    figure.suptitle(title, fontsize=9)
    save_figure(figure, path)
