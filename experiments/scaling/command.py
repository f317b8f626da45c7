"""What a step sends between devices, counted; and what that would cost on large machines, modelled.

    python -m experiments.scaling --workdir=runs/scaling

Counted: every all-reduce of the compiled step, at the same batch on every device, on 1, 2 and 8 virtual devices of the
CPU. Modelled, and NOT measured: the step's time on up to 4,096 accelerators, from peak, links and network as their
makers publish them and from an assumed share of the peak. Measured: the step on one core with one virtual device, and
on two cores with two, each with the same batch of its own.

"of the parameters" is 4 bytes for each of them; the rest of the traffic is statistics of batch normalisation and a
dozen metrics. Efficiency is images per second and device, over those of one device alone.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import statistics
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.runtime import workdir
from experiments.benchmark.rows import ROWS, TINY_ROW
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.errors import UsageError
from experiments.harness.runs.folders import check_workdir, open_folder
from experiments.scaling.clusters import CLUSTERS, LINK_LATENCY, NETWORK_LATENCY, ring_bytes, step_time
from experiments.scaling.figures import save_scaling
from experiments.scaling.spread_row import measure

logger = logging.getLogger("bgan_jax")

SMOKE = {"rows": "tiny", "counted": "2", "rounds": 0}
DEVICES = tuple(2**power for power in range(13))  # 1 to 4,096
SHOWN = (8, 64, 256, 1024, 4096)
EXAMPLE = 256


@dataclasses.dataclass(frozen=True)
class Config:
    """What is counted, assumed and measured."""

    workdir: str = flags.flag("", "Folder that the tables and the figure go to.", may_change=True)
    rows: str = flags.flag(
        "digits_20,dcgan32,resnet64", f"Rows of the benchmark, separated by commas, of {', '.join(ROWS)}."
    )
    counted: str = flags.flag("1,2,8", "Numbers of virtual devices that the program is compiled for and read.")
    utilisation: float = flags.flag(
        0.125, "Assumed share of an accelerator's peak that the arithmetic reaches.", minimum=1e-3, maximum=1.0
    )
    rounds: int = flags.flag(
        5, "How often the step is timed on one core and on two; they take turns; 0 measures nothing.", minimum=0
    )
    seconds: float = flags.flag(2.0, "Least time of one measurement, in seconds.", minimum=0.0)
    smoke: bool = flags.flag(False, "One tiny row, to see that it works.", may_change=True)


def rows_of(config: Config) -> list[str]:
    """The rows that were asked for.

    Raises:
      UsageError: an unknown row, or none.
    """
    names = [name.strip() for name in config.rows.split(",") if name.strip()]
    unknown = [name for name in names if name not in {*ROWS, "tiny"}]
    if unknown or not names:
        raise UsageError(f"--rows={config.rows}: unknown row {unknown[:1]}; legal: {', '.join(ROWS)}")
    return names


def counted_of(config: Config) -> list[int]:
    """The numbers of virtual devices that were asked for.

    Raises:
      UsageError: something else than numbers from 1 to 64.
    """
    parts = [part.strip() for part in config.counted.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and 1 <= int(part) <= 64 for part in parts):
        raise UsageError(f"--counted={config.counted}: numbers of virtual devices from 1 to 64, by commas")
    return sorted({int(part) for part in parts})


def count(name: str, devices: list[int]) -> dict[str, Any]:
    """A row's traffic on every number of devices, and its arithmetic."""
    row = {**ROWS, "tiny": TINY_ROW}[name]
    by_devices: dict[str, Any] = {}
    for number in devices:
        logger.info("%s: compiling for %d device(s)", name, number)
        by_devices[str(number)] = measure(name, devices=number)
    most = by_devices[str(max(devices))]
    if most["other_collectives"]:
        raise RuntimeError(f"{name}: {most['other_collectives']} collectives that are no all-reduces are not counted")
    return {
        "name": row.name,
        "batch_per_device": row.batch_size,
        "parameters": most["parameters"],
        "flops_per_device": most["flops_per_device"],
        "all_reduces": most["all_reduces"],
        "bytes_by_devices": {number: sum(found["all_reduces"]) for number, found in by_devices.items()},
        "number_by_devices": {number: len(found["all_reduces"]) for number, found in by_devices.items()},
    }


def modelled(row: dict[str, Any], *, utilisation: float) -> dict[str, Any]:
    """The model's step on every machine and number of devices."""
    return {
        cluster: [
            {"devices": devices, **step._asdict(), "total": step.total, "efficiency": step.efficiency}
            for devices in DEVICES
            for step in [
                step_time(
                    CLUSTERS[cluster], devices=devices, flops=row["flops_per_device"],
                    all_reduces=tuple(row["all_reduces"]), utilisation=utilisation,
                )
            ]
        ]
        for cluster in CLUSTERS
    }  # fmt: skip


def weak_scaling(name: str, config: Config) -> dict[str, Any] | None:
    """Seconds per step of one device on one core, and of two on two; ``None`` where two cores are not to be had."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if not config.rounds or cores < 2:
        return None
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(config.rounds):
        for devices in seconds:
            logger.info("%s: timing %d device(s) on as many cores", name, devices)
            once = measure(name, devices=devices, rounds=1, seconds=config.seconds, cores=devices)
            seconds[devices] += once["seconds_per_step"]
    one, two = (statistics.median(seconds[devices]) for devices in (1, 2))
    return {"one": seconds[1], "two": seconds[2], "efficiency": one / two}


def _counted_table(rows: list[dict[str, Any]]) -> list[str]:
    numbers = list(rows[0]["bytes_by_devices"])
    lines = [
        "| row | batch per device | GFLOP per device and step | parameters | all-reduces | bytes of the parameters | "
        + " | ".join(f"bytes, {number} device{'s' * (number != '1')}" for number in numbers) + " |",
        "|---" * (6 + len(numbers)) + "|",
    ]  # fmt: skip
    for row in rows:
        cells = [
            row["name"], str(row["batch_per_device"]), f"{row['flops_per_device'] / 1e9:.2f}", f"{row['parameters']:,}",
            str(len(row["all_reduces"])), f"{4 * row['parameters']:,}",
            *(f"{number:,}" for number in row["bytes_by_devices"].values()),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _ring_table(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["| row | " + " | ".join(f"{n:,}" for n in (1, 2, *SHOWN)) + " |", "|---" * (3 + len(SHOWN)) + "|"]
    for row in rows:
        sent = [ring_bytes(sum(row["all_reduces"]), devices=n) / 1e6 for n in (1, 2, *SHOWN)]
        lines.append(f"| {row['name']} | {' | '.join(f'{megabytes:.2f}' for megabytes in sent)} |")
    return lines


def _model_table(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| row | machine | 1, ms | " + " | ".join(f"{n:,}" for n in SHOWN)
        + f" | {EXAMPLE}: transfer + latency, ms | {EXAMPLE}: batch per device for 90 % |",
        "|---" * (5 + len(SHOWN)) + "|",
    ]  # fmt: skip
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
            cells = [
                row["name"], CLUSTERS[cluster].name, f"{1e3 * one['total']:.3g}", *cells,
                f"{1e3 * many['transfer']:.2g} + {1e3 * many['latency']:.2g}", f"{math.ceil(enough):,}",
            ]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _weak_table(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["| row | 1 device, 1 core, ms (min to max) | 2 devices, 2 cores, ms (min to max) | efficiency |",
             "|---|---|---|---|"]  # fmt: skip
    for row in rows:
        found = row["weak_scaling"]
        cells = [
            f"{1e3 * statistics.median(found[one]):.1f} ({1e3 * min(found[one]):.1f} to {1e3 * max(found[one]):.1f})"
            for one in ("one", "two")
        ]
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {100 * found['efficiency']:.0f} % |")
    return lines


def markdown(rows: list[dict[str, Any]], *, utilisation: float) -> str:
    """All tables, each with what it is."""
    model = (
        f"A MODEL, NOT A MEASUREMENT: milliseconds of a step and efficiency on n devices at {100 * utilisation:g} % of "
        "the peak; in brackets the efficiency if the arithmetic ran at the whole peak, the worst case for the links. "
        f"Assumed, beside that share: {1e6 * LINK_LATENCY:g} us a hop within a group, {1e6 * NETWORK_LATENCY:g} us "
        "between groups, nothing overlapped."
    )
    parts = [
        "Counted in the compiled program: all-reduces of a step, and their bytes on each device.", "",
        *_counted_table(rows), "",
        "From that, by a ring: megabytes that each device sends in a step, 2 (n - 1)/n times the bytes, on n devices.",
        "", *_ring_table(rows), "",
        model, "",
        *_model_table(rows),
    ]  # fmt: skip
    if all(row["weak_scaling"] for row in rows):
        parts += ["", "Measured on virtual devices of this CPU, a core for each, the same batch on each.", "",
                  *_weak_table(rows)]  # fmt: skip
    return "\n".join(parts) + "\n"


def main(config: Config) -> dict[str, Any]:
    """Counts, models, measures, and writes everything."""
    names, devices = rows_of(config), counted_of(config)
    check_workdir(config, holds="the tables and the figure go there")
    folder: Path = open_folder(config)
    rows = []
    for name in names:
        row = count(name, devices)
        row["model"] = modelled(row, utilisation=config.utilisation)
        row["model_at_peak"] = modelled(row, utilisation=1.0)
        row["weak_scaling"] = weak_scaling(name, config)
        rows.append(row)
    text = markdown(rows, utilisation=config.utilisation)
    write_text(folder / "result.md", text)
    save_scaling(folder / "scaling.png", rows, utilisation=config.utilisation)
    results = {"rows": rows, "utilisation": config.utilisation, "clusters": {
        name: cluster._asdict() for name, cluster in CLUSTERS.items()}, "commit": workdir.commit()}  # fmt: skip
    write_json(folder / workdir.RESULT, results)
    print(text)
    logger.info("scaling.png, result.md and result.json are in %s", folder)
    return results


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
