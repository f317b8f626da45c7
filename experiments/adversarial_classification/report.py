"""The table and the picture of adversarial classification."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.runtime.plotting import new_figure, save_figure
from experiments.adversarial_classification.systems import COLUMNS, CROSS_ENTROPY, DIVERGENCES, RECALLED, WASSERSTEIN
from experiments.adversarial_classification.training import Curve

TITLES = {
    "importance_sampling": "importance sampling",
    "reinforce_moving_average": "REINFORCE, moving average",
    "reinforce_leave_one_out": "REINFORCE, leave one out",
    "exact": "exact",
    CROSS_ENTROPY: "cross-entropy",
    WASSERSTEIN: "WGAN, clipping",
}
COLORS = {
    "importance_sampling": "tab:blue",
    "reinforce_moving_average": "tab:red",
    "reinforce_leave_one_out": "tab:orange",
    "exact": "tab:green",
    CROSS_ENTROPY: "black",
    WASSERSTEIN: "tab:gray",
}


class Spread(NamedTuple):
    """Mean and sample deviation over seeds; no deviation of a single one."""

    mean: float
    deviation: float | None

    def __str__(self) -> str:
        return f"{self.mean:.2f}" + ("" if self.deviation is None else f" ± {self.deviation:.2f}")


def spread(values: Sequence[float]) -> Spread | None:
    """Mean and deviation, or None of nothing.

    Example:
      >>> str(spread([1.0, 2.0, 3.0])), str(spread([1.0])), spread([])
      ('2.00 ± 1.00', '1.00', None)
    """
    if not values:
        return None
    return Spread(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None)


def row(name: str, curves: Sequence[Curve]) -> dict[str, Any]:
    """One system's line of result.json; runs that ended early are counted and left out of the means."""
    ended = [curve for curve in curves if curve.stopped is None]
    test = spread([curve.test_error[-1] for curve in ended])
    train = spread([curve.train_error[-1] for curve in ended])
    lowest = spread([min(curve.test_error) for curve in ended])
    return {
        "system": name,
        "test_error": test and test.mean,
        "test_error_sd": test and test.deviation,
        "train_error": train and train.mean,
        "train_error_sd": train and train.deviation,
        "lowest_test_error": lowest and lowest.mean,
        "seeds": len(ended),
        "stopped": [curve.stopped for curve in curves if curve.stopped is not None],
        "seconds": round(statistics.fmean(curve.seconds for curve in curves), 1),
        "paper_as_recalled": RECALLED.get(name),
    }


def markdown(rows: Sequence[Mapping[str, Any]], *, protocol: str) -> str:
    """The paper's table with ours beside it, and then every system's line."""
    by_name = {line["system"]: line for line in rows}

    def ours(name: str, quantity: str = "test_error") -> str:
        line = by_name.get(name)
        if line is None:
            return ""
        if line[quantity] is None:
            return "not finite"
        return str(Spread(line[quantity], line.get(f"{quantity}_sd")))

    def recalled(name: str) -> str:
        return f"{RECALLED[name]:.1f}" if name in RECALLED else ""

    paired = [column for column in COLUMNS if f"{DIVERGENCES[0]}/{column}" in RECALLED]
    heads = [head for column in COLUMNS for head in ([TITLES[column]] + ["paper, as recalled"] * (column in paired))]
    lines = [
        protocol,
        "",
        "Test error, %. Figures of the paper are quoted as recalled and unverified, from another setting.",
        "",
        "| | ours | paper, as recalled |",
        "|---|---|---|",
        *(f"| {TITLES[name]} | {ours(name)} | {recalled(name)} |" for name in (CROSS_ENTROPY, WASSERSTEIN)),
        "",
        f"| f | {' | '.join(heads)} |",
        "|---" * (1 + len(heads)) + "|",
    ]
    for divergence in DIVERGENCES:
        cells = []
        for column in COLUMNS:
            name = f"{divergence}/{column}"
            cells += [ours(name)] + [recalled(name)] * (column in paired)
        lines.append(f"| {divergence} | {' | '.join(cells)} |")
    lines += [
        "",
        "| system | test error | lowest on the way | train error | seeds | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for line in rows:
        name = line["system"]
        cells = [ours(name), ours(name, "lowest_test_error"), ours(name, "train_error")]
        ended = f"{line['seeds']}" + (f" ({len(line['stopped'])} not finite)" if line["stopped"] else "")
        lines.append(f"| {name} | {' | '.join(cells)} | {ended} | {line['seconds']:.0f} |")
    return "\n".join(lines) + "\n"


def save_curves(path: Path, curves: Mapping[str, Sequence[Curve]], *, title: str) -> None:
    """Test error above, train error below, a column of panels for each divergence; bands are from seed to seed."""
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
