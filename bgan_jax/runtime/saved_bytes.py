"""Saves one array of bytes as one file of an Orbax checkpoint, in any storage that paths can name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.future import CommitFutureAwaitingContractedSignals, Future

from bgan_jax.atomic_files import write_atomically

FILE = "bytes"


class BytesHandler(ocp.AsyncCheckpointHandler):
    """Writes and reads the file."""

    async def async_save(self, directory: Path, args: BytesSave) -> list[Future]:
        """Starts to write the file in a thread; the checkpoint is finished after it."""
        return [CommitFutureAwaitingContractedSignals(self._save_later(directory, args), name="bytes")]

    async def _save_later(self, directory: Path, args: BytesSave) -> None:
        self.save(directory, args)

    def save(self, directory: Path, args: BytesSave) -> None:
        """Writes the file at once."""
        write_atomically(directory / FILE, lambda file: file.write(args.packed.data))

    def restore(self, directory: Path, args: BytesRestore) -> np.ndarray:
        """Reads the file, uint8 ``[B]``."""
        if (directory / "manifest.ocdbt").exists():  # Of earlier versions, which wrote an array through TensorStore.
            found = ocp.StandardCheckpointHandler().restore(directory, args=ocp.args.StandardRestore())
            return np.asarray(found["bytes"])
        return np.frombuffer((directory / FILE).read_bytes(), np.uint8)


@ocp.args.register_with_handler(BytesHandler, for_save=True)
@dataclasses.dataclass
class BytesSave(ocp.args.CheckpointArgs):
    """What is saved.

    Attributes:
      packed: uint8 ``[B]``.
    """

    packed: Any


@ocp.args.register_with_handler(BytesHandler, for_restore=True)
@dataclasses.dataclass
class BytesRestore(ocp.args.CheckpointArgs):
    """Nothing needs to be known to restore the bytes."""
