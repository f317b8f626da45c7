"""The chips: their published figures, and the devices of a topology that need not be there."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import NamedTuple

from bgan_jax.runtime.platform import Platform
from experiments.harness.errors import UsageError


class Chip(NamedTuple):
    """Published figures of one chip (https://cloud.google.com/tpu/docs, read in November 2026).

    Attributes:
      flops: peak of bfloat16 products, in operations per second.
      bandwidth: of the high-bandwidth memory (HBM), in bytes per second.
      memory: HBM, in bytes.
      clock: cycles per second, derived from the peak: operations per cycle of the matrix units are known.
    """

    flops: float
    bandwidth: float
    memory: int
    clock: float


CHIPS: Mapping[str, Chip] = {
    "v4": Chip(275e12, 1228e9, 32 * 2**30, 1.05e9),
    "v5e": Chip(197e12, 819e9, 16 * 2**30, 1.5e9),
    "v5p": Chip(459e12, 2765e9, 95 * 2**30, 1.75e9),
    "v6e": Chip(918e12, 1640e9, 32 * 2**30, 1.75e9),
}
#: libtpu looks for a machine of TPUs otherwise, and lets one process in at a time.
ENVIRONMENT = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_LOG_DIR": "disabled",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}
INSTALL = "pip install 'bgan_jax[aot]'"


def chip_of(topology: str) -> Chip:
    """Returns the chip of a topology.

    Raises:
      UsageError: there are no figures of it; lists the chips.

    Example:
      >>> chip_of("v5e:2x2").memory // 2**30
      16
    """
    name = topology.partition(":")[0]
    if name not in CHIPS:
        raise UsageError(f"--topology={topology}: unknown chip {name!r}; legal: {', '.join(CHIPS)}, such as v5e:2x2")
    return CHIPS[name]


def described(topology: str) -> Platform:
    """Returns the devices of a topology, which its compiler describes.

    Args:
      topology: chip and shape, such as ``"v5e:2x2"`` or ``"v5p:2x2x1"``.

    Raises:
      UsageError: an unknown topology, or the compiler is not installed.
    """
    chip_of(topology)
    if importlib.util.find_spec("libtpu") is None:
        raise UsageError(f"--topology={topology} is compiled by libtpu, which is not installed: {INSTALL}")
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from jax.experimental import topologies

    try:
        devices = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices
    except Exception as error:  # the compiler's own kinds of errors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"--topology={topology} is unknown to libtpu ({reason}); such as v5e:2x2 or v5e:16x16"
        ) from error
    return Platform(name="tpu", devices=devices, attached=False)
