"""Packing of a whole split, and the fingerprint of its content."""

import dataclasses
import hashlib
from collections.abc import Iterator

import numpy as np

from bgan_jax.data.dataset import Dataset
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.packing import pack
from bgan_jax.data.source import Reading
from bgan_jax.data.spec import DatasetSpec


def pack_split(reading: Reading, *, where: str) -> Dataset:
    """Packs a whole split in memory and adds its fingerprint to its record.

    Args:
      reading: a pass over the split.
      where: the file or folder that is read, for error messages.

    Returns:
      The split.

    Raises:
      BadDataError: the rows do not match the record, or there are none.
    """
    parts = list(packed_chunks(reading, where=where))
    packed = np.concatenate([part for part, _ in parts])
    labels = None if parts[0][1] is None else np.concatenate([labels for _, labels in parts if labels is not None])
    spec = dataclasses.replace(reading.spec, fingerprint=fingerprint(reading.spec, packed, labels))
    return Dataset(spec, packed, labels, tuple(reading.skipped), reading.characters)


def packed_chunks(reading: Reading, *, where: str) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Checks and packs the rows of a reading, chunk by chunk.

    Args:
      reading: a pass over the split.
      where: the file or folder that is read, for error messages.

    Yields:
      Packed examples ``[n, width]`` and their labels ``[n]`` int32, or None.

    Raises:
      BadDataError: the rows or labels do not match the record, or there are no examples.
    """
    empty = True
    for rows, labels in reading.chunks:
        if not len(rows):
            continue
        if (labels is None) != (reading.spec.num_classes == 0) or (labels is not None and len(labels) != len(rows)):
            raise BadDataError(f"{where}: some examples have labels and some have none")
        if labels is not None and not (labels.min() >= 0 and labels.max() < reading.spec.num_classes):
            raise BadDataError(f"{where}: labels must be in 0 .. {reading.spec.num_classes - 1}")
        empty = False
        yield pack(rows, spec=reading.spec, where=where), labels
    if empty:
        few = sum(reading.spec.splits.values()) < 10 and reading.spec.split == "test"
        remedy = "; every tenth is held out, so give at least 10" if few else ""
        raise BadDataError(f"{where}: split {reading.spec.split!r} of {reading.spec.name} has no examples{remedy}")


def fingerprint(spec: DatasetSpec, packed: np.ndarray, labels: np.ndarray | None) -> str:
    """Computes a digest of a split's packed examples, its labels and the meaning of their values.

    Of data larger than 512 MiB only 64 KiB blocks at even distances are read, first and last included, 512 MiB in
    total, so that opening a large data set takes at most half a second.

    Args:
      spec: the record; its kind, shape, palette, vocabulary and columns enter the digest.
      packed: ``[n, width]``, memory-mapped or not.
      labels: ``[n]``, or None.

    Returns:
      The digest, 16 hex digits.
    """
    meaning: tuple[object, ...] = (
        spec.kind,
        spec.shape,
        spec.num_values,
        spec.stochastic,
        spec.palette,
        spec.vocabulary,
        packed.shape,
    )
    if spec.columns is not None:
        meaning = (*meaning, spec.columns)
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
