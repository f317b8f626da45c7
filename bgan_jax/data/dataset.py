"""An opened split: its record, its examples in packed form, its labels."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bgan_jax.data.packing import layout_of, unpack
from bgan_jax.data.skipped import Skipped, count_by_reason
from bgan_jax.data.spec import READING, DatasetSpec


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """One split of a data set, in packed form; ``len`` is its number of examples.

    Attributes:
      spec: what the data set is.
      packed: every example, ``[n, width]``, memory-mapped if it comes from the cache.
      labels: ``[n]`` int32, or None.
      skipped: every file, array or member of an archive that was left out, with the reason.
      characters: text only; how many characters of the file are ``used`` in the examples, and how many ``dropped``.
    """

    spec: DatasetSpec
    packed: np.ndarray
    labels: np.ndarray | None = None
    skipped: tuple[Skipped, ...] = ()
    characters: Mapping[str, int] | None = None

    def __len__(self) -> int:
        return len(self.packed)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the file name of memory-mapped data instead of their content."""
        if isinstance(self.packed, np.memmap):
            return _reopen, (self.spec, self.packed.filename, self.labels, self.skipped, self.characters)
        return Dataset, (self.spec, self.packed, self.labels, self.skipped, self.characters)

    def rows(self, indices: npt.ArrayLike) -> np.ndarray:
        """Returns examples by index, unpacked.

        Args:
          indices: integers in ``0 .. len - 1``.

        Returns:
          ``[..., *spec.shape]``, ``spec.row_dtype``.
        """
        return unpack(self.packed[np.asarray(indices)], layout=layout_of(self.spec), shape=self.spec.shape)

    def to_json(self) -> str:
        """Returns the record, and what was left out by the reader, as a JSON object that ``DatasetSpec`` restores."""
        reading: dict[str, Any] = {"skipped": count_by_reason(self.skipped)}
        if self.characters is not None:
            reading["characters"] = dict(self.characters)
        return json.dumps({**json.loads(self.spec.to_json()), READING: reading}, ensure_ascii=False)


def _reopen(
    spec: DatasetSpec,
    path: str,
    labels: np.ndarray | None,
    skipped: tuple[Skipped, ...],
    characters: Mapping[str, int] | None,
) -> Dataset:
    return Dataset(spec, np.load(path, mmap_mode="r"), labels, skipped, characters)
