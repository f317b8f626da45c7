"""What a program runs on: the platform's name and its devices, asked for in this file and nowhere else.

A command asks once, where it starts, and hands the record on: to the forms of convolutions, the sizes of microbatches,
the launcher, the compiler's options, the seeds. So a program can be built for devices that this machine does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax


class Platform(NamedTuple):
    """The devices of a job; static.

    Attributes:
      name: JAX's name of the platform, such as ``"cpu"``, ``"gpu"`` or ``"tpu"``.
      devices: of all hosts, in JAX's order.
      process_index: the number of this host.
      attached: whether the devices are there. On devices that are only described, programs are compiled and never run.
    """

    name: str
    devices: Sequence[Any]
    process_index: int = 0
    attached: bool = True

    @property
    def local_devices(self) -> list[Any]:
        """Returns the devices of this host."""
        return [device for device in self.devices if device.process_index == self.process_index]

    @property
    def process_count(self) -> int:
        """Returns the number of hosts."""
        return len({device.process_index for device in self.devices})

    @property
    def on_cpu(self) -> bool:
        """Returns whether the devices are CPUs, which share the memory of their machine."""
        return self.name == "cpu"

    @property
    def kinds(self) -> list[str]:
        """Returns the makers' names of the devices, each once."""
        return sorted({device.device_kind for device in self.devices})


def this_process() -> Platform:
    """Asks JAX what this process runs on; starts the backend.

    Example:
      >>> platform = this_process()
      >>> platform.process_index, platform.process_count, platform.devices == platform.local_devices
      (0, 1, True)
    """
    return Platform(name=jax.default_backend(), devices=jax.devices(), process_index=jax.process_index())
