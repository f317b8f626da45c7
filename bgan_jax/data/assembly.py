"""From a reading to an opened split in memory: pack, count, fingerprint."""

import dataclasses
import hashlib

import numpy as np

from bgan_jax.data.dataset import Dataset
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.packing import pack
from bgan_jax.data.source import Reading
from bgan_jax.data.spec import DatasetSpec


def assemble(reading: Reading, *, where: str) -> Dataset:
    """Packs a whole split in memory.

    Args:
      reading: a pass over the split.
      where: the file or folder that is read, for messages.

    Returns:
      The split, with its fingerprint in the record.

    Raises:
      BadDataError: rows that are not what the record says, or none at all.
    """
    parts = [(pack(rows, spec=reading.spec, where=where), labels) for rows, labels in reading.chunks]
    if not parts:
        raise BadDataError(f"{where}: split {reading.spec.split!r} of {reading.spec.name} has no examples")
    packed = np.concatenate([part for part, _ in parts])
    labels = None if parts[0][1] is None else np.concatenate([labels for _, labels in parts if labels is not None])
    spec = dataclasses.replace(reading.spec, fingerprint=fingerprint(reading.spec, packed, labels))
    return Dataset(spec, packed, labels, tuple(reading.skipped))


def fingerprint(spec: DatasetSpec, packed: np.ndarray, labels: np.ndarray | None) -> str:
    """Hex digest of a split's packed examples and labels, and of what their values mean.

    Past 512 MiB it reads 64 KiB blocks spread evenly over the examples, first and last included, 512 MiB in all, so
    that opening a large data set takes no longer than half a second.

    Args:
      spec: the record, whose kind, shape, palette and vocabulary count.
      packed: ``[n, width]``, memory-mapped or not.
      labels: ``[n]``, or None.

    Returns:
      16 hex digits.
    """
    meaning = (spec.kind, spec.shape, spec.num_values, spec.stochastic, spec.palette, spec.vocabulary, packed.shape)
    digest = hashlib.sha256(repr(meaning).encode())
    for array in (packed,) if labels is None else (packed, labels):
        content = array.reshape(-1).view(np.uint8).data
        if len(content) <= _LIMIT:
            digest.update(content)
        else:
            for start in np.linspace(0, len(content) - _BLOCK, _LIMIT // _BLOCK, dtype=np.int64):
                digest.update(content[start : start + _BLOCK])
    return digest.hexdigest()[:16]


_BLOCK = 64 * 2**10
_LIMIT = 512 * 2**20
