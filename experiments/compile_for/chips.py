"""The chips: their published figures, and the devices of a topology that need not be there."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from bgan_jax.runtime.platform import Platform
from experiments.compile_for import gpu_targets
from experiments.harness.errors import UsageError


class Chip(NamedTuple):
    """Published figures of one chip (https://cloud.google.com/tpu/docs and the makers' data sheets, November 2026).

    Attributes:
      flops: peak of bfloat16 products, in operations per second.
      bandwidth: of the high-bandwidth memory (HBM), in bytes per second.
      memory: HBM, in bytes.
      clock: cycles per second. Of a TPU derived from the peak: operations per cycle of the matrix units are known.
    """

    flops: float
    bandwidth: float
    memory: int
    clock: float


TPUS: Mapping[str, Chip] = {
    "v4": Chip(275e12, 1228e9, 32 * 2**30, 1.05e9),
    "v5e": Chip(197e12, 819e9, 16 * 2**30, 1.5e9),
    "v5p": Chip(459e12, 2765e9, 95 * 2**30, 1.75e9),
    "v6e": Chip(918e12, 1640e9, 32 * 2**30, 1.75e9),
}
#: The SXM modules.
GPUS: Mapping[str, Chip] = {
    "a100": Chip(312e12, 1555e9, 40 * 2**30, 1.41e9),
    "h100": Chip(989e12, 3350e9, 80 * 2**30, 1.98e9),
    "h200": Chip(989e12, 4800e9, 141 * 2**30, 1.98e9),
}
#: By the value of ``--platform``.
CHIPS: Mapping[str, Mapping[str, Chip]] = {"tpu": TPUS, "cuda": GPUS}
EXAMPLES = {"tpu": "v5e:2x2", "cuda": "h100:8"}
#: libtpu looks for a machine of TPUs otherwise, and lets one process in at a time.
ENVIRONMENT = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_LOG_DIR": "disabled",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}
INSTALL = {"tpu": "pip install 'bgan_jax[aot]'", "cuda": "pip install 'bgan_jax[cuda]'"}


def chip_of(topology: str, platform: str = "tpu") -> Chip:
    """Returns the chip of a topology.

    Raises:
      UsageError: there are no figures of it; lists the chips.

    Example:
      >>> chip_of("v5e:2x2").memory // 2**30, chip_of("h100:8", "cuda").memory // 2**30
      (16, 80)
    """
    name, chips = topology.partition(":")[0], CHIPS[platform]
    if name not in chips:
        other = next((one for one, found in CHIPS.items() if name in found), None)
        remedy = f"; it is a chip of --platform={other}" if other else ""
        raise UsageError(
            f"--topology={topology}: unknown chip {name!r} of --platform={platform}; legal: {', '.join(chips)}, "
            f"such as {EXAMPLES[platform]}{remedy}"
        )
    return chips[name]


def described(topology: str, platform: str = "tpu") -> Platform:
    """Returns the devices of a topology, which its compiler describes.

    Args:
      topology: chip and shape, such as ``"v5e:2x2"`` or ``"v5p:2x2x1"``; of GPUs chip and number on one host, such as
        ``"h100:8"``.
      platform: ``"tpu"`` or ``"cuda"``.

    Raises:
      UsageError: an unknown topology, or the compiler is not installed.
    """
    chip_of(topology, platform)
    return _gpus(topology) if platform == "cuda" else _tpus(topology)


def _tpus(topology: str) -> Platform:
    if importlib.util.find_spec("libtpu") is None:
        raise UsageError(f"--topology={topology} is compiled by libtpu, which is not installed: {INSTALL['tpu']}")
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from jax.experimental import topologies

    try:
        devices = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    except Exception as error:  # the compiler's own kinds of errors
        raise UsageError(
            f"--topology={topology} is unknown to libtpu ({first_line(error)}); such as v5e:2x2 or v5e:16x16"
        ) from error
    return Platform(name="tpu", devices=devices, attached=False)


def _gpus(topology: str) -> Platform:
    name, _, number = topology.partition(":")
    if not re.fullmatch("[1-9][0-9]{0,3}", number):
        raise UsageError(f"--topology={topology}: after the chip comes the number of GPUs of one host, such as h100:8")
    if importlib.util.find_spec("jax_cuda12_plugin") is None:
        raise UsageError(
            f"--topology={topology} is compiled by jax[cuda12], which is not installed: {INSTALL['cuda']} (5 GB)"
        )
    from jax.experimental import topologies

    try:
        devices = topologies.get_topology_desc(
            platform="cuda", target_config=gpu_targets.TARGETS[name], topology=f"1x1x{number}"
        ).devices
    except Exception as error:  # the compiler's own kinds of errors
        raise UsageError(f"--topology={topology} is refused by jax[cuda12]: {first_line(error)}") from error
    return Platform(name="gpu", devices=devices, attached=False)


def first_line(error: Exception) -> str:
    """Returns the first line of what an error says, or what kind of error it is."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
