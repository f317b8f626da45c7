"""Runs a per-device function on all devices; no other file depends on how many there are.

A :class:`Launcher` says on which devices and how; on devices that are only described, everything here gives shapes in
place of arrays, so that a program is compiled by the functions that would run it.

The state is replicated: equal on every device. The batch is sharded: split along its first axis. ``pmap`` is the
default, and ``jit(shard_map)`` runs the same per-device function; the two give the same bits. Gradients are averaged
after they are taken, never before: with ``check_vma=True`` shard_map would sum them twice, silently.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from bgan_jax.runtime.compiler_options import compiler_options
from bgan_jax.runtime.platform import Platform

AXIS = "devices"
LAUNCHERS = ("pmap", "shard_map")
AUTO = "auto"


class Launcher(NamedTuple):
    """How per-device functions are run, and on what; static. Made by :func:`launcher_for`.

    Attributes:
      platform: the devices.
      parallel: ``"pmap"`` or ``"shard_map"``.
    """

    platform: Platform
    parallel: str

    @property
    def mesh(self) -> Mesh:
        """Returns the devices of replicated and sharded arrays."""
        # A pmap of several hosts keeps the state on this host's devices; a shard_map spans all hosts.
        devices = self.platform.local_devices if self.parallel == "pmap" else self.platform.devices
        return Mesh(np.array(devices), (AXIS,))


def launcher_for(platform: Platform, parallel: str) -> Launcher:
    """Returns the launcher of a name on a platform.

    Args:
      platform: the devices.
      parallel: ``"pmap"``, ``"shard_map"``, or ``"auto"``: pmap on one host, and shard_map on several, where a call of
        pmap costs the host milliseconds.

    Raises:
      ValueError: an unknown name.
    """
    if parallel == AUTO:
        parallel = "pmap" if platform.process_count == 1 else "shard_map"
    if parallel not in LAUNCHERS:
        raise ValueError(f"unknown parallel {parallel!r}; legal: {', '.join((AUTO, *LAUNCHERS))}")
    return Launcher(platform, parallel)


def check_batch_divides(batch_size: int, *, devices: int) -> None:
    """Raises ``ValueError`` when the global batch is not a multiple of the number of devices of all hosts."""
    if batch_size % devices:
        below, above = batch_size // devices * devices, (batch_size // devices + 1) * devices
        raise ValueError(
            f"batch_size={batch_size} is not a multiple of the {devices} devices; "
            f"use {f'{below} or {above}' if below else above}"
        )


def check_stride_divides(penalty_stride: int, *, batch_size: int, devices: int) -> None:
    """Raises ``ValueError`` when the penalty's stride does not divide a device's share of the batch."""
    share = batch_size // devices
    if share % penalty_stride:
        raise ValueError(
            f"penalty_stride={penalty_stride} does not divide the {share} examples of each of {devices} devices; "
            f"use a divisor of {share}, or a larger batch_size"
        )


class DeviceFunction:
    """A per-device function that runs on all devices of all hosts.

    It is compiled at its first call, and on one host never again.
    """

    def __init__(self, mapped: Any, platform: Platform) -> None:
        self._mapped = mapped
        self._platform = platform
        self._program: Any = None

    def lower(self, *arguments: Any) -> Any:
        """Lowers the program for these arguments."""
        return self._mapped.lower(*arguments)

    def compile(self, *arguments: Any) -> Any:
        """Compiles the program for these arguments, with the platform's options; calls do not use the result."""
        return self.lower(*arguments).compile(compiler_options=compiler_options(self._platform.name))

    def __call__(self, *arguments: Any) -> Any:
        """Runs the program, or is traced.

        On one host, arguments of other shapes than those of the first call raise ``TypeError``.
        """
        if self._program is None:
            if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
                return self._mapped(*arguments)
            # On several hosts each calls the pmap with its own share, while a compiled program takes the global batch.
            self._program = self.compile(*arguments) if self._platform.process_count == 1 else self._mapped
        return self._program(*arguments)


def on_devices(
    function: Callable[..., Any], *, launcher: Launcher, sharded: tuple[bool, ...], donate: tuple[int, ...] = (0,)
) -> DeviceFunction:
    """Maps a per-device function over all devices of all hosts.

    Args:
      function: ``function(*arguments, axis_name=...)`` for one device's share. Its results are equal on all devices.
      launcher: on which devices, and how.
      sharded: for every argument, whether its first axis is split over the devices; the other arguments are
        replicated. At least one is sharded.
      donate: arguments whose memory the results may reuse.

    Returns:
      The function, not compiled yet. Its arguments come from :func:`replicate` and :func:`shard`.
    """
    platform = launcher.platform
    per_device = functools.partial(function, axis_name=AXIS)
    if launcher.parallel == "pmap":
        in_axes = tuple(0 if is_sharded else None for is_sharded in sharded)
        devices = None if platform.attached else platform.devices
        mapped = jax.pmap(
            per_device, axis_name=AXIS, in_axes=in_axes, out_axes=None, donate_argnums=donate, devices=devices
        )
        return DeviceFunction(mapped, platform)
    in_specs = tuple(PartitionSpec(AXIS) if is_sharded else PartitionSpec() for is_sharded in sharded)
    over_mesh = jax.shard_map(
        per_device, mesh=launcher.mesh, in_specs=in_specs, out_specs=PartitionSpec(), check_vma=False
    )
    return DeviceFunction(jax.jit(over_mesh, donate_argnums=donate), platform)


def identity(tree: Any) -> Any:
    """Returns the tree itself. It is one function, so that replicating the same shapes again compiles nothing."""
    return tree


def replicate(make: Callable[..., Any], *arguments: Any, launcher: Launcher) -> Any:
    """Computes ``make(*arguments)`` on every device, so that the result shares memory with nothing else.

    Args:
      make: a traceable function, such as an initialiser, or the identity.
      *arguments: numbers or numpy arrays, equal on all hosts.
      launcher: on which devices, and how.

    Returns:
      The tree, one copy per device.
    """
    sharding = NamedSharding(launcher.mesh, PartitionSpec())
    if not launcher.platform.attached:
        return jax.tree.map(lambda leaf: _described(leaf, sharding), jax.eval_shape(make, *arguments))
    return jax.jit(make, out_shardings=sharding)(*arguments)


def shard(rows: Any, *, launcher: Launcher) -> jax.Array:
    """Splits this host's rows of the global batch over its devices, along the first axis.

    Args:
      rows: ``[batch_size / number of hosts, ...]``, numpy.
      launcher: on which devices, and how.

    Returns:
      An array for a sharded argument of a :class:`DeviceFunction`.
    """
    rows, platform = np.asarray(rows), launcher.platform
    sharding = NamedSharding(launcher.mesh, PartitionSpec(AXIS))
    if launcher.parallel == "pmap":
        rows = rows.reshape(len(platform.local_devices), -1, *rows.shape[1:])
        return jax.device_put(rows, sharding) if platform.attached else _described(rows, sharding)
    if not platform.attached:
        whole = jax.ShapeDtypeStruct((platform.process_count * len(rows), *rows.shape[1:]), rows.dtype)
        return _described(whole, sharding)
    return jax.make_array_from_process_local_data(sharding, rows)


def _described(leaf: Any, sharding: NamedSharding) -> Any:
    """Returns the shape, dtype and place of an array that is not there."""
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def to_host(tree: Any) -> Any:
    """Copies a replicated tree from this host's first device to numpy arrays; typed keys become their data.

    The copy matters on CPU, where numpy would otherwise share the device's memory: a step cannot reuse a donated
    buffer that another array refers to.
    """

    def read(leaf: Any) -> np.ndarray:
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        host = np.asarray(leaf.addressable_data(0) if isinstance(leaf, jax.Array) else leaf)
        return host if host.flags.owndata else host.copy()

    return jax.tree.map(read, tree)
