"""The soak test: half an hour of training with frequent checkpoints and random kills; checks memory and files.

First the job is killed at random moments and started again; then it runs undisturbed for as long, so that slow growth
can be distinguished from noise, and is ended by SIGTERM. Memory is compared within one process only. A process is warm
after ten checkpoints and two image grids, so that everything in a run has happened at least twice (reports, removal of
older checkpoints, compilation of the sampler). Growth is the slope of resident memory over steps, computed from means
over the period of an image grid, which average out the variation between grids and checkpoints; its standard error
comes from the scatter of those means.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np

from bgan_jax.runtime.metrics import read_metrics
from tests import launching
from tests.faults.injections import reached, unexpected_files

#: A picture is taken after so many checkpoints, and a life is warm after so many.
PICTURE, WARM = 5, 10


class Reading(NamedTuple):
    """The memory and files of a running process.

    Attributes:
      life: number of the process, from 0.
      steps: number of steps that it has taken.
      megabytes: resident memory.
      threads: number of its threads.
      descriptors: number of its open files.
    """

    life: int
    steps: int
    megabytes: float
    threads: int
    descriptors: int


def read_process(process_id: int, *, life: int, steps: int) -> Reading | None:
    """Reads memory and files from ``/proc``; ``None`` if the process has ended."""
    folder = Path(f"/proc/{process_id}")
    try:
        memory = dict(line.split(":", 1) for line in (folder / "smaps_rollup").read_text().splitlines()[1:])
        return Reading(
            life=life,
            steps=steps,
            megabytes=int(memory["Rss"].split()[0]) / 1024,
            threads=len(list((folder / "task").iterdir())),
            descriptors=len(list((folder / "fd").iterdir())),
        )
    except (OSError, KeyError, ValueError):
        return None


class Growth(NamedTuple):
    """Memory over steps, inside lives.

    Attributes:
      slope: MB per step.
      standard_error: of the slope.
      blocks: how many means it comes from.
    """

    slope: float
    standard_error: float
    blocks: int


def growth(readings: list[Reading], *, every: int) -> Growth:
    """The common slope of warm memory over steps, with an offset for every life.

    Args:
      readings: of one or several lives.
      every: steps between checkpoints.

    Returns:
      The slope; not a number where there are too few blocks.
    """
    blocks: dict[tuple[int, int], list[Reading]] = {}
    for reading in readings:
        if reading.steps >= WARM * every:
            blocks.setdefault((reading.life, reading.steps // (PICTURE * every)), []).append(reading)
    steps, sizes = [], []
    lives = {life for life, _ in blocks}
    for life in lives:
        means = [
            np.mean([(reading.steps, reading.megabytes) for reading in block], axis=0)
            for (owner, _), block in blocks.items()
            if owner == life
        ]
        centred = np.array(means) - np.mean(means, axis=0)
        steps.extend(centred[:, 0])
        sizes.extend(centred[:, 1])
    x, y = np.array(steps), np.array(sizes)
    freedom, spread = len(x) - len(lives) - 1, float(np.sum(x**2)) if len(x) else 0.0
    if freedom < 1 or spread == 0.0:
        return Growth(float("nan"), float("nan"), len(x))
    slope = float(np.sum(x * y)) / spread
    error = float(np.sqrt(np.sum((y - slope * x) ** 2) / freedom / spread))
    return Growth(slope, error, len(x))


def torn_lines(path: Path) -> int:
    """Lines of a metrics file that are truncated."""
    text = path.read_text(errors="replace")
    torn = int(not text.endswith("\n"))
    for line in text.splitlines():
        try:
            torn += not isinstance(json.loads(line), dict)
        except json.JSONDecodeError:
            torn += 1
    return torn


def missing_reports(path: Path, *, every: int, last: int) -> int:
    """Number of reports that are missing, repeated or out of order."""
    logged = [record["step"] for record in read_metrics(path)]
    expected = [*range(every, last + 1, every), *([last] if last % every else [])]
    return len(set(logged) ^ set(expected)) + len(logged) - len(set(logged)) + (logged != sorted(logged))


class Soaked(NamedTuple):
    """What a soak has seen, besides what it leaves in its folder.

    Attributes:
      every: steps between reports, and between checkpoints.
      minutes: how long it took.
      steps_lost: for every kill, steps that had to be taken again.
      exit_code: of the last life, which was ended politely.
      last_step: of the last checkpoint.
      readings: of all lives.
    """

    every: int
    minutes: float
    steps_lost: list[int]
    exit_code: int
    last_step: int
    readings: list[Reading]


def soak(folder: Path, *flags: str, minutes: float, every: int, module: str, seed: int = 0) -> Soaked:
    """Runs for so long, half of it with kills.

    Args:
      folder: gets ``run``, ``run.log0``, ``cache`` and ``temporary``, the only places that the job writes to.
      *flags: of the job.
      minutes: how long.
      every: steps between reports, and between checkpoints.
      module: the command that is run.
      seed: of the moments of the kills.
    """
    run, temporary = folder / "run", folder / "temporary"
    temporary.mkdir(parents=True)
    environment = {"TMPDIR": str(temporary), "BGAN_JAX_CACHE": str(folder / "cache")}
    flags = (
        *flags, "--steps=10000000", f"--report_every={every}", f"--checkpoint_every={every}",
        f"--picture_every={PICTURE * every}",
    )  # fmt: skip
    chance, begin = random.Random(seed), time.monotonic()
    readings: list[Reading] = []
    steps_lost: list[int] = []

    def live(seconds: float) -> launching.Job:
        """A life of so many seconds."""
        with mock.patch.dict(os.environ, environment):
            job = launching.launch(run, *flags, module=module)
        first, until = newest_checkpoint(run), time.monotonic() + seconds
        while time.monotonic() < until and job.processes[0].poll() is None:
            reading = read_process(job.processes[0].pid, life=len(steps_lost), steps=reached(run) - first)
            readings.extend([reading] if reading is not None else [])
            time.sleep(max(min(1.0, until - time.monotonic()), 0.0))
        assert job.processes[0].poll() is None, f"it ended by itself:\n{job.log()[-3000:]}"
        return job

    while time.monotonic() < begin + 30.0 * minutes:
        # Half of the lives are short: in its first seconds a process imports, compiles, restores and rewrites files.
        live(chance.choice([chance.uniform(0.0, 20.0), chance.uniform(20.0, 120.0)])).kill()
        steps_lost.append(max(reached(run) - newest_checkpoint(run), 0))
    job = live(begin + 60.0 * minutes - time.monotonic())
    job.signal(0, signal.SIGTERM)
    (code,) = job.wait(seconds=120)
    return Soaked(every, (time.monotonic() - begin) / 60, steps_lost, code, newest_checkpoint(run), readings)


def newest_checkpoint(run: Path) -> int:
    """The step of the newest checkpoint, 0 when there is none."""
    return (launching.checkpoint_steps(run) or [0])[-1]


def findings(soaked: Soaked, folder: Path) -> str:
    """Lines of text: memory, files, metrics, log."""
    every, kills = soaked.every, len(soaked.steps_lost)
    warm = [reading for reading in soaked.readings if reading.life == kills and reading.steps >= WARM * every]
    if len(warm) < 20:
        return "too short to say anything of memory"
    tenth = len(warm) // 10
    first, last = (np.mean([reading.megabytes for reading in part]) for part in (warm[:tenth], warm[-tenth:]))
    steps = warm[-1].steps - warm[0].steps
    alone, pooled = growth(warm, every=every), growth(soaked.readings, every=every)
    percent = 100.0 * steps / first
    threads, descriptors = ([getattr(reading, name) for reading in warm] for name in ("threads", "descriptors"))
    metrics, log = folder / "run" / "metrics.jsonl", (folder / "run.log0").read_text(errors="replace")
    missing = missing_reports(metrics, every=every, last=soaked.last_step)
    strange = [*unexpected_files(folder / "run"), *(path.name for path in (folder / "temporary").iterdir())]
    found = {
        "length": f"{soaked.minutes:.1f} minutes, {soaked.last_step} steps, a checkpoint every {every}",
        "kills": f"{kills}; steps lost: mean {np.mean(soaked.steps_lost):.1f}, at most {max(soaked.steps_lost)}",
        "exit code": f"{soaked.exit_code}",
        "last life when warm": f"{steps} steps, {steps // every} checkpoints, {steps // (PICTURE * every)} pictures",
        "memory": f"{first:.1f} MB in its first tenth, {last:.1f} MB in its last ({100 * (last / first - 1):+.2f} %)",
        "slope": f"{1000 * alone.slope:+.2f} +- {1000 * alone.standard_error:.2f} MB per 1000 steps ({alone.blocks})",
        "growth": f"{percent * alone.slope:+.2f} +- {percent * alone.standard_error:.2f} % by the slope",
        "slope inside all lives": f"{1000 * pooled.slope:+.2f} +- {1000 * pooled.standard_error:.2f} ({pooled.blocks})",
        "threads, open files": f"{min(threads)} to {max(threads)}, {min(descriptors)} to {max(descriptors)}",
        "files that should not be there": f"{len(strange)} {strange or ''}",
        "metrics": f"{torn_lines(metrics)} torn lines; {missing} reports missing, double or out of order",
        "log": f"{log.count('Traceback')} tracebacks, {log.count('is damaged')} damaged checkpoints, "
        f"{log.count('could not be')} failed writes, {log.count('persistent compilation cache')} unread compilations",
    }
    return "\n".join(f"{name}: {value}" for name, value in found.items())
