"""The table of the objectives in the plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.harness.reports.tables import markdown_table, plus_minus

# Name of a result -> decimals.
DIGITS = {"modes_covered": 1, "high_quality_fraction": 3, "share_divergence": 3, "mean_logit": 2, "logit_deviation": 2}


def objectives_table(rows: Sequence[Mapping[str, Any]], perfect: Mapping[str, float], *, num_modes: int) -> str:
    """Writes the table in Markdown.

    Args:
      rows: of every objective, from ``train_objective``.
      perfect: what samples of p itself score.
      num_modes: modes of p.

    Returns:
      Markdown.
    """
    header = ["objective", f"modes of {num_modes}", "high quality", "KL of shares, nats", "mean F", "sd of F"]
    of_p = ["samples of p", f"{perfect['modes_covered']:.0f}", f"{perfect['high_quality_fraction']:.3f}",
            f"{perfect['share_divergence']:.3f}", "", ""]  # fmt: skip
    lines = [
        [row["objective"], *(plus_minus(row[name], row[f"{name}_sd"], digits=digits, missing="-")
                             for name, digits in DIGITS.items())]
        for row in rows
    ]  # fmt: skip
    return markdown_table(header, [of_p, *lines]) + "\n"
