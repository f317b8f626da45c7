"""Starts the small job as one or several processes on this machine, and reads its files."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np

from bgan_jax.data import DatasetSpec
from bgan_jax.runtime import workdir
from bgan_jax.runtime.checkpoints import Checkpoints
from experiments.harness.runs.trained_run import state_like
from tests.test_layers import ROOT

# The root conftest.py makes compilation cheap for processes, too; with this a command is compiled as at a user's.
AS_USERS_GET_IT = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "0", "XLA_FLAGS": ""}


@dataclasses.dataclass
class Job:
    """A job that has been started.

    Attributes:
      folder: its workdir.
      processes: its processes, by number.
      logs: their output, one file each.
    """

    folder: Path
    processes: list[subprocess.Popen]
    logs: list[Path]

    def log(self, process: int = 0) -> str:
        return self.logs[process].read_text(errors="replace")

    def wait(self, *, seconds: float = 240.0) -> list[int]:
        """Returns the exit codes of all processes; kills those still running after ``seconds``, so no test hangs."""
        deadline = time.monotonic() + seconds
        try:
            return [process.wait(max(deadline - time.monotonic(), 0.1)) for process in self.processes]
        finally:
            self.kill()

    def kill(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def wait_for(self, condition: Callable[[], bool], *, seconds: float = 180.0) -> bool:
        """Waits for a condition, or for the end of all processes; returns whether the condition became true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            if all(process.poll() is not None for process in self.processes):
                return condition()
            time.sleep(0.02)
        return False

    def until(self, condition: Callable[[], bool], *, seconds: float = 180.0) -> None:
        """Waits for a condition that must become true; otherwise kills all processes of the job and fails."""
        if not self.wait_for(condition, seconds=seconds):
            self.kill()
            raise AssertionError(f"not in {seconds:g} s, or the job has ended:\n{self.log()[-3000:]}")

    def signal(self, process: int, number: signal.Signals) -> None:
        self.processes[process].send_signal(number)


def accept_interrupts() -> None:
    """Makes processes that this one starts accept SIGINT and SIGHUP.

    A shell ignores the first in what it starts in the background, and ``nohup`` the second.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def launch(
    folder: Path,
    *arguments: str,
    processes: int = 1,
    devices: int = 1,
    module: str = "tests.job",
    each: Sequence[Sequence[str]] | None = None,
    before: Callable[[], None] | None = None,
    log: Path | None = None,
) -> Job:
    """Starts the job.

    Args:
      folder: its workdir.
      *arguments: flags.
      processes: how many, joined over the loopback when more than one.
      devices: virtual devices of each.
      module: what ``python -m`` runs.
      each: flags for every process alone.
      before: called in each child before it runs, such as to limit it.
      log: where the output goes, with the process's number behind; beside the workdir if it is not given.
    """
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
    coordinator = f"127.0.0.1:{free_port()}"
    job = Job(folder, [], [])
    for i in range(processes):
        hosts = [f"--coordinator={coordinator}", f"--num_processes={processes}", f"--process_id={i}"]
        path = (log or folder).with_name(f"{(log or folder).name}.log{i}")
        with open(path, "ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", module, f"--workdir={folder}", *(hosts if processes > 1 else []), *arguments,
                 *(each[i] if each is not None else [])],
                stdout=file, stderr=subprocess.STDOUT, cwd=ROOT, env=environment, preexec_fn=before,
            )  # fmt: skip
        job.processes.append(process)
        job.logs.append(path)
    return job


def run(
    folder: Path,
    *arguments: str,
    processes: int = 1,
    devices: int = 1,
    module: str = "tests.job",
    seconds: float = 240.0,
) -> str:
    """Runs the job to its end, which must succeed; returns the log of process 0."""
    job = launch(folder, *arguments, processes=processes, devices=devices, module=module)
    codes = job.wait(seconds=seconds)
    assert codes == [0] * processes, "\n\n".join(job.log(i)[-3000:] for i in range(processes))
    return job.log()


def checkpoint_steps(folder: Path) -> list[int]:
    from bgan_jax.runtime.checkpoints import saved_steps

    return saved_steps(folder / "checkpoints")


def newest_state(folder: Path) -> tuple[int, list[np.ndarray]]:
    """The newest good checkpoint of a run, as a list of arrays."""
    config = workdir.read_config(folder)
    spec = DatasetSpec.from_json((folder / "dataset.json").read_text())
    like = state_like(config, spec)
    checkpoints = Checkpoints(folder / "checkpoints", read_only=True)
    restored = checkpoints.restore(like)
    checkpoints.close()
    assert restored is not None, f"no checkpoint in {folder}"
    return restored.step, [np.asarray(leaf) for leaf in jax.tree.leaves(restored.tree)]


def largest_difference(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    return max(float(np.max(np.abs(x.astype(np.float64) - y))) for x, y in zip(a, b, strict=True) if x.size)
