"""The descents in numbers, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.harness.reports.tables import markdown_table
from experiments.pixel_descent.descent import Descent


def descent_row(descent: Descent) -> dict[str, Any]:
    """Summarises one descent as JSON values."""
    means = descent.logits.mean(axis=1)
    # Nine tenths of the way from where F starts, below 0, to the boundary: seeking it, F comes near and never crosses.
    reached = np.flatnonzero(means >= min(0.1 * float(means[0]), 0.0))
    return {
        "objective": descent.objective,
        "rate": descent.rate,
        "mean_logit": [round(float(means[step]), 3) for step in descent.moments],
        "highest_mean_logit": round(float(means.max()), 3),
        "last_rms_logit": round(float(np.sqrt(np.square(descent.logits[-1]).mean())), 3),
        "share_beyond_boundary": round(float(np.mean(descent.logits[-1] > 0.0)), 3),
        "steps_to_boundary": int(reached[0]) if len(reached) else None,
        "drift_at_boundary": round(float(descent.drift[reached[0]].mean()), 3) if len(reached) else None,
        "drift": [round(float(descent.drift[step].mean()), 3) for step in descent.moments],
        "frechet": descent.frechet,
        "moments": descent.moments,
    }


def descents_table(rows: Sequence[dict[str, Any]], *, floor: float) -> str:
    """Writes the table in Markdown.

    Args:
      rows: from :func:`descent_row`.
      floor: the Frechet distance of real images.

    Returns:
      Markdown.
    """
    header = ["objective", "rate", "mean F", "rms F", "F > 0", "steps to near 0", "drift there", "drift", "Frechet",
              "at worst"]  # fmt: skip
    cells = []
    for row in rows:
        reached = row["steps_to_boundary"]
        cells.append([
            row["objective"], f"{row['rate']:g}", f"{row['mean_logit'][-1]:+.2f}", f"{row['last_rms_logit']:.2f}",
            f"{row['share_beyond_boundary']:.2f}", "-" if reached is None else str(reached),
            "-" if reached is None else f"{row['drift_at_boundary']:.2f}", f"{row['drift'][-1]:.2f}",
            f"{row['frechet'][-1]:.2f}", f"{max(row['frechet']):.2f}",
        ])  # fmt: skip
    return (
        f"Frechet distance of as many real pictures: {floor:.2f}.\n\n"
        f"Before the descent: {rows[0]['frechet'][0]:.2f}, with a mean F of {rows[0]['mean_logit'][0]:+.2f}.\n\n"
        f"{markdown_table(header, cells)}\n"
    )
