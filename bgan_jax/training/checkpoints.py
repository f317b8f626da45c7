"""Checkpoints through Orbax: written in the background, checked by checksum, the newest good one restored.

A state is saved as numpy arrays, the same from every topology, so a run may continue on another number of devices.
Orbax restores an array whose bytes have changed on disk without a word, hence the checksum of the whole tree beside it.
"""

from __future__ import annotations

import logging
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

logger = logging.getLogger("bgan_jax")


def checksum(tree: Any) -> int:
    """CRC-32 over the paths, dtypes, shapes and bytes of all leaves.

    Example:
      >>> checksum({"a": np.zeros(2)}) == checksum({"a": np.ones(2)})
      False
    """
    crc = 0
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.asarray(leaf)
        header = f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}"
        crc = zlib.crc32(np.ascontiguousarray(array).view(np.uint8).tobytes(), zlib.crc32(header.encode(), crc))
    return crc


class Restored(NamedTuple):
    """A checkpoint that passed its check.

    Attributes:
      step: number of finished steps.
      tree: the saved tree, numpy arrays.
    """

    step: int
    tree: Any


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, folder: Path, *, keep: int = 3, read_only: bool = False) -> None:
        import orbax.checkpoint as ocp  # slow to import, and the mathematics needs none of it

        logging.getLogger("absl").addFilter(_quiet_orbax)
        self._ocp = ocp
        self.folder = folder
        self._manager = ocp.CheckpointManager(
            folder.absolute(),
            options=ocp.CheckpointManagerOptions(max_to_keep=keep, read_only=read_only, create=not read_only),
        )

    def steps(self) -> list[int]:
        """Steps that have a finished checkpoint, in order."""
        return sorted(self._manager.all_steps())

    def save(self, step: int, tree: Any) -> None:
        """Saves a tree of numpy arrays in the background.

        Args:
          step: number of finished steps.
          tree: numpy arrays; from ``parallel.to_host``.

        Raises:
          OSError: an earlier save failed, for instance because the disk is full.
        """
        if step in self._manager.all_steps():
            return
        ocp = self._ocp
        self._manager.save(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(tree), check=ocp.args.JsonSave({"crc32": checksum(tree), "step": step})
            ),
        )

    def restore(self, like: Any) -> Restored | None:
        """The newest checkpoint that is whole; broken ones are named in the log and passed over.

        Args:
          like: a tree of the same structure, of arrays or shapes.

        Returns:
          The checkpoint, or ``None`` when there is none that is whole.
        """
        for step in reversed(self.steps()):
            try:
                return Restored(step=step, tree=self._read(step, like))
            except Exception as error:  # Orbax raises whatever its storage layers raise
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                logger.warning("checkpoint %s is damaged and is passed over: %s", self.folder / str(step), reason[:300])
        return None

    def _read(self, step: int, like: Any) -> Any:
        ocp = self._ocp
        target = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
        restored = self._manager.restore(
            step, args=ocp.args.Composite(state=ocp.args.StandardRestore(target), check=ocp.args.JsonRestore())
        )
        expected = restored["check"]["crc32"]
        found = checksum(restored["state"])
        if found != expected:
            raise ValueError(f"checksum is {found:08x}, but {expected:08x} was saved")
        return restored["state"]

    def wait(self) -> None:
        """Waits for the save that is under way."""
        self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits for the save that is under way and lets go of the folder."""
        self._manager.close()


def _quiet_orbax(record: logging.LogRecord) -> bool:
    # Orbax tells several lines of bookkeeping for every save; warnings still come through.
    return record.levelno >= logging.WARNING or "orbax" not in record.pathname


def saved_steps(folder: Path) -> list[int]:
    """Steps of the finished checkpoints in a folder, without opening it for writing."""
    if not folder.is_dir():
        return []
    return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit())
