"""An opened split: its record, its examples in packed form, its labels."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from bgan_jax.data.packing import layout_of, unpack
from bgan_jax.data.skipped import Skipped
from bgan_jax.data.spec import DatasetSpec


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """One split of a data set, in packed form; ``len`` is its number of examples.

    Attributes:
      spec: what the data set is.
      packed: every example, ``[n, width]``, memory-mapped if it comes from the cache.
      labels: ``[n]`` int32, or None.
      skipped: every file, array or member of an archive that was left out, with the reason.
    """

    spec: DatasetSpec
    packed: np.ndarray
    labels: np.ndarray | None = None
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.packed)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the file name of memory-mapped data instead of their content."""
        if isinstance(self.packed, np.memmap):
            return _reopen, (self.spec, self.packed.filename, self.labels, self.skipped)
        return Dataset, (self.spec, self.packed, self.labels, self.skipped)

    def rows(self, indices: npt.ArrayLike) -> np.ndarray:
        """Returns examples by index, unpacked.

        Args:
          indices: integers in ``0 .. len - 1``.

        Returns:
          ``[..., *spec.shape]``, ``spec.row_dtype``.
        """
        return unpack(self.packed[np.asarray(indices)], layout=layout_of(self.spec), shape=self.spec.shape)


def _reopen(spec: DatasetSpec, path: str, labels: np.ndarray | None, skipped: tuple[Skipped, ...]) -> Dataset:
    return Dataset(spec, np.load(path, mmap_mode="r"), labels, skipped)
