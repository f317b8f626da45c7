"""The table of timed programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.benchmark.peers import PEERS
from experiments.harness.reports.tables import markdown_table, median_cell

# What the last column compares with: names of programs begin so.
RIVALS = ("PyTorch", *PEERS)


def benchmark_table(
    results: Mapping[str, Mapping[str, Any]], *, header: str, unequal: Mapping[str, str] | None = None
) -> str:
    """Writes a line per program, with its ratio to the faster PyTorch form or to the peer.

    Args:
      results: what was measured, by row and program.
      header: the line above.
      unequal: by peer, what differs between its step and ours; stands below.

    Returns:
      Markdown.
    """
    lines = []
    for name, programs in results.items():
        rivals = [entry["median"] for program, entry in programs.items() if program.startswith(RIVALS)]
        for program, entry in programs.items():
            produced = entry["sampled_per_second"] or entry["images_per_second"]
            lines.append([
                name,
                program,
                median_cell([1e3 * seconds for seconds in entry["seconds_per_step"]], digits=1),
                f"{produced:,.0f}",
                f"{100 * entry['share_of_peak']:.0f} %" if entry["share_of_peak"] else "",
                f"{entry['megabytes']:.0f}" if entry["megabytes"] else "",
                f"{entry['compile_seconds']:.1f}" if entry["compile_seconds"] else "",
                f"{min(rivals) / entry['median']:.2f}" if rivals else "",
            ])  # fmt: skip
    columns = [
        "row",
        "program",
        "ms per step (min to max)",
        "samples/s",
        "of peak",
        "MiB",
        "compile, s",
        "times PyTorch",
    ]
    below = [f"{peer} and ours: {difference}." for peer, difference in (unequal or {}).items()]
    return "\n\n".join([header, markdown_table(columns, lines), *below]) + "\n"
