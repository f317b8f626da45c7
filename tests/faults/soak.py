"""A long run with checkpoints all the time and kills now and then: what grows, and what is left behind."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

from tests import launching
from tests.faults.injections import unexpected_files

WARM_UP_SECONDS = 30.0


def resident_megabytes(process_id: int) -> float:
    """Resident memory of a process, from ``/proc``; 0 when it is gone."""
    try:
        pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * 4096 / 2**20


def torn_lines(path: Path) -> int:
    torn = 0
    for line in path.read_text(errors="replace").splitlines():
        try:
            json.loads(line)
        except json.JSONDecodeError:
            torn += 1
    return torn


def soak(folder: Path, *, minutes: float, seed: int = 0) -> str:
    """Runs for so long: the first half without a kill, for the memory; the second with random ones.

    Returns:
      A summary in one line.
    """
    flags = ("--steps=10000000", "--checkpoint_every=100", "--report_every=20", "--pause=0.005")
    chance, kills = random.Random(seed), 0
    end = time.monotonic() + 60.0 * minutes
    job = launching.launch(folder, *flags)
    assert job.wait_for(lambda: len(launching.checkpoint_steps(folder)) > 0), job.log()
    time.sleep(min(WARM_UP_SECONDS, 10.0 * minutes))
    middle = time.monotonic() + (end - time.monotonic()) / 2
    sizes = []
    while time.monotonic() < middle:
        sizes.append(resident_megabytes(job.processes[0].pid))
        time.sleep(0.5)
    tenth = max(len(sizes) // 10, 1)
    first, last = sum(sizes[:tenth]) / tenth, sum(sizes[-tenth:]) / tenth
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.0, 8.0))
        job.kill()
        kills += 1
        job = launching.launch(folder, *flags)
    before = launching.checkpoint_steps(folder)[-1]
    assert job.wait_for(lambda: launching.checkpoint_steps(folder)[-1] > before), job.log()
    job.signal(0, signal.SIGTERM)
    codes = job.wait(seconds=60)
    strange = unexpected_files(folder)
    return (
        f"{minutes:g} minutes, {launching.checkpoint_steps(folder)[-1]} steps, {kills} kills, exit code {codes[0]}; "
        f"memory {first:.1f} MB after warm-up, {last:.1f} MB at half time ({100 * (last / first - 1):+.2f} %); "
        f"{len(strange)} files that should not be there {strange or ''}; "
        f"{torn_lines(folder / 'metrics.jsonl')} torn lines of metrics"
    )
