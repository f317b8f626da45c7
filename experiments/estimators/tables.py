"""The tables of the estimator laboratory: records for CSV and JSON, and Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from bgan_jax.evaluation.estimator_quality import Estimate
from experiments.estimators.measurement import Row
from experiments.estimators.runs import Run
from experiments.harness.reports.tables import markdown_table, plus_minus


def root(squared: Estimate) -> Estimate:
    """Computes a norm from its square.

    Args:
      squared: the square, with its standard error.

    Returns:
      The norm with its standard error; where the square is within two errors of zero, zero with an upper limit.
    """
    if squared.value > 2 * squared.standard_error:
        value = math.sqrt(squared.value)
        return Estimate(value=value, standard_error=squared.standard_error / (2 * value))
    return Estimate(value=0.0, standard_error=math.sqrt(max(squared.value, 0.0) + 2 * squared.standard_error))


def _with_error(measured: Estimate) -> str:
    if measured.value == 0.0:
        return f"< {measured.standard_error:.3f}"
    return plus_minus(measured.value, measured.standard_error, digits=3)


def quality_records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns the rows as flat records, for CSV and JSON."""
    records = []
    for row in rows:
        bias, to_marginal = root(row.own.squared_bias), root(row.marginal.squared_bias)
        record: dict[str, Any] = {
            "target": row.target,
            "M": row.num_samples,
            "estimator": row.estimator,
            "objective": row.loss,
            "repeats": row.own.num_repeats,
            "bias": bias.value,
            "bias_error": bias.standard_error,
            "exact_bias": row.law_bias,
            "sd": math.sqrt(row.own.variance.value),
            "bias_to_marginal_kl": to_marginal.value,
            "worst_deviation_from_law": row.law_worst,
        }
        for name in ("norm_ratio", "cosine", "single_cosine"):
            record[name], record[f"{name}_error"] = getattr(row.own, name)
        record["cosine_to_marginal_kl"], record["cosine_to_marginal_kl_error"] = row.marginal.cosine
        record["single_cosine_to_marginal_kl"] = row.marginal.single_cosine.value
        records.append(record)
    return records


def csv_text(records: Sequence[dict[str, Any]]) -> str:
    """Writes records as CSV, one line each."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def quality_table(rows: Sequence[Row]) -> str:
    """Writes bias, standard deviation and direction in Markdown, a table per target."""
    header = [
        "M", "estimator", "descends", "bias", "exact bias", "sd", "norm ratio", "cosine of the mean",
        "cosine of one step", "mean's cosine to KL(p‖q)",
    ]  # fmt: skip
    parts = []
    for target in dict.fromkeys(row.target for row in rows):
        lines = [
            [
                str(row.num_samples),
                row.estimator,
                row.loss,
                _with_error(root(row.own.squared_bias)),
                "" if row.law_bias is None else f"{row.law_bias:.3f}",
                f"{math.sqrt(row.own.variance.value):.3f}",
                _with_error(row.own.norm_ratio),
                f"{row.own.cosine.value:.3f}",
                f"{row.own.single_cosine.value:.3f}",
                f"{row.marginal.cosine.value:.3f}",
            ]
            for row in rows
            if row.target == target
        ]
        parts.append(f"### {target}\n\n" + markdown_table(header, lines) + "\n")
    return "\n".join(parts)


def training_records(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Returns the last divergences of the runs, with mean and standard deviation over seeds, as flat records."""
    records = []
    for run in runs:
        kl, reverse_kl = run.curves.kl, run.curves.reverse_kl
        records.append(
            {
                "target": run.target,
                "discriminator": run.discriminator,
                "estimator": run.name,
                "steps": int(run.curves.steps[-1]),
                "seeds": len(kl),
                "first_kl": float(kl[:, 0].mean()),
                "kl": float(kl[:, -1].mean()),
                "kl_sd": float(kl[:, -1].std(ddof=1)) if len(kl) > 1 else 0.0,
                "reverse_kl": float(reverse_kl[:, -1].mean()),
                "mean_kl_of_the_run": float(kl.mean()),
                "microseconds_per_step": run.microseconds,
            }
        )
    return records


def training_table(runs: Sequence[Run]) -> str:
    """Writes the last divergences of the runs in Markdown."""
    header = ["target", "discriminator", "estimator", "KL(p‖q) at the end", "KL(q‖p)", "mean KL of the run", "µs/step"]
    lines = [
        [
            record["target"],
            record["discriminator"],
            record["estimator"],
            plus_minus(record["kl"], record["kl_sd"], digits=4),
            f"{record['reverse_kl']:.4f}",
            f"{record['mean_kl_of_the_run']:.3f}",
            f"{record['microseconds_per_step']:.0f}",
        ]
        for record in training_records(runs)
    ]
    return markdown_table(header, lines) + "\n"


def cost_table(microseconds: Mapping[tuple[str, int], float]) -> str:
    """Writes the time of one gradient against M in Markdown."""
    names = list(dict.fromkeys(name for name, _ in microseconds))
    counts = sorted({m for _, m in microseconds})
    lines = [
        [name, *(f"{microseconds[name, m]:.0f}" if (name, m) in microseconds else "" for m in counts)] for name in names
    ]
    return markdown_table(["µs per gradient", *(f"M = {m}" for m in counts)], lines) + "\n"
