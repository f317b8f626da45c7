"""The table of the metrics of generated lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.harness.reports.tables import markdown_table, plus_minus


def lines_table(result: Mapping[str, Any]) -> str:
    """Writes the result in Markdown, with its protocol and a few lines."""
    bits, copies = result["reverse_bits_per_character"], result["copies"]
    rows = [
        [
            f"{entry['n']}-gram divergence, bits",
            f"{entry['value']:.3f} ({entry['low']:.3f} to {entry['high']:.3f})",
            f"{entry['floor']:.3f}",
        ]
        for entry in result["ngrams"]
    ]
    perplexities = [plus_minus(bits[of]["value"], bits[of]["standard_error"], digits=3) for of in ("samples", "real")]
    rows += [
        ["reverse perplexity, bits per character", *perplexities],
        [
            "lines that are in the training set",
            f"{copies['copied']} of {copies['num_lines']}",
            f"{copies['held_out_copied']} of {copies['held_out_lines']}",
        ],
        ["different lines", f"{copies['distinct']} of {copies['num_lines']}", ""],
    ]
    table = markdown_table(["statistic", "generated lines", "real lines"], rows)
    return "\n".join([table, "", result["protocol"] + ".", "", *(f"    {line}" for line in result["lines"]), ""])
