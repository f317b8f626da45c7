"""The figures of the estimator laboratory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.runtime.plotting import new_figure, save_figure
from experiments.estimators.measurement import Row
from experiments.estimators.runs import Run
from experiments.estimators.tables import root

# Name in figures, colour, line. A colour is a family: blue per-latent, orange whole batch, green REINFORCE, purple
# relaxed, black exact.
STYLES: dict[str, tuple[str, str, Any]] = {
    "boundary_seeking": ("per latent, centred", "#08519c", "-"),
    "boundary_seeking_controlled": ("per latent, with the linear part", "#08306b", ":"),
    "boundary_seeking_plain": ("per latent, plain", "#6baed6", "--"),
    "boundary_seeking_marginal": ("whole batch, centred", "#a63603", "-"),
    "boundary_seeking_marginal_plain": ("whole batch, plain", "#fd8d3c", "--"),
    "reinforce": ("REINFORCE, leave-one-out", "#00441b", "-"),
    "reinforce_controlled": ("REINFORCE, with the linear part", "#00441b", ":"),
    "reinforce_learned_baseline": ("REINFORCE, learned baseline", "#41ab5d", "-."),
    "reinforce_moving_average": ("REINFORCE, moving average", "#74c476", "--"),
    "reinforce_no_baseline": ("REINFORCE, no baseline", "#a1d99b", ":"),
    "gumbel_soft": ("Gumbel-softmax, soft", "#6a51a3", "-"),
    "gumbel_straight_through": ("Gumbel-softmax, straight-through", "#9e9ac8", "--"),
    "marginal KL": ("exact gradient of KL(p‖q)", "#000000", "-"),
    "conditional KL": ("exact gradient, per latent", "#000000", "--"),
    "reverse KL": ("exact gradient, reverse KL", "#000000", ":"),
}


def _legend(figure: Any, names: Sequence[str], *, columns: int) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=STYLES[name][1], linestyle=STYLES[name][2], label=STYLES[name][0], linewidth=2)
        for name in STYLES
        if name in names
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=10, frameon=False)


def save_quality_figure(path: Path, rows: Sequence[Row], *, title: str) -> None:
    """Writes bias, standard deviation and direction against M: a column per target, a colour per family of estimators.

    Args:
      path: a PNG file.
      rows: what was measured.
      title: above the figure.
    """
    targets = list(dict.fromkeys(row.target for row in rows))
    names = list(dict.fromkeys(row.estimator for row in rows))
    panels = (
        ("bias,\nshare of the gradient it estimates", lambda row: root(row.own.squared_bias).value or np.nan),
        ("standard deviation,\nshare of the gradient it estimates", lambda row: math.sqrt(row.own.variance.value)),
        ("cosine of one step\nto the gradient it estimates", lambda row: row.own.single_cosine.value),
        ("cosine of the mean step\nto the gradient of KL(p‖q)", lambda row: row.marginal.cosine.value),
    )
    from matplotlib.ticker import LogLocator

    figure = new_figure(max(3.7 * len(targets), 8.0), 13.0)
    grid = figure.subplots(len(panels), len(targets), sharex=True, sharey="row", squeeze=False)
    for column, target in enumerate(targets):
        for line, (label, value) in enumerate(panels):
            axes = grid[line][column]
            for name in names:
                own = [row for row in rows if row.target == target and row.estimator == name]
                counts = [row.num_samples for row in own]
                axes.plot(
                    counts, [value(row) for row in own], color=STYLES[name][1], linestyle=STYLES[name][2],
                    marker="o", markersize=3.5, linewidth=1.4,
                )  # fmt: skip
                if line == 0 and own and own[0].law_bias:
                    axes.plot(
                        counts,
                        [row.law_bias for row in own],
                        "x",
                        color=STYLES[name][1],
                        markersize=8,
                        markeredgewidth=1.3,
                    )
            axes.set_xscale("log")
            if line < 2:
                axes.set_yscale("log")
                axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
                axes.yaxis.set_major_formatter("{x:g}")
            axes.set_xticks(sorted({row.num_samples for row in rows}))
            axes.set_xticklabels([str(m) for m in sorted({row.num_samples for row in rows})])
            axes.minorticks_off()
            axes.grid(alpha=0.25)
            if column == 0:
                axes.set_ylabel(label, fontsize=9.5)
            if line == 0:
                axes.set_title(target, fontsize=10.5)
            if line == len(panels) - 1:
                axes.set_xlabel("M, samples per latent")
    figure.suptitle(
        f"{title}\ntop row: crosses are the exact bias; estimators without significant bias are not drawn", fontsize=11
    )
    _legend(figure, names, columns=2 if len(targets) < 3 else len(targets))
    save_figure(figure, path)


def save_training_figure(path: Path, runs: Sequence[Run], *, title: str) -> None:
    """Writes the exact KL(p || q) over the steps: a column per target, a row per kind of discriminator.

    Args:
      path: a PNG file.
      runs: all runs.
      title: above the figure.
    """
    targets = list(dict.fromkeys(run.target for run in runs))
    kinds = [kind for kind in ("optimal", "trained") if any(run.discriminator == kind for run in runs)]
    figure = new_figure(max(5.6 * len(targets), 9.0), 4.3 * len(kinds) + 1.4)
    grid = figure.subplots(len(kinds), len(targets), squeeze=False)
    for line, kind in enumerate(kinds):
        for column, target in enumerate(targets):
            axes = grid[line][column]
            shown = [run for run in runs if run.target == target and run.discriminator in (kind, "exact")]
            for run in shown:
                steps, kl = run.curves.steps, np.maximum(run.curves.kl, 1e-7)
                _, colour, style = STYLES[run.name]
                axes.plot(steps, np.exp(np.log(kl).mean(axis=0)), color=colour, linestyle=style, linewidth=1.5)
                if run.discriminator != "exact":
                    axes.fill_between(steps, kl.min(axis=0), kl.max(axis=0), color=colour, alpha=0.10, linewidth=0)
            axes.set_yscale("log")
            axes.grid(alpha=0.25)
            axes.set_title(f"{target}; {kind} discriminator", fontsize=10.5)
            axes.set_xlabel("step")
            if column == 0:
                axes.set_ylabel("exact KL(p‖q), nats")
    figure.suptitle(f"{title}\nlines: geometric mean over seeds; shades: smallest to largest", fontsize=11)
    _legend(figure, [run.name for run in runs], columns=4 if len(targets) > 1 else 3)
    save_figure(figure, path)
