"""Measures the speed of a training step, of the same step in PyTorch, and the machine's peak.

    python -m experiments.benchmark --json=benchmark.json --markdown=benchmark.md
    python -m experiments.benchmark --rows=none --parts=digits_20 --startup=5 --markdown=parts.md
    python -m experiments.benchmark --rows=none --peer_path=bgan-pytorch,PyTorch-GAN

Every row is a network with its M. Programs of a row are interleaved, so that a slow minute of the machine affects all;
medians, with the fastest and the slowest round. "parity" learns from all M fakes, as the paper and the PyTorch step do;
"default" is what our commands do, one fake per latent. FLOPs are the compiler's count of our step with all samples in
one chunk; the peak is a large float32 matrix product in the same run. PyTorch is an extra of the benchmark (pip install
torch), and its lines are left out where it is not installed. The heap keeps its memory, as in every run of this
package, for all programs. A benchmark, not a test: run it on an idle machine.

--parts says where a step's time goes, --startup how long a start takes. --peer_path adds other people's
implementations, run from the user's checkouts of them; their differences are listed under the table.
"""

from __future__ import annotations

import importlib.util
import logging
import statistics
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.runtime import workdir
from bgan_jax.runtime.process import heap
from experiments.benchmark import machine, parts, peers, startup
from experiments.benchmark.ours import ours
from experiments.benchmark.program import Program, interleave
from experiments.benchmark.rows import ROWS, SMOKE_ROW, Row
from experiments.benchmark.table import benchmark_table
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.lists import split_list
from experiments.harness.cli.needs import either, given, none_of
from experiments.harness.cli.shared_flags import SmokeFlag, TimingFlags
from experiments.harness.errors import UsageError

logger = logging.getLogger("bgan_jax")

SMOKE = {"rows": "smoke", "rounds": 2, "seconds": 0.0, "pytorch": "none"}
PYTORCH_FORMS = {"none": (), "eager": (False,), "both": (False, True)}
# All M fakes through the discriminator, with their gradient, is a matter of memory.
MAX_PARITY_SAMPLES = 100


MEASURED = either(none_of("rows", "none"), none_of("parts", "none"), given("peer_path"))


@flags.config(rounds=flags.override(needs=[MEASURED]), seconds=flags.override(needs=[MEASURED]))
class Config(SmokeFlag, TimingFlags):
    """What is measured, and for how long."""

    rows: str = flags.flag(
        "all", "Rows to measure, separated by commas.", common=True, legal=f"all, none, or {', '.join(ROWS)}"
    )
    parts: str = flags.flag("none", "Rows of discrete data whose parts are timed, in the same way.")
    startup: int = flags.flag(
        0, "How often a start is timed: imports, first step cold and warm; 0 leaves this out.", minimum=0
    )
    pytorch: str = flags.flag(
        "both", "The step in PyTorch: eager and compiled, or less.", choices=tuple(PYTORCH_FORMS),
        needs=[none_of("rows", "none")],
    )  # fmt: skip
    peer_path: str = flags.flag(
        "", f"Checkouts of other implementations to time beside ours, separated by commas: {', '.join(peers.PEERS)}."
    )
    json: str | None = flags.flag(None, "File for everything that was measured.", group="records", writes="file")
    markdown: str | None = flags.flag(None, "File for the table.", group="records", writes="file")


def rows_of(config: Config, *, flag: str = "rows") -> dict[str, Row]:
    """Returns the rows that a flag lists.

    Args:
      config: the flags.
      flag: the name of the one that lists them.

    Raises:
      UsageError: an unknown row.
    """
    known, asked = {**ROWS, "smoke": SMOKE_ROW}, getattr(config, flag)
    if flag == "parts":
        known = {name: row for name, row in known.items() if row.num_samples}
    names = [name for name in known if name != "smoke"] if asked == "all" else []
    names = names or [name for name in split_list(asked) if name not in ("all", "none")]
    for name in names:
        if name not in known:
            raise UsageError(
                f"--{flag}={asked}: unknown row {name!r}; legal: all, none, {', '.join(row for row in known)}"
            )
    return {name: known[name] for name in names}


def our_programs(row: Row) -> list[Program]:
    """Returns our step in its default form, and in its parity form."""
    programs = [ours(row, name="default")]
    if 0 < row.num_samples <= MAX_PARITY_SAMPLES:
        programs.append(ours(row, name="parity", disc_fakes_per_latent=row.num_samples))
    return programs


def programs_of(row: Row, config: Config) -> list[Program]:
    """Returns our programs, and those of PyTorch."""
    programs = our_programs(row)
    if importlib.util.find_spec("torch") is None or row.num_samples > MAX_PARITY_SAMPLES:
        return programs
    # PyTorch is optional, so what imports it is imported where it is needed.
    from experiments.benchmark.pytorch import pytorch

    return programs + [pytorch(row, compiled=compiled) for compiled in PYTORCH_FORMS[config.pytorch]]


def programs_beside_peer(row: Row, *, peer: str, folder: Path) -> list[Program]:
    """Returns our programs, and the peer's."""
    from experiments.benchmark.pytorch_peers import peer_program

    theirs = peer_program(peer, folder, row)  # first, since it refuses checkouts that have changed
    return [*our_programs(row), theirs]


def measure_row(row: Row, programs: list[Program], config: Config, *, peak: float) -> dict[str, Any]:
    """Measures one row; returns JSON values, with times in seconds per step."""
    times = interleave(programs, rounds=config.rounds, seconds=config.seconds)
    measured: dict[str, Any] = {}
    for program in programs:
        seconds = times[program.name]
        median = statistics.median(seconds)
        measured[program.name] = {
            "seconds_per_step": seconds,
            "median": median,
            "images_per_second": row.batch_size / median,
            "sampled_per_second": row.batch_size * row.num_samples / median,
            "compile_seconds": program.compile_seconds,
            "megabytes": program.megabytes,
            "flops": program.flops,
            "share_of_peak": program.flops / median / peak if program.flops else None,
        }
    return measured


def _with_its_folder(name: str) -> Path:
    """Makes the folder of a file; returns the file."""
    path = Path(name).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def main(config: Config) -> dict[str, Any]:
    """Measures row by row, and writes the results after each."""
    rows, rows_in_parts = rows_of(config), rows_of(config, flag="parts")
    heap.use_one_heap()  # As in every run; it applies to PyTorch in this process as well.
    checkouts = peers.find_peers(config.peer_path)
    # Before other work of this process disturbs them.
    starts = startup.measure_starts(rounds=config.startup) if config.startup else {}
    peak = machine.peak_flops()
    about = {**machine.description(), "peak_gflops": round(peak / 1e9, 1), "commit": workdir.commit()}
    header = ", ".join(f"{name} {value}" for name, value in about.items())
    results: dict[str, dict[str, Any]] = {}
    part_times: dict[str, dict[str, list[float]]] = {}
    unequal: dict[str, str] = {}

    def write() -> str:
        tables = [benchmark_table(results, header=header, unequal=unequal) if results else header + "\n"]
        tables += [parts.parts_table(name, measured) for name, measured in part_times.items()]
        tables += [startup.starts_table(starts)] if starts else []
        text = "\n".join(tables)
        if config.markdown:
            write_text(_with_its_folder(config.markdown), text)
        if config.json:
            everything = {
                "machine": about, "config": vars(config), "rows": results, "unequal": unequal, "parts": part_times,
                "startup": starts,
            }  # fmt: skip
            write_json(_with_its_folder(config.json), everything)
        return text

    text = write()
    for name, row in rows.items():
        logger.info("measuring %s: %s", name, row.name)
        results[row.name] = measure_row(row, programs_of(row, config), config, peak=peak)
        text = write()
    for peer, folder in checkouts.items():
        for row in peers.PEERS[peer].rows:
            logger.info("measuring %s: %s", peer, row.name)
            results[row.name] = measure_row(row, programs_beside_peer(row, peer=peer, folder=folder), config, peak=peak)
            unequal[peer] = peers.PEERS[peer].unequal
            text = write()
    for name, row in rows_in_parts.items():
        logger.info("measuring the parts of %s: %s", name, row.name)
        part_times[row.name] = parts.measure_parts(row, rounds=config.rounds, seconds=config.seconds)
        text = write()
    print(text)
    return results


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
