"""Between a name and its examples: what the user asked for, where the data are, and how they are read."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from bgan_jax.data.spec import DatasetSpec

CHUNK = 1000  # Examples that a reader hands on at a time, so that memory does not grow with the data set.


@dataclasses.dataclass(frozen=True)
class Request:
    """What the user asked for; ``None`` leaves a choice to the data set.

    Attributes:
      name: the name, or for the user's own files the part before the colon.
      path: the part after the colon, else empty.
      split: which split.
      data_dir: folder of prepared data, or None for the default of tensorflow-datasets.
      download: whether fetching over the network is allowed.
      resolution: height and width in pixels.
      palette: ``"kmeans"`` or ``"adaptive"``, how the palette is chosen.
      num_colors: colours of the palette.
      dither: ``"none"`` or ``"floyd"``, how a picture is drawn in it.
      binarization: ``"threshold"``, ``"stochastic"`` or ``"none"``.
      length: symbols of a text example.
    """

    name: str
    path: str = ""
    split: str = "train"
    data_dir: str | None = None
    download: bool = False
    resolution: int | None = None
    palette: str | None = None
    num_colors: int | None = None
    dither: str | None = None
    binarization: str | None = None
    length: int | None = None

    @property
    def dataset_name(self) -> str:
        """The name as the user gave it."""
        return f"{self.name}:{self.path}" if self.path else self.name

    def check_split(self, splits: Iterable[str]) -> str:
        """The split, if it is one of ``splits``; else a ValueError that lists them."""
        splits = sorted(splits)
        if self.split not in splits:
            raise ValueError(f"dataset {self.dataset_name} has no split {self.split!r}; it has: {', '.join(splits)}")
        return self.split


class Rows(NamedTuple):
    """Some examples in the data's own form, ``[n, *shape]``, and their labels, ``[n]`` int32, or None."""

    rows: np.ndarray
    labels: np.ndarray | None = None


@dataclasses.dataclass
class Reading:
    """One pass over a split.

    Attributes:
      spec: the record of the split, all but its fingerprint.
      chunks: the examples, to be iterated once.
      skipped: one line for every undecodable file, complete once ``chunks`` is exhausted.
    """

    spec: DatasetSpec
    chunks: Iterable[Rows]
    skipped: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a split lies, before anything of it is read.

    Attributes:
      where: file or folder, for messages.
      identity: hex digest of what a pack made from this source depends on: the files and the options.
      read: starts a pass over the split; called only when there is no pack of it yet.
      cached: whether the packed form is worth a file in the cache folder.
    """

    where: str
    identity: str
    read: Callable[[], Reading]
    cached: bool = True


def identity_of(*parts: object, files: Iterable[str | os.PathLike[str]] = ()) -> str:
    """Digest of options and of files, by name, size and time of change: enough to know when a pack is stale.

    Args:
      *parts: anything with a faithful ``repr``: names, options, versions.
      files: paths of the files that are read.

    Returns:
      A hex digest.
    """
    facts = [(os.path.abspath(path), os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps([repr(parts), sorted(facts)]).encode()).hexdigest()


def in_chunks(rows: np.ndarray, labels: np.ndarray | None = None) -> Iterable[Rows]:
    """An array that is in memory already, as chunks."""
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        yield Rows(rows[part], None if labels is None else labels[part])
