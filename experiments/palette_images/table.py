"""The table of distances of palette images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.harness.reports.tables import markdown_table, number_cell
from experiments.palette_images.distances import COLOR_PROTOCOL

ROWS = {
    "other real images (floor)": "real",
    "samples": "samples",
    "independent pixels": "independent_pixels",
    "generator before training": "untrained",
}
COLUMNS = {
    "palette, bits": "palette_histogram",
    "pixels, total variation": "pixel_marginals",
    "neighbours, bits": "neighbor_pairs",
    "Frechet": "frechet",
    "kernel": "kernel",
}


def distances_table(result: Mapping[str, Any]) -> str:
    """Writes the result of one seed, or of several combined, in Markdown."""
    rows = [
        [title, *(number_cell(result[name][column], ".4g") for column in COLUMNS.values())]
        for title, name in ROWS.items()
    ]
    several = result.get("seeds")
    seeds = (
        f"Mean ± standard deviation over seeds {several[0]} to {several[-1]}" if several else f"Seed {result['seed']}"
    )
    return (
        f"{markdown_table(['distance from held-out images', *COLUMNS], rows)}\n\n"
        f"{result['protocol']}. {COLOR_PROTOCOL}\n\n"
        f"{seeds}, {result['steps']} steps, {result['training_seconds']:.0f} s, {result['commit']}.\n"
    )
