"""The figure of adversarial classification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.runtime.plotting import new_figure, save_figure
from experiments.adversarial_classification.systems import CROSS_ENTROPY, DIVERGENCES, TITLES, WASSERSTEIN
from experiments.adversarial_classification.training import Curve

COLORS = {
    "importance_sampling": "tab:blue",
    "reinforce_moving_average": "tab:red",
    "reinforce_leave_one_out": "tab:orange",
    "exact": "tab:green",
    CROSS_ENTROPY: "black",
    WASSERSTEIN: "tab:gray",
}


def save_curves(path: Path, curves: Mapping[str, Sequence[Curve]], *, title: str) -> None:
    """Writes test errors above train errors, with a column of panels for each divergence.

    Args:
      path: a PNG file.
      curves: of every system, one per seed; bands reach from the lowest seed to the highest.
      title: above the figure.
    """
    from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

    divergences = [name for name in DIVERGENCES if any(known.startswith(f"{name}/") for known in curves)] or [""]
    figure = new_figure(max(3.1 * len(divergences) + 1.2, 7.5), 6.2)
    panels = figure.subplots(2, len(divergences), sharex=True, sharey=True, squeeze=False)
    everything = [e for runs in curves.values() for run in runs for e in (*run.test_error, *run.train_error)]
    for column, divergence in enumerate(divergences):
        shown = [name for name in curves if name.startswith(f"{divergence}/") or "/" not in name]
        for panel, quantity in zip(panels[:, column], ("test_error", "train_error"), strict=True):
            for name in shown:
                _line(panel, curves[name], quantity, kind=name.rpartition("/")[2])
            panel.set_yscale("log")
            panel.yaxis.set_major_locator(FixedLocator([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 40, 60, 90]))
            panel.yaxis.set_minor_locator(NullLocator())
            panel.yaxis.set_major_formatter(ScalarFormatter())
            panel.set_ylim(max(0.08, 0.8 * min(everything, default=1.0)), 100)
            panel.grid(alpha=0.3)
        panels[0, column].set_title(divergence.replace("_", " "))
        panels[1, column].set_xlabel("epochs")
    panels[0, 0].set_ylabel("test error, %")
    panels[1, 0].set_ylabel("train error, %")
    found: dict[str, Any] = {}
    for panel in panels.ravel():
        found |= dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    if found:
        figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(title)
    save_figure(figure, path)


def _line(panel: Any, runs: Sequence[Curve], quantity: str, *, kind: str) -> None:
    ended = [run for run in runs if run.stopped is None]
    if not ended:
        return
    values = np.array([getattr(run, quantity) for run in ended])
    # Nothing is drawn below a tenth of a percent: a logarithm of zero has no place.
    values = np.maximum(values, 0.1)
    baseline = kind in (CROSS_ENTROPY, WASSERSTEIN)
    style = {"color": COLORS[kind], "linestyle": "--" if baseline else "-", "linewidth": 1.2}
    panel.plot(ended[0].epochs, values.mean(axis=0), label=TITLES[kind], **style)
    if len(ended) > 1:
        panel.fill_between(
            ended[0].epochs, values.min(axis=0), values.max(axis=0), color=COLORS[kind], alpha=0.15, linewidth=0
        )
