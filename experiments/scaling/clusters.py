r"""A model of a step's time on many accelerators, from what their makers publish. Nothing here was measured.

A step on n devices, each with the same batch whatever n is, takes the arithmetic of one device's share and then its
all-reduces, nothing overlapped:

.. math:: t(n) = \frac{\mathrm{FLOPs}}{u \, \mathrm{peak}} + \frac{2 (g - 1)}{g} \frac{B}{b}
          + \frac{2 (s - 1)}{s} \frac{B}{g \, b'} + K (h \, l + h' \, l')

with B bytes in K all-reduces, groups of g = min(n, group) devices on fast links of b bytes/s each way, s = n/g such
groups on a network of b' bytes/s per device, u an assumed share of the peak, and h, h' steps of latency l, l'. Within a
group and between groups a ring of m members moves 2 (m - 1)/m of the bytes through each of them (Patarasuk and Yuan
2009); between groups each device reduces its own g-th of them. The memory's speed, the input, and the launch of kernels
are left out, and small networks are bound by just those: the model says what communication costs, not how fast a step
is.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Cluster(NamedTuple):
    """Accelerators as described by their maker.

    Attributes:
      name: of the machine.
      peak_flops: arithmetic per second of one device, in the precision that JAX multiplies float32 in by default.
      group: devices on the fast links.
      link: bytes per second that a device sends into its group.
      network: bytes per second and device between groups.
      torus: whether the group is a two-dimensional torus; otherwise all of it is behind one switch.
    """

    name: str
    peak_flops: float
    group: int
    link: float
    network: float
    torus: bool


CLUSTERS = {
    # https://cloud.google.com/tpu/docs/v5e: 197 TFLOPs (bf16), pods of 256 chips in a 2D torus, 400 GB/s of
    # interconnect per chip in both directions together, all-reduce bandwidth of a pod 51.2 TB/s (200 GB/s a chip);
    # network of a pod 6.4 Tbps.
    "v5e": Cluster("TPU v5e", 197e12, 256, 200e9, 6.4e12 / 8 / 256, torus=True),
    # https://cloud.google.com/tpu/docs/v6e: 918 TFLOPs (bf16), pods of 256 chips in a 2D torus, 800 GB/s per chip in
    # both directions together, all-reduce bandwidth of a pod 102.4 TB/s (400 GB/s a chip); network of a pod 25.6 Tbps.
    "v6e": Cluster("TPU v6e", 918e12, 256, 400e9, 25.6e12 / 8 / 256, torus=True),
    # https://www.nvidia.com/en-us/data-center/h100/: H100 SXM, TF32 989 TFLOPS with sparsity, so half of that without;
    # NVLink 900 GB/s in both directions together.
    # https://docs.nvidia.com/dgx-basepod/reference-architecture-infrastructure-foundation-enterprise-ai/latest/core-components.html
    # eight GPUs and eight ConnectX-7 ports of 400 Gb/s a machine.
    "h100": Cluster("H100", 989e12 / 2, 8, 450e9, 400e9 / 8, torus=False),
}

# Not published; seconds for a message to the next device of a group, and between groups. Assumptions.
LINK_LATENCY = 1e-6
NETWORK_LATENCY = 10e-6


def ring_bytes(num_bytes: float, *, devices: int) -> float:
    """Computes the bytes that each device sends in a ring all-reduce.

    Args:
      num_bytes: of the array that is reduced.
      devices: in the ring.

    Returns:
      2 (n - 1)/n times the bytes.

    Example:
      >>> [ring_bytes(100, devices=n) for n in (1, 2, 4)]
      [0.0, 100.0, 150.0]
    """
    return 2.0 * (devices - 1) / devices * num_bytes


class StepTime(NamedTuple):
    """A modelled step, in seconds.

    Attributes:
      compute: arithmetic.
      transfer: bytes over links and network.
      latency: of the messages, whatever their bytes.
    """

    compute: float
    transfer: float
    latency: float

    @property
    def total(self) -> float:
        """Nothing is overlapped."""
        return self.compute + self.transfer + self.latency

    @property
    def efficiency(self) -> float:
        """Share of the step that is arithmetic: images per second and device, over those of one device alone."""
        return self.compute / self.total


def step_time(
    cluster: Cluster, *, devices: int, flops: float, all_reduces: tuple[int, ...], utilisation: float
) -> StepTime:
    """Computes the time of a step by the model of the module's docstring.

    Args:
      cluster: what the devices are.
      devices: how many; within a group any number, beyond it whole groups.
      flops: arithmetic of one device's share of a step.
      all_reduces: bytes of every all-reduce of a step.
      utilisation: assumed share of the peak that the arithmetic reaches, in (0, 1].

    Returns:
      The :class:`StepTime`.

    Raises:
      ValueError: devices beyond a group that do not fill their groups.
    """
    inside = min(devices, cluster.group)
    groups, left_over = divmod(devices, inside)
    if left_over:
        raise ValueError(f"devices={devices} do not fill groups of {cluster.group}; use a multiple of it")
    total = sum(all_reduces)
    transfer = (
        ring_bytes(total, devices=inside) / cluster.link
        + ring_bytes(total / inside, devices=groups) / cluster.network
    )  # fmt: skip
    latency = len(all_reduces) * (
        _hops(inside, torus=cluster.torus) * LINK_LATENCY + 2 * math.ceil(math.log2(groups)) * NETWORK_LATENCY
    )
    return StepTime(compute=flops / (utilisation * cluster.peak_flops), transfer=transfer, latency=latency)


def _hops(devices: int, *, torus: bool) -> int:
    """Counts hops there and back: along both sides of the most square torus, or through a switch as a tree."""
    if not torus:
        return 2 * math.ceil(math.log2(devices))
    side = max(width for width in range(1, math.isqrt(devices) + 1) if devices % width == 0)
    return 2 * (side - 1) + 2 * (devices // side - 1)
