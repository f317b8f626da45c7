"""The trials' results: their means over seeds, and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.harness.metrics.mean_and_sd import mean_and_sd
from experiments.harness.reports.tables import markdown_table, plus_minus
from experiments.table.table import COLUMNS, LIBRARY, MEANING, worst_lines


def summarize(trials: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Summarises trials: for every system, mean and standard deviation over seeds of each score.

    Example:
      >>> trials = [{"system": "a", "seed": seed, "seconds": 1.0, "scores": {"pairs": 0.1 * seed}} for seed in (1, 3)]
      >>> summarize(trials)[0]["scores"]["pairs"]["mean"]
      0.2
    """
    summary = []
    for system in dict.fromkeys(trial["system"] for trial in trials):
        own = [trial for trial in trials if trial["system"] == system]
        flat = [_flat(trial["scores"]) for trial in own]
        found = {}
        for name in flat[0]:
            mean, deviation = mean_and_sd([scores[name] for scores in flat])
            found[name] = {"mean": mean, "standard_deviation": deviation, "n": len(own)}
        seconds, _ = mean_and_sd([trial["seconds"] for trial in own])
        steps, _ = mean_and_sd([trial.get("steps") for trial in own])
        summary.append({"system": system, "seeds": len(own), "seconds": seconds, "steps": steps, "scores": found})
    return summary


def _flat(scores: Mapping[str, Any]) -> dict[str, float]:
    own = {name: value for name, value in scores.items() if not isinstance(value, Mapping)}
    return own | dict(scores.get("sdmetrics", {}))


def comparison_table(result: Mapping[str, Any], *, seconds: float) -> str:
    """Writes the table of all systems in Markdown."""
    summary = result["summary"]
    shown = {title: name for title, name in {**COLUMNS, **LIBRARY}.items() if name in summary[0]["scores"]}
    rows = []
    for row in summary:
        cells = [row["scores"][name] for name in shown.values()]
        numbers = [plus_minus(cell["mean"], cell["standard_deviation"], digits=3) for cell in cells]
        share = f"{row['kept_dependence']:.0%}" if "kept_dependence" in row else "-"
        rows.append([row["system"], f"{row['seconds']:.0f}", share, *numbers])
    several = max(row["seeds"] for row in summary)
    scored_on = "held-out rows" if result["split"] == "test" else "a fifth of the training rows, not trained on"
    header = ["rows of", "s", "kept dependence", *shown]
    lines = [markdown_table(header, rows), MEANING.format(label=result["label"])]
    if "worst_columns" in result:
        lines += [f"Of boundary seeking, seed 0. {line}" for line in worst_lines(result)]
    seeds = f"mean ± standard deviation over {several} seeds" if several > 1 else "one seed"
    lines.append(
        f"{result['dataset']}, {seconds:g} seconds of the processor for each that trains, scored on {scored_on}; "
        f"{seeds}; {result['commit']}."
    )
    return "\n\n".join(lines) + "\n"
