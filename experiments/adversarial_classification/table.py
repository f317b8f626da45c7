"""The table of adversarial classification, beside the paper's."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.adversarial_classification.systems import (
    COLUMNS,
    CROSS_ENTROPY,
    DIVERGENCES,
    RECALLED,
    TITLES,
    WASSERSTEIN,
)
from experiments.adversarial_classification.training import Curve
from experiments.harness.metrics.mean_and_sd import mean_and_sd
from experiments.harness.reports.tables import markdown_table, plus_minus


def system_row(name: str, curves: Sequence[Curve]) -> dict[str, Any]:
    """Summarises one system for ``result.json``; runs that ended early are counted and left out of the means."""
    ended = [curve for curve in curves if curve.stopped is None]
    test = mean_and_sd([curve.test_error[-1] for curve in ended])
    train = mean_and_sd([curve.train_error[-1] for curve in ended])
    return {
        "system": name,
        "test_error": test.mean,
        "test_error_sd": test.sd,
        "train_error": train.mean,
        "train_error_sd": train.sd,
        "lowest_test_error": mean_and_sd([min(curve.test_error) for curve in ended]).mean,
        "seeds": len(ended),
        "stopped": [curve.stopped for curve in curves if curve.stopped is not None],
        "seconds": round(statistics.fmean(curve.seconds for curve in curves), 1),
        "paper_as_recalled": RECALLED.get(name),
    }


def systems_table(rows: Sequence[Mapping[str, Any]], *, protocol: str) -> str:
    """Writes the paper's table with our numbers beside it, and then a line for every system.

    Args:
      rows: from :func:`system_row`.
      protocol: what was trained and measured.

    Returns:
      Markdown.
    """
    by_name = {row["system"]: row for row in rows}

    def ours(name: str, quantity: str = "test_error") -> str:
        row = by_name.get(name)
        return "" if row is None else plus_minus(row[quantity], row.get(f"{quantity}_sd"), digits=2)

    def recalled(name: str) -> str:
        return f"{RECALLED[name]:.1f}" if name in RECALLED else ""

    paired = [column for column in COLUMNS if f"{DIVERGENCES[0]}/{column}" in RECALLED]
    heads = [head for column in COLUMNS for head in ([TITLES[column]] + ["paper, as recalled"] * (column in paired))]
    by_divergence = []
    for divergence in DIVERGENCES:
        cells = [divergence]
        for column in COLUMNS:
            name = f"{divergence}/{column}"
            cells += [ours(name)] + [recalled(name)] * (column in paired)
        by_divergence.append(cells)
    by_system = []
    for row in rows:
        name = row["system"]
        ended = f"{row['seeds']}" + (f" ({len(row['stopped'])} not finite)" if row["stopped"] else "")
        by_system.append([
            name, ours(name), ours(name, "lowest_test_error"), ours(name, "train_error"), ended,
            f"{row['seconds']:.0f}",
        ])  # fmt: skip
    baselines = [[TITLES[name], ours(name), recalled(name)] for name in (CROSS_ENTROPY, WASSERSTEIN)]
    parts = [
        protocol,
        "Test error, %. Figures of the paper are quoted as recalled and unverified, from another setting.",
        markdown_table(["", "ours", "paper, as recalled"], baselines),
        markdown_table(["f", *heads], by_divergence),
        markdown_table(["system", "test error", "lowest on the way", "train error", "seeds", "seconds"], by_system),
    ]
    return "\n\n".join(parts) + "\n"
