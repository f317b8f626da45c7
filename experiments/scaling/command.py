"""Counts what a step sends between devices, and models what that costs on large machines.

    python -m experiments.scaling --workdir=runs/scaling

Counted: every all-reduce of the compiled step, at the same batch on every device, on 1, 2 and 8 virtual devices of the
CPU. Modelled, and NOT measured: the step's time on up to 4,096 accelerators, from peak, links and network as their
makers publish them and from an assumed share of the peak. Measured: the step on one core with one virtual device, and
on two cores with two, each with the same batch of its own.

"of the parameters" is 4 bytes for each of them; the rest of the traffic is statistics of batch normalisation and a
dozen metrics. Efficiency is images per second and device, over those of one device alone.
"""

from __future__ import annotations

import logging
import os
import statistics
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.runtime import workdir
from experiments.benchmark.rows import ROWS, TINY_ROW
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.lists import names_of, split_list
from experiments.harness.cli.needs import above
from experiments.harness.cli.shared_flags import SmokeFlag, TimingFlags, WorkdirFlag
from experiments.harness.errors import UsageError
from experiments.harness.runs.folders import check_workdir, open_folder
from experiments.scaling.clusters import CLUSTERS, step_time
from experiments.scaling.figures import save_scaling
from experiments.scaling.row_process import measure
from experiments.scaling.tables import scaling_tables

logger = logging.getLogger("bgan_jax")

SMOKE = {"rows": "tiny", "counted": "2", "rounds": 0}
DEVICES = tuple(2**power for power in range(13))  # 1 to 4,096


@flags.config(
    rounds=flags.override(5, minimum=0, legal="at least 0; 0 measures nothing"),
    seconds=flags.override(needs=[above("rounds", 0)]),
)
class Config(SmokeFlag, TimingFlags, WorkdirFlag):
    """What is counted, assumed and measured."""

    rows: str = flags.flag(
        "digits_20,dcgan32,resnet64", "Rows of the benchmark, separated by commas.", legal=", ".join(ROWS)
    )
    counted: str = flags.flag("1,2,8", "Numbers of virtual devices that the program is compiled for and read.")
    utilisation: float = flags.flag(
        0.125, "Assumed share of an accelerator's peak that the arithmetic reaches.", minimum=1e-3, maximum=1.0
    )


def rows_of(config: Config) -> list[str]:
    """Returns the names of the rows that the flag lists.

    Raises:
      UsageError: an unknown row, or none.
    """
    return names_of("rows", config.rows, legal=(*ROWS, "tiny"))


def counted_of(config: Config) -> list[int]:
    """Returns the numbers of virtual devices that the flag lists.

    Raises:
      UsageError: not a list of numbers from 1 to 64.
    """
    parts = split_list(config.counted)
    if not parts or not all(part.isdecimal() and 1 <= int(part) <= 64 for part in parts):
        raise UsageError(f"--counted={config.counted}: numbers of virtual devices from 1 to 64, by commas")
    return sorted({int(part) for part in parts})


def count(name: str, devices: list[int]) -> dict[str, Any]:
    """Counts a row's traffic on every number of devices, and its arithmetic."""
    row = {**ROWS, "tiny": TINY_ROW}[name]
    by_devices: dict[str, Any] = {}
    for number in devices:
        logger.info("%s: compiling for %d device(s)", name, number)
        by_devices[str(number)] = measure(name, devices=number)
    most = by_devices[str(max(devices))]
    if most["other_collectives"]:
        raise RuntimeError(f"{name}: {most['other_collectives']} collectives other than all-reduces are not counted")
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
    """Models the step on every machine and number of devices."""
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
    """Measures seconds per step of one device on one core, and of two on two.

    Args:
      name: of the row.
      config: the flags.

    Returns:
      JSON values; ``None`` where two cores are unavailable, or nothing is to be measured.
    """
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
    text = scaling_tables(rows, utilisation=config.utilisation)
    write_text(folder / "result.md", text)
    save_scaling(folder / "scaling.png", rows, utilisation=config.utilisation)
    results = {"rows": rows, "utilisation": config.utilisation, "clusters": {
        name: cluster._asdict() for name, cluster in CLUSTERS.items()}, "commit": workdir.commit()}  # fmt: skip
    write_json(folder / workdir.RESULT, results)
    print(text)
    logger.info("scaling.png, result.md and result.json are in %s", folder)
    return results


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
