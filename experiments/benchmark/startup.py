"""Measures starts in fresh processes: importing the losses, and the digits' command up to its first step.

Both in seconds by the clock, and of processors, which other work on the machine affects less.
"""

from __future__ import annotations

import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

from experiments.harness.reports.tables import markdown_table, median_cell

logger = logging.getLogger("bgan_jax")

ROOT = Path(__file__).parent.parent.parent
DIGITS = ("-m", "experiments.discrete_mnist", "--report_every=1")
FIRST_STEP = "step 1/"
# Variables that would give a start the compiled programs of another.
CACHES = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE")


class Start(NamedTuple):
    """Seconds of one process up to its mark.

    Attributes:
      clock: from its start.
      processor: of all its threads.
    """

    clock: float
    processor: float


def start_of(arguments: Sequence[str], *, mark: str | None = None, cache: Path | None = None) -> Start:
    """Starts Python and ends it as soon as it has printed a mark.

    Args:
      arguments: of the interpreter.
      mark: what the line on its standard error begins with; ``None`` waits for its end.
      cache: the user's cache folder for it.

    Returns:
      The :class:`Start`.

    Raises:
      RuntimeError: the process ended without the mark, or badly; with the end of its standard error.
    """
    environment = {name: value for name, value in os.environ.items() if name not in CACHES}
    if cache is not None:
        environment["BGAN_JAX_CACHE"] = str(cache)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    said: list[str] = []
    with cast(IO[str], process.stderr) as lines:
        for line in lines:
            said.append(line)
            if mark is not None and line.startswith(mark):
                break
        clock = time.perf_counter() - began
        if mark is not None:
            process.kill()
        code = process.wait()
    if (mark is None and code) or (mark is not None and not (said and said[-1].startswith(mark))):
        raise RuntimeError(f"{' '.join(arguments)} ended with {code} too early: {''.join(said)[-2000:].strip()}")
    if mark is None:
        clock = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Start(clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure_starts(*, rounds: int) -> dict[str, list[Start]]:
    """Measures every kind of start, interleaved.

    Args:
      rounds: how often each is measured.

    Returns:
      By name: ``import jax``, ``import bgan_jax.losses``, and the digits' first step, ``cold`` (an empty cache folder)
      and ``warm`` (that of the cold start).
    """
    starts: dict[str, list[Start]] = {
        "import jax": [], "import bgan_jax.losses": [], "first step, cold": [], "first step, warm": [],
    }  # fmt: skip
    for number in range(rounds):
        logger.info("start-up: round %d of %d", number + 1, rounds)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("import jax", "import bgan_jax.losses"):
                starts[name].append(start_of(("-c", name)))
            for name in ("cold", "warm"):
                arguments = (*DIGITS, f"--workdir={folder}/{name}")
                starts[f"first step, {name}"].append(start_of(arguments, mark=FIRST_STEP, cache=Path(folder) / "cache"))
    return starts


def starts_table(starts: dict[str, list[Start]]) -> str:
    """Writes the table: medians, with the fastest and the slowest."""
    lines = []
    for name, measured in starts.items():
        processor = statistics.median(start.processor for start in measured)
        lines.append([name, median_cell([start.clock for start in measured], digits=2), f"{processor:.2f}"])
    over = [
        ours.clock - base.clock
        for ours, base in zip(starts["import bgan_jax.losses"], starts["import jax"], strict=True)
    ]
    difference = f"{statistics.median(over):+.2f} ({min(over):+.2f} to {max(over):+.2f})"
    lines.append(["the losses, over jax", difference, ""])
    return markdown_table(["start", "seconds (min to max)", "of processors"], lines) + "\n"
