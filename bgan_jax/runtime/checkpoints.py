"""Saves checkpoints in the background through Orbax, and restores the newest one whose checksum is right.

A state is saved as the bytes of numpy arrays, the same from every topology, so a run may continue on another number of
devices. Orbax itself does not notice when an array's bytes have changed on disk; hence the checksum beside them.

On a disk a checkpoint gets its name when it is complete. In a bucket nothing can be renamed at once: there a checkpoint
is complete with its last object, ``commit_success.txt``, and without it does not count.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

from bgan_jax.paths import is_remote, remove_tree
from bgan_jax.runtime.packed_state import Leaf, checksum, difference, leaves_of, pack, unpack
from bgan_jax.runtime.platform import this_process

logger = logging.getLogger("bgan_jax")

#: The last object of a checkpoint, as Orbax calls it.
COMMIT = "commit_success.txt"


class Restored(NamedTuple):
    """A checkpoint whose checksum is right.

    Attributes:
      step: number of finished steps.
      tree: the saved tree, numpy arrays.
    """

    step: int
    tree: Any


class OtherStateError(ValueError):
    """An intact checkpoint of another structure: of other networks, another optimiser, or another version."""


class UnsavedError(RuntimeError):
    """The last state of a run could not be saved."""


class Checkpoints:
    """The checkpoints of one run. One process saves them, whatever the number of hosts.

    A save that fails, at once or in the background, is logged, and the run continues: the next save may succeed, and
    earlier checkpoints are intact. Only :meth:`finish` raises an error.
    """

    def __init__(self, folder: Path, *, keep: int = 3, read_only: bool = False) -> None:
        import orbax.checkpoint as ocp  # slow to import, and only runs need it

        from bgan_jax.runtime import saved_bytes

        logging.getLogger("absl").addFilter(_quiet_orbax)
        self._ocp, self._saved_bytes = ocp, saved_bytes
        self.folder = folder
        self._keep, self._read_only = keep, read_only
        self._pending: int | None = None
        if not read_only:
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
        self._manager = self._open()

    def _open(self) -> Any:
        ocp = self._ocp
        # By default Orbax waits for all hosts; states here are numpy arrays, and one process writes all of them.
        own = this_process().process_index
        alone = ocp.options.MultiprocessingOptions(primary_host=own, active_processes={own})
        remote = is_remote(self.folder)
        return ocp.CheckpointManager(
            self.folder if remote else self.folder.absolute(),
            options=ocp.CheckpointManagerOptions(
                max_to_keep=self._keep,
                read_only=self._read_only,
                create=False,
                multiprocessing_options=alone,
                temporary_path_class=ocp.path.atomicity.CommitFileTemporaryPath if remote else None,
            ),
        )

    def steps(self) -> list[int]:
        """Returns the steps that have a finished checkpoint on disk, in order."""
        return saved_steps(self.folder)

    def save(self, step: int, tree: Any) -> bool:
        """Saves a tree of numpy arrays in the background.

        Args:
          step: number of finished steps.
          tree: numpy arrays; from ``parallel.to_host``.

        Returns:
          False when it could not be started; the log says why.
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
                args=ocp.args.Composite(state=self._saved_bytes.BytesSave(packed), check=ocp.args.JsonSave(check)),
                # Orbax skips steps before its newest; a run that restored an older one saves them again.
                force=True,
            )
        except Exception as error:  # Orbax raises whatever its storage layers raise
            self._failed(error)
            return False
        return True

    def wait(self) -> bool:
        """Waits for the save in progress; returns false when it failed, and the log says why."""
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
        # Reopen what is on disk, so that the partial checkpoint frees its space and is not counted.
        try:
            self._manager.close()
        except Exception as again:
            logger.debug("closing after a failed save: %s", again)
        remove_leftovers(self.folder)
        self._manager = self._open()

    def finish(self, step: int) -> None:
        """Waits until the checkpoint of ``step``, the last of the run, is on disk.

        Raises:
          UnsavedError: it could not be saved; names the last good one.
        """
        self.wait()
        good = self.steps()
        if step not in good:
            kept = f"the last good checkpoint is {self.folder / str(good[-1])}" if good else "there is no checkpoint"
            raise UnsavedError(f"the state of step {step} could not be saved; {kept}; rerun the same command to resume")

    def restore(self, like: Any) -> Restored | None:
        """Restores the newest intact checkpoint; damaged ones are logged, renamed and skipped.

        Args:
          like: a tree of the same structure, of arrays or shapes.

        Returns:
          The checkpoint, or ``None`` when there are no checkpoints.

        Raises:
          OtherStateError: the newest intact one is of another structure; names the first leaf that differs.
          ValueError: there are checkpoints, and all are damaged.
        """
        self.wait()
        damaged = []
        for step in reversed(self.steps()):
            try:
                tree = self._read(step, like)
            except OtherStateError:
                raise
            except Exception as error:  # Orbax raises whatever its storage layers raise
                logger.warning("checkpoint %s is damaged and is skipped: %s", self.folder / str(step), _reason(error))
                damaged.append(step)
                continue
            if damaged and not self._read_only:
                self._rename(damaged)
            return Restored(step=step, tree=tree)
        if damaged:
            raise ValueError(
                f"none of the {len(damaged)} checkpoints in {self.folder} can be restored (the log says why for each); "
                "bring a good one back, or choose another --workdir to start again"
            )
        return None

    def _rename(self, damaged: list[int]) -> None:
        # Otherwise a run that reaches the same step again would find it saved.
        for step in damaged:
            renamed = self.folder / f"{step}.damaged"
            remove_tree(renamed)
            (self.folder / str(step)).rename(renamed)
        self._manager.close()
        self._manager = self._open()

    def _read(self, step: int, like: Any) -> Any:
        args = self._ocp.args
        check = self._manager.restore(step, args=args.Composite(check=args.JsonRestore()))["check"]
        if not isinstance(check, dict) or not {"crc32", "leaves"} <= check.keys():
            raise ValueError("its checksum is missing")
        leaves = [Leaf(path, dtype, tuple(shape)) for path, dtype, shape in check["leaves"]]
        packed = self._manager.restore(step, args=args.Composite(state=self._saved_bytes.BytesRestore()))["state"]
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
        """Waits for the save in progress, and closes the folder."""
        self.wait()
        self._manager.close()


def _reason(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__


def remove_leftovers(folder: Path) -> None:
    """Removes the partial checkpoints of saves that a crash or a full disk interrupted."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if ".orbax-checkpoint-tmp" in entry.name or (entry.name.isdigit() and not _is_complete(entry)):
            remove_tree(entry)


def _quiet_orbax(record: logging.LogRecord) -> bool:
    # Orbax logs several lines for every save, and warns about folders that are opened read-only on purpose. Other
    # warnings pass.
    if "orbax" not in record.pathname:
        return True
    message = record.getMessage()
    return record.levelno >= logging.WARNING and "read_only=True" not in message and "is read only" not in message


def saved_steps(folder: Path) -> list[int]:
    """Returns the steps of the finished checkpoints in a folder, without opening it for writing."""
    if not folder.is_dir():
        return []
    return sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdigit() and _is_complete(entry))


def _is_complete(checkpoint: Path) -> bool:
    return not is_remote(checkpoint) or (checkpoint / COMMIT).exists()
