"""Joins several hosts into one job, by JAX's distributed runtime.

Process 0 alone opens the run's folder, reads and writes checkpoints, logs, and takes pictures; it sends the others what
they need over the network. So hosts agree by construction, and only process 0 needs the folder.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import json
import logging
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np

from bgan_jax.runtime.platform import Platform, this_process
from bgan_jax.runtime.process import exit_codes

logger = logging.getLogger("bgan_jax")

Result = TypeVar("Result")

#: How long a host may be silent before the job ends, in seconds.
HEARTBEAT_SECONDS = 30


def join(
    *,
    coordinator: str | None,
    num_processes: int | None,
    process_id: int | None,
    heartbeat_seconds: int = HEARTBEAT_SECONDS,
) -> None:
    """Joins this process to its job. Call it before anything else uses a device.

    The process that joins is a child of this one, which itself waits, and exits with code 1 if a signal ends the child;
    see ``runtime/process/exit_codes.py`` for the exceptions.

    Args:
      coordinator: ``host:port`` of process 0; ``None`` detects the job where a cluster manager describes one, and
        otherwise runs one process alone.
      num_processes: number of processes of the job, with ``coordinator``.
      process_id: this process's number, from 0, with ``coordinator``.
      heartbeat_seconds: how long a host may be silent before the job ends.

    Raises:
      ValueError: only some of the three are given, or ``process_id`` is not below ``num_processes``.
    """
    given = [value is not None for value in (coordinator, num_processes, process_id)]
    if any(given) and not all(given):
        raise ValueError("--coordinator, --num_processes and --process_id belong together: give all three or none")
    if process_id is not None and num_processes is not None and process_id >= num_processes:
        raise ValueError(f"--process_id={process_id} must be below --num_processes={num_processes}; they count from 0")
    described = all(given) or _described_by_cluster(os.environ) or _on_a_tpu_machine()
    if described:
        exit_codes.continue_in_child()
    if all(given):
        jax.distributed.initialize(
            coordinator,
            num_processes=num_processes,
            process_id=process_id,
            heartbeat_timeout_seconds=heartbeat_seconds,
        )
    elif described:
        try:
            jax.distributed.initialize(heartbeat_timeout_seconds=heartbeat_seconds)
        except ValueError as error:
            raise ValueError(
                f"this process belongs to a job of several, but JAX could not find the others ({error}); give "
                "--coordinator, --num_processes and --process_id (in Kubernetes, pip install 'jax[k8s]' finds them)"
            ) from error
    if joined():
        # The runtime aborts the process when a host is lost; this logs where it was.
        faulthandler.enable()


def _described_by_cluster(environment: Mapping[str, str]) -> bool:
    # Slurm also sets the number of tasks for a batch script, which is one process; only srun starts that many.
    if environment.get("SLURM_NTASKS", "1") != "1" and "SLURM_STEP_NODELIST" in environment:
        return True
    if environment.get("OMPI_COMM_WORLD_SIZE", "1") != "1":
        return True
    if "KUBERNETES_SERVICE_HOST" in environment and "JOB_COMPLETION_INDEX" in environment:
        return True
    return "," in environment.get("TPU_WORKER_HOSTNAMES", "") or "MEGASCALE_COORDINATOR_ADDRESS" in environment


def _on_a_tpu_machine() -> bool:
    # Machines of a pod slice find each other through their metadata server; the runtimes of notebooks forbid that.
    if importlib.util.find_spec("libtpu") is None or "TPU_SKIP_MDS_QUERY" in os.environ:
        return False
    return Path("/dev/accel0").exists() or Path("/dev/vfio/0").exists()


def joined() -> bool:
    """Returns whether this process has joined a job; starts no backend."""
    return jax.distributed.is_initialized()


def several() -> bool:
    """Returns whether this process is one of several; starts no backend where there is no job."""
    return joined() and this_process().process_count > 1


def is_first() -> bool:
    """Returns whether this is process 0, which alone reads and writes the run's folder."""
    return this_process().process_index == 0


def from_first(tree: Any) -> Any:
    """Copies process 0's tree of numpy arrays to every process, bit for bit.

    Args:
      tree: numpy arrays; on the other processes a tree of the same structure, shapes and dtypes, whose values are not
        used.

    Returns:
      Process 0's tree, numpy arrays.
    """
    if not several():
        return tree
    from jax.experimental import multihost_utils

    leaves, treedef = jax.tree.flatten(tree)
    arrays = [np.asarray(leaf) for leaf in leaves]
    # As integers: the broadcast is a sum with the others' zeros, which would lose the sign of zeros of floats.
    content = b"".join(array.tobytes() for array in arrays)
    words = np.frombuffer(content + bytes(-len(content) % 4), np.uint32)
    received = np.asarray(multihost_utils.broadcast_one_to_all(words)).tobytes()
    start, results = 0, []
    for array in arrays:
        piece = received[start : start + array.nbytes]
        results.append(np.frombuffer(piece, array.dtype).reshape(array.shape).copy())
        start += array.nbytes
    return jax.tree.unflatten(treedef, results)


def on_first(function: Callable[[], Result]) -> Result | None:
    """Runs a function on process 0 while the others wait; if it fails, all processes raise.

    Returns:
      The function's result on process 0, ``None`` on the others.

    Raises:
      ValueError: on the other processes, when the function raised on process 0.
    """
    result, error = None, None
    if is_first():
        try:
            result = function()
        except Exception as raised:
            error = raised
    failed = int(from_first(np.int32(error is not None)))
    if error is not None:
        raise error
    if failed:
        raise ValueError("process 0 failed; its log says why")
    return result


def check_same(facts: Mapping[str, Any]) -> None:
    """Checks that all processes were started for the same run.

    Args:
      facts: flags and properties of the data by name, JSON values.

    Raises:
      ValueError: some differ between processes; names them.
    """
    if not several():
        return
    from jax.experimental import multihost_utils

    names = sorted(facts)
    prints = np.array([zlib.crc32(json.dumps(facts[name], sort_keys=True).encode()) for name in names], np.uint32)
    everyone = np.asarray(multihost_utils.process_allgather(prints))
    differing = [f"--{name}" for name, column in zip(names, everyone.T, strict=True) if len(set(column.tolist())) > 1]
    if differing:
        raise ValueError(f"the processes of this job differ in {', '.join(differing)}; start all with the same flags")


def leave() -> None:
    """Waits for all processes before this one exits, so that none is considered lost while it finishes its work."""
    if several():
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices("the run is finished")


def announce(platform: Platform, *, batch_size: int, parallel: str) -> None:
    """Logs the platform, the processes, the devices, the global batch and the launcher of a run, in one line."""
    processes, devices = platform.process_count, len(platform.devices)
    logger.info(
        "== backend %s (%s), %d process%s, %d device%s, global batch %d, %s ==",
        platform.name,
        ", ".join(platform.kinds),
        processes,
        "" if processes == 1 else "es",
        devices,
        "" if devices == 1 else "s",
        batch_size,
        parallel,
    )
