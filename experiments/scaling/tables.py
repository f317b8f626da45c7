"""The tables of the scaling report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from experiments.harness.reports.tables import markdown_table, median_cell
from experiments.scaling.clusters import CLUSTERS, LINK_LATENCY, NETWORK_LATENCY, ring_bytes

# Numbers of devices in the columns, and the one that is shown in detail.
SHOWN = (8, 64, 256, 1024, 4096)
EXAMPLE = 256


def _counted_table(rows: Sequence[dict[str, Any]]) -> str:
    header = [
        "row", "batch per device", "GFLOP per device and step", "parameters", "all-reduces", "bytes of the parameters",
        *(f"bytes, {number} device{'s' * (number != '1')}" for number in rows[0]["bytes_by_devices"]),
    ]  # fmt: skip
    lines = [
        [
            row["name"], str(row["batch_per_device"]), f"{row['flops_per_device'] / 1e9:.2f}", f"{row['parameters']:,}",
            str(len(row["all_reduces"])), f"{4 * row['parameters']:,}",
            *(f"{number:,}" for number in row["bytes_by_devices"].values()),
        ]
        for row in rows
    ]  # fmt: skip
    return markdown_table(header, lines)


def _ring_table(rows: Sequence[dict[str, Any]]) -> str:
    devices = (1, 2, *SHOWN)
    lines = [
        [row["name"], *(f"{ring_bytes(sum(row['all_reduces']), devices=n) / 1e6:.2f}" for n in devices)] for row in rows
    ]
    return markdown_table(["row", *(f"{n:,}" for n in devices)], lines)


def _model_table(rows: Sequence[dict[str, Any]]) -> str:
    header = [
        "row", "machine", "1, ms", *(f"{n:,}" for n in SHOWN), f"{EXAMPLE}: transfer + latency, ms",
        f"{EXAMPLE}: batch per device for 90 %",
    ]  # fmt: skip
    lines = []
    for row in rows:
        for cluster, steps in row["model"].items():
            by_devices = {step["devices"]: step for step in steps}
            at_peak = {step["devices"]: step for step in row["model_at_peak"][cluster]}
            cells = [
                f"{1e3 * by_devices[n]['total']:.3g} ms, {100 * by_devices[n]['efficiency']:.0f} % "
                f"({100 * at_peak[n]['efficiency']:.0f} %)"
                for n in SHOWN
            ]
            one, many = by_devices[1], by_devices[EXAMPLE]
            # Arithmetic grows with the batch, communication does not.
            enough = 9 * (many["transfer"] + many["latency"]) / many["compute"] * row["batch_per_device"]
            lines.append([
                row["name"], CLUSTERS[cluster].name, f"{1e3 * one['total']:.3g}", *cells,
                f"{1e3 * many['transfer']:.2g} + {1e3 * many['latency']:.2g}", f"{math.ceil(enough):,}",
            ])  # fmt: skip
    return markdown_table(header, lines)


def _weak_table(rows: Sequence[dict[str, Any]]) -> str:
    header = ["row", "1 device, 1 core, ms (min to max)", "2 devices, 2 cores, ms (min to max)", "efficiency"]
    lines = []
    for row in rows:
        found = row["weak_scaling"]
        times = [median_cell([1e3 * seconds for seconds in found[one]], digits=1) for one in ("one", "two")]
        lines.append([row["name"], *times, f"{100 * found['efficiency']:.0f} %"])
    return markdown_table(header, lines)


def scaling_tables(rows: Sequence[dict[str, Any]], *, utilisation: float) -> str:
    """Writes all tables, each with a line that describes it.

    Args:
      rows: as ``command.py`` makes them, with their models.
      utilisation: the assumed share of the peak.

    Returns:
      Markdown.
    """
    model = (
        f"A MODEL, NOT A MEASUREMENT: milliseconds of a step and efficiency on n devices at {100 * utilisation:g} % of "
        "the peak; in brackets the efficiency if the arithmetic ran at the whole peak, the worst case for the links. "
        f"Assumed, beside that share: {1e6 * LINK_LATENCY:g} us a hop within a group, {1e6 * NETWORK_LATENCY:g} us "
        "between groups, nothing overlapped."
    )
    parts = [
        "Counted in the compiled program: all-reduces of a step, and their bytes on each device.", "",
        _counted_table(rows), "",
        "From that, by a ring: megabytes that each device sends in a step, 2 (n - 1)/n times the bytes, on n devices.",
        "", _ring_table(rows), "",
        model, "",
        _model_table(rows),
    ]  # fmt: skip
    if all(row["weak_scaling"] for row in rows):
        parts += ["", "Measured on virtual devices of this CPU, a core for each, the same batch on each.", "",
                  _weak_table(rows)]  # fmt: skip
    return "\n".join(parts) + "\n"
