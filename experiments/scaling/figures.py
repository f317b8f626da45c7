"""The figure of scaling: bytes sent, counted, and the efficiency of the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bgan_jax.runtime.plotting import new_figure, save_figure
from experiments.scaling.clusters import CLUSTERS, ring_bytes

COLORS = ("#5b7db1", "#e0a030", "#d1495b", "#4c956c", "#7b5ea7", "#555555")


def save_scaling(path: Path, rows: Sequence[dict[str, Any]], *, utilisation: float) -> None:
    """Writes megabytes sent, and the modelled efficiency on each machine, over the number of devices.

    Args:
      path: a PNG.
      rows: as ``experiments.scaling`` makes them, with their models.
      utilisation: the assumed share of the peak, of the thick lines.
    """
    figure = new_figure(13.0, 3.3)
    sent, *machines = figure.subplots(1, 1 + len(CLUSTERS))
    for number, row in enumerate(rows):
        color = COLORS[number % len(COLORS)]
        total = sum(row["all_reduces"])
        devices = [step["devices"] for step in next(iter(row["model"].values()))]
        megabytes = [ring_bytes(total, devices=n) / 1e6 for n in devices]
        sent.plot(devices[1:], megabytes[1:], color=color, linewidth=2.0, label=row["name"])
        for axes, cluster in zip(machines, CLUSTERS, strict=True):
            for steps, width, style in ((row["model"], 2.0, "-"), (row["model_at_peak"], 1.0, "--")):
                shares = [step["efficiency"] for step in steps[cluster]]
                axes.plot(devices, shares, color=color, linewidth=width, linestyle=style)
    sent.set_title("counted: MB sent per device and step", fontsize=9, loc="left")
    sent.set_ylim(bottom=0.0)
    sent.legend(fontsize=7, frameon=False)
    for axes, machine in zip(machines, CLUSTERS.values(), strict=True):
        axes.set_title(f"modelled: efficiency, {machine.name}", fontsize=9, loc="left")
        axes.set_ylim(0.0, 1.03)
        axes.axvline(machine.group, color="#999999", linewidth=0.8, linestyle=":")
    for axes in (sent, *machines):
        axes.set_xscale("log", base=2)
        axes.set_xticks([1, 8, 64, 512, 4096], ["1", "8", "64", "512", "4096"])
        axes.set_xlabel("devices", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25)
    figure.suptitle(
        f"A model, not a measurement: arithmetic at {100 * utilisation:g} % of the peak (thick) and at all of it "
        "(dashed); dotted: end of the fast links",
        fontsize=10,
    )
    save_figure(figure, path, dpi=120)
