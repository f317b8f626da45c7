"""Between a name and its examples: what the user asked for, where the data are, and how they are read."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.data.errors import DatasetNotFoundError
from bgan_jax.data.spec import DatasetSpec

OPTIONS = ("resolution", "palette", "quantizer", "dither", "binarization", "length", "short_lines", "vocabulary")
CHUNK = 1000  # Examples that a reader hands on at a time, so that memory does not grow with the data set.

_PACK_VERSION = 1  # Raised whenever the same files and options come to give other rows.


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
      palette: number of colours of the palette.
      quantizer: ``"kmeans"`` or ``"median_cut"``, how the palette is chosen.
      dither: ``"none"`` or ``"floyd_steinberg"``, how a picture is drawn in it.
      binarization: ``"threshold"``, ``"stochastic"`` or ``"none"``.
      length: symbols of a text example.
      short_lines: ``"drop"`` or ``"pad"``, what happens to lines of fewer symbols.
      vocabulary: the symbols of text, one string each.
      licence: of the data, for the record.
      citation: of the data, for the record.
    """

    name: str
    path: str = ""
    split: str = "train"
    data_dir: str | None = None
    download: bool = False
    resolution: int | None = None
    palette: int | None = None
    quantizer: str | None = None
    dither: str | None = None
    binarization: str | None = None
    length: int | None = None
    short_lines: str | None = None
    vocabulary: tuple[str, ...] | None = None
    licence: str = ""
    citation: str = ""

    @property
    def dataset_name(self) -> str:
        """The name as the user gave it."""
        return f"{self.name}:{self.path}" if self.path else self.name

    def spec(self, **fields: Any) -> DatasetSpec:
        """The record of what was asked for: its name, split, licence and citation, and the given fields."""
        return DatasetSpec(
            name=self.dataset_name, split=self.split, licence=self.licence, citation=self.citation, **fields
        )

    def own_path(self) -> Path:
        """The file or folder after the colon, if it is there; else a DatasetNotFoundError."""
        if not self.path:
            raise ValueError(f"dataset {self.name}: takes the path of your own data, as in {self.name}:PATH")
        path = Path(self.path).expanduser().resolve()
        if not path.exists():
            raise DatasetNotFoundError(f"dataset {self.dataset_name}: there is no {path}; put your data there")
        return path

    @property
    def options(self) -> dict[str, object]:
        """The choices that the user made, by name."""
        return {name: value for name in OPTIONS if (value := getattr(self, name)) is not None}

    def choice(self, option: str, *, among: tuple[str, ...]) -> str:
        """An option with a closed list of values, the first of which is the default; else a ValueError."""
        value = getattr(self, option) or among[0]
        if value not in among:
            raise ValueError(f"{option} {value!r} is not one of {', '.join(among)}")
        return value

    def check_split(self, splits: Iterable[str]) -> str:
        """The split, if it is one of ``splits``; else a ValueError that lists them."""
        splits = list(splits)
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


def identity_of(request: Request, *parts: object, files: Iterable[str | os.PathLike[str]] = ()) -> str:
    """Digest of what a pack depends on: enough to know when it is stale.

    Args:
      request: whose name, split and options count; not its folders, so that a copied folder keeps its packs.
      *parts: anything else with a faithful ``repr``: digests, sizes, versions.
      files: the user's own files; they count by path, size and time of change.

    Returns:
      A hex digest.
    """
    facts = [(os.path.abspath(path), os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in files]
    chosen = (_PACK_VERSION, request.name, request.split, sorted(request.options.items()), parts, sorted(facts))
    return hashlib.sha256(repr(chosen).encode()).hexdigest()


def in_chunks(rows: np.ndarray, labels: np.ndarray | None) -> Iterable[Rows]:
    """An array that is in memory already, as chunks."""
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        yield Rows(rows[part], None if labels is None else labels[part])
