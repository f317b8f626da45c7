"""Checkpoints through Orbax: written in the background, checked by checksum, the newest good one restored.

A state is saved as the bytes of numpy arrays, the same from every topology, so a run may continue on another number of
devices. Orbax restores an array whose bytes have changed on disk without a word, hence the checksum beside them.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax.runtime.packed_state import Leaf, checksum, difference, leaves_of, pack, unpack

logger = logging.getLogger("bgan_jax")


class Restored(NamedTuple):
    """A checkpoint that passed its check.

    Attributes:
      step: number of finished steps.
      tree: the saved tree, numpy arrays.
    """

    step: int
    tree: Any


class OtherStateError(ValueError):
    """A whole checkpoint of another kind of state: other networks, another optimiser, or an older version of this."""


class UnsavedError(RuntimeError):
    """The last state of a run could not be saved."""


class Checkpoints:
    """The checkpoints of one run. One process has them, whatever the number of hosts.

    A save that fails, at once or in the background, is told in the log, and the run goes on: the next save may succeed,
    and the checkpoints before it are whole. Only :meth:`finish` makes an error of it.
    """

    def __init__(self, folder: Path, *, keep: int = 3, read_only: bool = False) -> None:
        import orbax.checkpoint as ocp  # slow to import, and the mathematics needs none of it

        logging.getLogger("absl").addFilter(_quiet_orbax)
        self._ocp = ocp
        self.folder = folder
        self._keep, self._read_only = keep, read_only
        self._pending: int | None = None
        if not read_only:
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
        self._manager = self._open()

    def _open(self) -> Any:
        ocp = self._ocp
        # Orbax would wait for all hosts; states here are numpy arrays, so that one process writes all of them.
        alone = ocp.options.MultiprocessingOptions(
            primary_host=jax.process_index(), active_processes={jax.process_index()}
        )
        return ocp.CheckpointManager(
            self.folder.absolute(),
            options=ocp.CheckpointManagerOptions(
                max_to_keep=self._keep, read_only=self._read_only, create=False, multiprocessing_options=alone
            ),
        )

    def steps(self) -> list[int]:
        """Steps that have a finished checkpoint on disk, in order."""
        return saved_steps(self.folder)

    def save(self, step: int, tree: Any) -> bool:
        """Saves a tree of numpy arrays in the background.

        Args:
          step: number of finished steps.
          tree: numpy arrays; from ``parallel.to_host``.

        Returns:
          False when it could not even be begun; the log says why.
        """
        self.wait()
        if step in self.steps():
            return True
        ocp = self._ocp
        self._pending = step
        packed, leaves = pack(tree), leaves_of(tree)
        check = {"crc32": checksum(packed, leaves), "step": step, "leaves": leaves}
        try:
            self._manager.save(
                step,
                args=ocp.args.Composite(state=ocp.args.StandardSave({"bytes": packed}), check=ocp.args.JsonSave(check)),
                # Orbax passes over steps before its newest; a run that went back to an older one saves them again.
                force=True,
            )
        except Exception as error:  # Orbax raises whatever its storage layers raise
            self._failed(error)
            return False
        return True

    def wait(self) -> bool:
        """Waits for the save that is under way; false when it failed, and the log says why."""
        if self._pending is None:
            return True
        try:
            self._manager.wait_until_finished()
        except Exception as error:
            self._failed(error)
            return False
        self._pending = None
        return True

    def _failed(self, error: Exception) -> None:
        good = self.steps()
        kept = f"the last good one is {self.folder / str(good[-1])}" if good else "there is no good one yet"
        logger.warning("the checkpoint of step %s could not be written (%s); %s", self._pending, _reason(error), kept)
        self._pending = None
        # Begin anew from what is on the disk: the half-written checkpoint frees its space, and nobody counts it.
        try:
            self._manager.close()
        except Exception as again:
            logger.debug("closing after a failed save: %s", again)
        remove_leftovers(self.folder)
        self._manager = self._open()

    def finish(self, step: int) -> None:
        """Waits until the checkpoint of ``step``, the last of the run, is on the disk.

        Raises:
          UnsavedError: it is not; names the last good one.
        """
        self.wait()
        good = self.steps()
        if step not in good:
            kept = f"the last good checkpoint is {self.folder / str(good[-1])}" if good else "there is no checkpoint"
            raise UnsavedError(f"the state of step {step} could not be saved; {kept}; the same command goes on from it")

    def restore(self, like: Any) -> Restored | None:
        """The newest checkpoint that is whole; broken ones are named in the log, put aside and passed over.

        Args:
          like: a tree of the same structure, of arrays or shapes.

        Returns:
          The checkpoint, or ``None`` when there is none at all.

        Raises:
          OtherStateError: the newest whole one is of another structure; names the first leaf that differs.
          ValueError: there are some, and none is whole.
        """
        self.wait()
        damaged = []
        for step in reversed(self.steps()):
            try:
                tree = self._read(step, like)
            except OtherStateError:
                raise
            except Exception as error:  # Orbax raises whatever its storage layers raise
                logger.warning(
                    "checkpoint %s is damaged and is passed over: %s", self.folder / str(step), _reason(error)
                )
                damaged.append(step)
                continue
            if damaged and not self._read_only:
                self._put_aside(damaged)
            return Restored(step=step, tree=tree)
        if damaged:
            raise ValueError(
                f"none of the {len(damaged)} checkpoints in {self.folder} can be restored (the log says why for each); "
                "bring a good one back, or choose another --workdir to start anew"
            )
        return None

    def _put_aside(self, damaged: list[int]) -> None:
        # Else a run that comes past the same step again would find it saved.
        for step in damaged:
            aside = self.folder / f"{step}.damaged"
            shutil.rmtree(aside, ignore_errors=True)
            (self.folder / str(step)).rename(aside)
        self._manager.close()
        self._manager = self._open()

    def _read(self, step: int, like: Any) -> Any:
        args = self._ocp.args
        check = self._manager.restore(step, args=args.Composite(check=args.JsonRestore()))["check"]
        if not isinstance(check, dict) or not {"crc32", "leaves"} <= check.keys():
            raise ValueError("its checksum is missing")
        leaves = [Leaf(path, dtype, tuple(shape)) for path, dtype, shape in check["leaves"]]
        target = {"bytes": np.zeros(sum(leaf.num_bytes for leaf in leaves), np.uint8)}
        restored = self._manager.restore(step, args=args.Composite(state=args.StandardRestore(target)))
        packed = np.asarray(restored["state"]["bytes"])
        found = checksum(packed, leaves)
        if found != check["crc32"]:
            raise ValueError(f"checksum is {found:08x}, but {check['crc32']:08x} was saved")
        differing = difference(leaves, leaves_of(like))
        if differing is not None:
            raise OtherStateError(
                f"checkpoint {self.folder / str(step)} holds another kind of state ({differing}); continue it with the "
                "version that wrote it, or choose another --workdir"
            )
        return unpack(packed, like=like)

    def close(self) -> None:
        """Waits for the save that is under way and lets go of the folder."""
        self.wait()
        self._manager.close()


def _reason(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def remove_leftovers(folder: Path) -> None:
    """Removes what saves left behind that a crash or a full disk interrupted."""
    for entry in folder.glob("*.orbax-checkpoint-tmp*"):
        shutil.rmtree(entry, ignore_errors=True)


def _quiet_orbax(record: logging.LogRecord) -> bool:
    # Orbax tells several lines of bookkeeping for every save, and warns of a folder that is opened to be read, which
    # was asked for. Other warnings still come through.
    if "orbax" not in record.pathname:
        return True
    message = record.getMessage()
    return record.levelno >= logging.WARNING and "read_only=True" not in message and "is read only" not in message


def saved_steps(folder: Path) -> list[int]:
    """Steps of the finished checkpoints in a folder, without opening it for writing."""
    if not folder.is_dir():
        return []
    return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit())
