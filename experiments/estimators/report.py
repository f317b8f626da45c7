"""Writes what the estimator laboratory leaves in its workdir."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.runtime import workdir
from experiments.estimators.figures import save_quality_figure, save_training_figure
from experiments.estimators.measurement import Row
from experiments.estimators.runs import Run
from experiments.estimators.tables import (
    cost_table,
    csv_text,
    quality_records,
    quality_table,
    training_records,
    training_table,
)


def write_results(
    folder: Path,
    *,
    rows: Sequence[Row],
    costs: Mapping[tuple[str, int], float],
    runs: Sequence[Run],
    broken: Sequence[str],
    gradients_title: str,
    training_title: str,
    seconds: float,
) -> None:
    """Writes ``tables.md``, CSV files, figures and ``result.json``.

    Args:
      folder: the workdir.
      rows: measured gradients.
      costs: microseconds of one gradient, by name and M.
      runs: training runs.
      broken: violations of the laws.
      gradients_title: above the figure of gradients.
      training_title: above the figure of runs.
      seconds: of the whole command.
    """
    text = []
    if rows:
        write_text(folder / "gradients.csv", csv_text(quality_records(rows)))
        text.append("## Gradients\n\n" + quality_table(rows))
        save_quality_figure(folder / workdir.PICTURES / "gradients.png", rows, title=gradients_title)
    if costs:
        text.append("## Cost\n\n" + cost_table(costs))
    if runs:
        write_text(folder / "training.csv", csv_text(training_records(runs)))
        text.append("## Training\n\n" + training_table(runs))
        save_training_figure(folder / workdir.PICTURES / "training.png", runs, title=training_title)
    text.append("## Laws\n\n" + ("\n".join(f"- BROKEN: {line}" for line in broken) or "All hold.") + "\n")
    write_text(folder / "tables.md", "\n".join(text))
    write_json(
        folder / workdir.RESULT,
        {
            "gradients": quality_records(rows),
            "training": training_records(runs),
            "microseconds": {f"{name}, M={m}": value for (name, m), value in costs.items()},
            "broken": broken,
            "seconds": round(seconds, 1),
            "commit": workdir.commit(),
        },
    )
