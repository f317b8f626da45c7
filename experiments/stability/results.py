"""Curves and final numbers of the runs, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.runtime import workdir
from bgan_jax.runtime.metrics import read_metrics
from experiments.harness.metrics.mean_and_sd import mean_and_sd
from experiments.harness.reports.tables import markdown_table, plus_minus
from experiments.stability.sweep import Sweep, Trial


class Curves(NamedTuple):
    """Metrics of one run over its steps.

    Attributes:
      steps: of the metrics, ``[T]``.
      accuracy: of the discriminator, mean of that on data and that on samples, ``[T]``.
      mean_logit: mean F on samples, nats, ``[T]``.
      logit_deviation: standard deviation of F over samples, nats, ``[T]``.
      measured_steps: of the distances, ``[P]``.
      frechet: Frechet distances, ``[P]``.
    """

    steps: np.ndarray
    accuracy: np.ndarray
    mean_logit: np.ndarray
    logit_deviation: np.ndarray
    measured_steps: np.ndarray
    frechet: np.ndarray


def read_curves(folder: Path) -> Curves:
    """Reads the curves of a run from its folder."""
    metrics = read_metrics(folder / workdir.METRICS)
    measured = read_metrics(folder / workdir.MEASUREMENTS)

    def series(name: str) -> np.ndarray:
        return np.array([record.get(name, np.nan) for record in metrics])

    mean = series("sample_logit")
    return Curves(
        steps=np.array([record["step"] for record in metrics]),
        accuracy=(series("real_accuracy") + series("fake_accuracy")) / 2,
        mean_logit=mean,
        logit_deviation=np.sqrt(np.maximum(series("sample_logit_square") - mean**2, 0.0)),
        measured_steps=np.array([record["step"] for record in measured]),
        frechet=np.array([record["frechet"] for record in measured]),
    )


def trial_row(trial: Trial, result: dict[str, Any], curves: Curves) -> dict[str, Any]:
    """Summarises a trial: distances at its end, and means of its metrics over its last tenth.

    Args:
      trial: which run.
      result: from ``run_trial``.
      curves: of the run.

    Returns:
      JSON values; ``None`` for what a diverged run does not have.
    """
    row = {**trial._asdict(), "diverged": "diverged" in result, "frechet": None, "kernel": None, "best_frechet": None}
    if not row["diverged"]:
        row |= {"frechet": result["samples"]["frechet"], "kernel": result["samples"]["kernel"],
                "best_frechet": float(curves.frechet.min())}  # fmt: skip
    last = slice(-max(len(curves.steps) // 10, 1), None)
    for name in ("accuracy", "mean_logit", "logit_deviation"):
        values = getattr(curves, name)[last]
        row[name] = round(float(values.mean()), 4) if len(values) and np.isfinite(values).all() else None
    return row


def trials_table(rows: Sequence[dict[str, Any]], *, floor: float) -> str:
    """Writes the table of all trials in Markdown.

    Args:
      rows: from :func:`trial_row`.
      floor: the Frechet distance of real images.

    Returns:
      Markdown.
    """
    header = ["objective", "G:D", "learning rate", "seed", "Frechet at the end", "at best", "accuracy of D", "mean F",
              "sd of F"]  # fmt: skip
    digits = {"frechet": 2, "best_frechet": 2, "accuracy": 3, "mean_logit": 2, "logit_deviation": 2}
    cells = [
        [
            row["objective"], row["ratio"], f"{row['learning_rate']:g}", str(row["seed"]),
            *(plus_minus(row[name], None, digits=number, missing="-") for name, number in digits.items()),
        ]
        for row in rows
    ]  # fmt: skip
    return (
        f"Frechet distance of as many real pictures: {floor:.2f}. A row of dashes: numbers were no longer finite.\n\n"
        f"{markdown_table(header, cells)}\n"
    )


def summarize_objectives(rows: Sequence[dict[str, Any]], sweep: Sweep) -> list[dict[str, Any]]:
    """Summarises the runs behind the curves: for every objective, mean and standard deviation over seeds.

    Args:
      rows: from :func:`trial_row`, of all trials.
      sweep: which of them are behind the curves.

    Returns:
      JSON values, in the order of the objectives.
    """
    summary = []
    for objective in sweep.objectives:
        found = [row["frechet"] for row in rows if row["objective"] == objective and Trial.of_row(row) in sweep.curves]
        values = [value for value in found if value is not None]
        mean, sd = mean_and_sd(values).rounded(3)
        summary.append({
            "objective": objective, "frechet": mean, "frechet_sd": sd, "seeds": len(found),
            "diverged": len(found) - len(values),
        })  # fmt: skip
    return summary
