"""The machine: its peak, measured in the same run by a large matrix product, and its description."""

from __future__ import annotations

import os
import platform
import time
from typing import Any

import jax
import jax.numpy as jnp

from bgan_jax.runtime.platform import this_process

SIDE = {"cpu": 2048, "gpu": 8192, "tpu": 8192}


def peak_flops(*, rounds: int = 5) -> float:
    """Measures arithmetic per second of a large float32 matrix product at the default precision, the best of rounds."""
    side = SIDE.get(this_process().name, 2048)
    matrix = jax.random.normal(jax.random.key(0), (side, side))
    product = jax.jit(jnp.matmul)
    product(matrix, matrix).block_until_ready()
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        product(matrix, matrix).block_until_ready()
        best = min(best, time.perf_counter() - began)
    return 2.0 * side**3 / best


def description() -> dict[str, Any]:
    """Describes the machine, as every result must."""
    running_on = this_process()
    return {
        "backend": running_on.name,
        "device": running_on.devices[0].device_kind,
        "devices": len(running_on.devices),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "jax": jax.__version__,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
