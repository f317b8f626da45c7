"""Faults that are injected into real processes of the real experiment, and whether the run recovered."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import enum
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bgan_jax.runtime.metrics import read_metrics
from tests import launching
from tests.faults.damage import DAMAGES


@dataclasses.dataclass
class Row:
    """A line of the report.

    Attributes:
      fault: what was done.
      injected: how often.
      recovered: how often the run came through as it should.
      steps_lost: steps that had to be taken again, for every injection.
      note: a remark.
    """

    fault: str
    injected: int = 0
    recovered: int = 0
    steps_lost: list[int] = dataclasses.field(default_factory=list)
    note: str = ""

    def line(self) -> str:
        lost = f"{np.mean(self.steps_lost):.1f} (at most {max(self.steps_lost)})" if self.steps_lost else "-"
        return f"| {self.fault} | {self.injected} | {self.recovered} | {lost} | {self.note} |"


HEADER = "| fault | injected | recovered | steps lost, mean | note |\n|---|---|---|---|---|"


def reached(folder: Path) -> int:
    """The last step in the run's metrics."""
    records = read_metrics(folder / "metrics.jsonl")
    return records[-1]["step"] if records else 0


def kill_at_random(
    folder: Path, *, kills: int, steps: int, every: int, seed: int, pause: float = 0.01, fault: str = "kill -9"
) -> Row:
    """Kills a run at random moments, lets it end, and compares it with an uninterrupted run."""
    flags = (f"--steps={steps}", f"--checkpoint_every={every}", "--report_every=1")
    row, chance = Row(fault), random.Random(seed)
    killed = folder / "killed"
    while row.injected < kills:
        job = launching.launch(killed, *flags, f"--pause={pause}")
        before = reached(killed)
        # From the first line of the log to the middle of saves: what a run does in its first seconds, it does always.
        job.wait_for(lambda: reached(killed) > before or chance.random() < 0.002)  # noqa: B023
        time.sleep(chance.uniform(0.0, 2.0))
        if job.processes[0].poll() is not None:
            break
        job.kill()
        row.injected += 1
        row.steps_lost.append(steps_to_repeat(killed))
    row.recovered = row.injected if as_if_nothing_had_happened(folder, *flags, steps=steps) else 0
    row.note = "final state bit for bit that of an uninterrupted run; every line of metrics once"
    return row


def steps_to_repeat(folder: Path) -> int:
    """Steps in the run's metrics after its last checkpoint."""
    saved = launching.checkpoint_steps(folder)
    return max(reached(folder) - (saved[-1] if saved else 0), 0)


def as_if_nothing_had_happened(folder: Path, *flags: str, steps: int) -> bool:
    """Lets the run ``killed`` end; whether its state, metrics and files are then those of an uninterrupted run."""
    log = launching.run(folder / "killed", *flags)
    launching.run(folder / "quiet", *flags)
    (step, leaves), (_, expected) = (launching.newest_state(folder / name) for name in ("killed", "quiet"))
    same = step == steps and all(np.array_equal(a, b) for a, b in zip(leaves, expected, strict=True))
    logged = [record["step"] for record in read_metrics(folder / "killed" / "metrics.jsonl")]
    return same and logged == list(range(1, steps + 1)) and not unexpected_files(folder / "killed") and not (
        "damaged" in log or "Traceback" in log
    )  # fmt: skip


class Save(enum.IntEnum):
    """The progress of a save, as the files on disk show it."""

    NOT_BEGUN = 0
    FOLDER_MADE = 1
    A_THIRD_WRITTEN = 2
    TWO_THIRDS_WRITTEN = 3
    LAST_FILES = 4
    NAMED = 5
    OLDEST_HALF_REMOVED = 6


def number_of_files(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def progress_of_a_save(checkpoints: Path, *, whole: dict[int, int]) -> Save:
    """Returns the progress of the save that follows these checkpoints.

    Args:
      checkpoints: the folder.
      whole: the number of files of every checkpoint before, by step.
    """
    try:
        names = [entry.name for entry in checkpoints.iterdir()]
        present = [number_of_files(checkpoints / name) for name in names if not name.isdigit()]
        steps = sorted(int(name) for name in names if name.isdigit())
        left = number_of_files(checkpoints / str(steps[0]))
    except OSError:  # something got its name, or went away, while it was looked at
        return Save.NOT_BEGUN
    if steps[-1] > max(whole):
        return Save.OLDEST_HALF_REMOVED if left < whole.get(steps[0], 0) else Save.NAMED
    if not present:
        return Save.NOT_BEGUN
    share = max(present) / max(whole.values())
    stages = (Save.FOLDER_MADE, Save.A_THIRD_WRITTEN, Save.TWO_THIRDS_WRITTEN, Save.LAST_FILES)
    return stages[sum(share >= bound for bound in (1 / 3, 2 / 3, 0.9))]


def kill_while_saving(folder: Path, *, kills: int, every: int = 5) -> Row:
    """Kills a run at chosen moments of a save, lets it end, and compares it with an uninterrupted run."""
    steps = 4 * every * kills
    flags = (f"--steps={steps}", f"--checkpoint_every={every}", "--report_every=1")
    row, found = Row("kill -9 during a save"), collections.Counter[Save]()
    killed, checkpoints = folder / "killed", folder / "killed" / "checkpoints"
    moments = [moment for moment in Save if moment is not Save.NOT_BEGUN]
    while row.injected < kills:
        known = launching.checkpoint_steps(killed)
        job = launching.launch(killed, *flags, "--pause=0.02")
        job.until(lambda: launching.checkpoint_steps(killed)[-1:] > known[-1:])  # noqa: B023
        time.sleep(0.05)
        whole = {step: number_of_files(checkpoints / str(step)) for step in launching.checkpoint_steps(killed)}
        moment = moments[row.injected % len(moments)]
        while progress_of_a_save(checkpoints, whole=whole) < moment and job.processes[0].poll() is None:
            pass
        if job.processes[0].poll() is not None:
            break
        job.kill()
        row.injected += 1
        row.steps_lost.append(steps_to_repeat(killed))
        found[progress_of_a_save(checkpoints, whole=whole)] += 1
    row.recovered = row.injected if as_if_nothing_had_happened(folder, *flags, steps=steps) else 0
    met = ", ".join(f"{moment.name.lower().replace('_', ' ')} {found[moment]}" for moment in Save if found[moment])
    row.note = f"found after the kill: {met}; final state bit for bit that of an uninterrupted run"
    return row


def unexpected_files(folder: Path) -> list[str]:
    """Files of a finished run that should not be there."""
    legal = {
        "config.json", "dataset.json", "versions.json", "metrics.jsonl", "curves.png", "report.html", "warnings.jsonl",
        "checkpoints", "pictures",
    }  # fmt: skip
    strange = [path.name for path in folder.iterdir() if path.name not in legal]
    return strange + [path.name for path in (folder / "checkpoints").iterdir() if not path.name.isdigit()]


def damage_checkpoints(folder: Path, *, times: int) -> list[Row]:
    """Damages the newest checkpoint of a stopped run, and continues from the one before."""
    flags = ("--steps=40", "--checkpoint_every=10", "--report_every=10")
    launching.run(folder / "quiet", *flags)
    _, expected = launching.newest_state(folder / "quiet")
    rows = []
    for name, damage in DAMAGES.items():
        row = Row(f"checkpoint: {name}")
        for i in range(times):
            run = folder / f"{damage.__name__}{i}"
            shutil.copytree(folder / "quiet", run)
            damage(run / "checkpoints" / "40" / "state")
            log = launching.run(run, *flags)
            _, leaves = launching.newest_state(run)
            row.injected += 1
            named = f"{run / 'checkpoints' / '40'} is damaged" in log and "continuing from step 30" in log
            row.recovered += named and all(np.array_equal(a, b) for a, b in zip(leaves, expected, strict=True))
            row.steps_lost.append(10)
        rows.append(row)
    return rows


@contextlib.contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[bool]:
    """Mounts a file system of that size on a folder; false where this process may not mount one."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    mounted = shutil.which("mount") is not None and subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def fill_the_disk(folder: Path) -> Row:
    """Fills the disk during a run; the run logs it, continues, and its last good checkpoint is intact."""
    flags = ("--steps=160", "--checkpoint_every=20", "--report_every=10", "--pause=0.02")
    with small_disk(folder / "disk", megabytes=24) as mounted:
        run = folder / "disk" / "run"
        row = Row("full disk" if mounted else "files limited in size (no right to mount a small disk)", injected=1)
        limit = None if mounted else (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000)))
        job = launching.launch(run, *flags, before=limit, log=folder / "log")
        if mounted:
            job.until(lambda: len(launching.checkpoint_steps(run)) >= 2)
            with contextlib.suppress(OSError), open(folder / "disk" / "ballast", "wb", buffering=0) as ballast:
                while ballast.write(bytes(4096)):
                    pass
        code, log = job.wait()[0], job.log()
        logged = "could not be written" in log
        if mounted:
            step, _ = launching.newest_state(run)
            (folder / "disk" / "ballast").unlink()
            again = launching.run(run, *flags)
            whole = f"continuing from step {step}" in again and launching.checkpoint_steps(run)[-1] == 160
            row.steps_lost.append(160 - step)
        else:
            whole = not launching.checkpoint_steps(run)
        row.recovered = int(logged and code == 1 and "could not be saved" in log and whole)
        row.note = "trained to the end, logged every failed checkpoint, exit code 1; resumed when there was space"
    return row


def go_back_from_nan(folder: Path) -> Row:
    """Sets a parameter to NaN once: the run stops, or restores a checkpoint and continues."""
    flags = ("--steps=40", "--checkpoint_every=10", "--report_every=5", "--poison_at=25")
    row = Row("non-finite number, --nan_policy=restore", injected=1)
    log = launching.run(folder / "restored", *flags, "--nan_policy=restore")
    step, leaves = launching.newest_state(folder / "restored")
    finite = all(np.isfinite(leaf).all() for leaf in leaves if leaf.dtype.kind == "f")
    row.recovered = int(step == 40 and finite and "restored step 20, continuing with other random numbers" in log)
    row.steps_lost.append(25 - 20)
    return row


def worker(process: subprocess.Popen) -> int:
    """The number of the process that does a host's work, which is a child of the one that was started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else process.pid


def lose_a_host(folder: Path, *, how: str) -> Row:
    """Ends one of two hosts; the job must end within seconds of the moment at which the other can know it."""
    endless = ("--steps=100000", "--checkpoint_every=1000000", "--report_every=1", "--pause=0.02")
    run = folder / how.replace(" ", "_")
    fails = ("--fail_at=20", "--fail_in=0") if how == "exception on process 0" else ()
    job = launching.launch(run, *endless, *fails, "--heartbeat_seconds=10", processes=2)
    job.until(lambda: reached(run) >= 5)
    row = Row(f"two hosts: {how}", injected=1)
    event, _, lost = how.rpartition(" of process ")
    if how == "SIGTERM to process 1":
        job.signal(1, signal.SIGTERM)
    elif event:
        os.kill(worker(job.processes[int(lost)]), signal.SIGSTOP if event == "SIGSTOP" else signal.SIGKILL)
    else:
        job.wait_for(lambda: any(process.poll() is not None for process in job.processes))
    began = time.monotonic()
    # A stopped process cannot end; that of a killed one does, by its guard.
    watched = [process for i, process in enumerate(job.processes) if how != f"SIGSTOP of process {i}"]
    try:
        codes = [process.wait(60) for process in watched]
    finally:
        job.kill()
    seconds = time.monotonic() - began
    if how == "SIGTERM to process 1":
        (step,) = launching.checkpoint_steps(run)
        row.recovered = int(codes == [0, 0] and all(f"ended at step {step}\n" in job.log(i) for i in (0, 1)))
        row.steps_lost, row.note = [0], f"both saved step {step} and exited after {seconds:.1f} s"
    else:
        survivor = 1 if lost == "0" else 0
        logged = "Traceback" in job.log(survivor) or "most recent call first" in job.log(survivor)
        row.recovered = int(all(code == 1 for code in codes) and seconds < 30 and logged)
        row.note = f"the others ended after {seconds:.1f} s, exit codes {codes}; the log contains their stacks"
    return row


HOST_LOSSES = (
    "SIGTERM to process 1",
    "exception on process 0",
    "kill -9 of process 0",
    "kill -9 of process 1",
    "SIGSTOP of process 0",
    "SIGSTOP of process 1",
)
