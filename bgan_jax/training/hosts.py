"""Several hosts as one job, by JAX's own distributed runtime."""

from __future__ import annotations

import logging
import os

import jax

logger = logging.getLogger("bgan_jax")


def join(*, coordinator: str | None, num_processes: int | None, process_id: int | None) -> None:
    """Joins this process to its job. Must come before anything else touches a device.

    Args:
      coordinator: ``host:port`` of process 0; ``None`` finds the job by itself where a cluster manager describes one,
        and otherwise stays alone.
      num_processes: number of processes of the job, with ``coordinator``.
      process_id: this process's number, from 0, with ``coordinator``.

    Raises:
      ValueError: only some of the three are given.
    """
    given = [value is not None for value in (coordinator, num_processes, process_id)]
    if any(given) and not all(given):
        raise ValueError("--coordinator, --num_processes and --process_id belong together: give all three or none")
    if all(given):
        jax.distributed.initialize(coordinator, num_processes=num_processes, process_id=process_id)
    elif _described_by_cluster():
        jax.distributed.initialize()


def _described_by_cluster() -> bool:
    if os.environ.get("SLURM_NTASKS", "1") != "1" or os.environ.get("OMPI_COMM_WORLD_SIZE", "1") != "1":
        return True
    hosts = os.environ.get("TPU_WORKER_HOSTNAMES", "")
    return "," in hosts or "JAX_COORDINATOR_ADDRESS" in os.environ


def announce(*, batch_size: int, launcher: str) -> None:
    """Tells what the run is running on, in one line that is hard to miss."""
    kinds = sorted({device.device_kind for device in jax.devices()})
    logger.info(
        "== backend %s (%s), %d process%s, %d device%s, global batch %d, %s ==",
        jax.default_backend(),
        ", ".join(kinds),
        jax.process_count(),
        "" if jax.process_count() == 1 else "es",
        jax.device_count(),
        "" if jax.device_count() == 1 else "s",
        batch_size,
        launcher,
    )
