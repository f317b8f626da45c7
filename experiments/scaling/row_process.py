"""Measures what a row's step sends and how long it takes, on the devices of one process.

    JAX_NUM_CPU_DEVICES=8 python -m experiments.scaling.row_process digits_20 --rounds=3

prints one line of JSON. Every number of devices needs a process of its own. The batch is the row's on every device, so
the global batch grows with the devices. ``--cores=1`` keeps the process on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


def measured_here(name: str, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Measures as :func:`measure` does, on the devices of this process."""
    # Imported here, after main has chosen the cores: XLA starts its threads with the first import of these.
    import jax

    from bgan_jax.runtime.platform import this_process
    from experiments.benchmark.ours import ours, step_function
    from experiments.benchmark.program import interleave
    from experiments.benchmark.rows import ROWS, TINY_ROW
    from experiments.scaling.collectives import traffic

    row = {**ROWS, "tiny": TINY_ROW}[name]
    platform = this_process()
    devices = len(platform.devices)
    _, initialize = step_function(row, platform=platform.name)
    params = jax.eval_shape(initialize, jax.random.key(0)).params
    program = ours(row._replace(batch_size=row.batch_size * devices), name="ours")
    if program.text is None:
        raise RuntimeError(f"the compiler gives no text of the program of row {name}, in which the traffic is counted")
    sent = traffic(program.text())
    times = interleave([program], rounds=rounds, seconds=seconds)["ours"] if rounds else []
    return {
        "devices": devices,
        "all_reduces": list(sent.all_reduces),
        "other_collectives": sent.others,
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(params)),
        "flops_per_device": program.flops / devices if program.flops else None,
        "seconds_per_step": times,
    }


def measure(name: str, *, devices: int, rounds: int = 0, seconds: float = 0.0, cores: int | None = None) -> Any:
    """Runs a row's step in a process of its own, on virtual devices of the CPU.

    Args:
      name: of the row.
      devices: how many virtual devices.
      rounds: how often it is timed.
      seconds: least time of a round.
      cores: how many cores the process may use; ``None``: all of this one's.

    Returns:
      ``devices``, ``all_reduces`` (bytes of each), ``other_collectives``, ``parameters``, ``flops_per_device``,
      ``seconds_per_step`` of every round.

    Raises:
      RuntimeError: the process failed; with the end of its standard error.
    """
    command = [sys.executable, "-m", "experiments.scaling.row_process", name, f"--rounds={rounds}",
               f"--seconds={seconds}", *([f"--cores={cores}"] if cores else [])]  # fmt: skip
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} on {devices} devices: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("row")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--cores", type=int, default=0)
    given = parser.parse_args()
    if given.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])  # before any thread of XLA's
    print(json.dumps(measured_here(given.row, rounds=given.rounds, seconds=given.seconds)))


if __name__ == "__main__":
    main()
