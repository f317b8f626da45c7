"""The table of scores, in Markdown."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Any

from experiments.harness.reports.tables import markdown_table, number_cell

ROWS = {
    "real training rows (floor)": "real",
    "samples": "samples",
    "Chow-Liu tree": "tree",
    "independent columns (ceiling)": "independent",
}
LIBRARY = {"sdmetrics, shapes": "column_shapes", "sdmetrics, trends": "pair_trends"}
COLUMNS = {
    "columns": "columns",
    "pairs": "pairs",
    "trained here, tested on real": "train_here_test_real",
    "told from real": "two_sample",
    "copies": "copied_share",
    "columns from the nearest": "mean_distance",
}
MEANING = (
    "Columns and pairs: mean total variation from held-out rows. Trained here, tested on real: accuracy of a random "
    "forest in predicting {label}. Told from real: accuracy of one that tells rows from held-out ones; 0.5 if it "
    "cannot. Copies: share of rows that are equal to a training row; columns from the nearest: in how many columns a "
    "row differs from the nearest training row; both of held-out rows in the first line."
)


def worst_lines(found: Mapping[str, Any]) -> list[str]:
    """Writes the columns and the pairs that are farthest above their floor, a line of each."""
    titles = {"worst_columns": "Worst columns", "worst_pairs": "Worst pairs"}
    entries = {
        title: "; ".join(f"{entry['name']} {entry['distance']:.3f} ({entry['floor']:.3f})" for entry in found[key])
        for key, title in titles.items()
    }
    return [f"{title}, with the floor of each: {listed}." for title, listed in entries.items()]


def scores_table(result: Mapping[str, Any]) -> str:
    """Writes the result of one seed, or of several combined, in Markdown."""
    shown: dict[str, tuple[str, ...]] = {title: (name,) for title, name in COLUMNS.items() if name in result["samples"]}
    if "sdmetrics" in result["samples"]:
        shown |= {title: ("sdmetrics", name) for title, name in LIBRARY.items()}
    rows = [
        [
            title,
            *(number_cell(functools.reduce(operator.getitem, place, result[name]), ".3f") for place in shown.values()),
        ]
        for title, name in ROWS.items()
    ]
    several = result.get("seeds")
    seeds = (
        f"Mean ± standard deviation over seeds {several[0]} to {several[-1]}" if several else f"Seed {result['seed']}"
    )
    lines = [markdown_table(["rows", *shown], rows), MEANING.format(label=result["label"])]
    lines.append(f"Kept of the dependence between columns: {number_cell(result['kept_dependence'], '.1%')}.")
    if not several:
        lines += worst_lines(result)
    lines.append(f"{seeds}, {result['steps']} steps, {result['training_seconds']:.0f} s, {result['commit']}.")
    return "\n\n".join(lines) + "\n"
