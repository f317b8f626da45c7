"""The interface of readers: a request for a data set, its source, and a reading of its examples."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.data.skipped import Skipped
from bgan_jax.data.spec import DatasetSpec

OPTIONS = (
    "resolution", "palette", "quantizer", "dither", "binarization", "value_range", "length", "short_lines",
    "long_lines", "text_field", "vocabulary", "columns", "header", "max_categories", "bins",
)  # fmt: skip
CHUNK = 1000  # Examples that a reader yields at a time, so that memory does not grow with the data set.

_PACK_VERSION = 2  # To be increased when the same files and options give other rows than before.


@dataclasses.dataclass(frozen=True)
class Request:
    """A request for one split of a data set; ``None`` takes the data set's default.

    Attributes:
      name: the name, or for the user's own files the part before the colon.
      path: the part after the colon, else empty.
      split: name of the split.
      data_dir: folder of prepared data, or None for the default of tensorflow-datasets.
      download: whether downloads are allowed.
      resolution: height and width in pixels.
      palette: number of colours of the palette.
      quantizer: ``"kmeans"`` or ``"median_cut"``, how the palette is chosen.
      dither: ``"none"`` or ``"floyd_steinberg"``, how images are quantised to it.
      binarization: ``"threshold"``, ``"stochastic"`` or ``"none"``.
      value_range: ``"0,1"``, ``"-1,1"`` or ``"0,255"``, the values of black and white in arrays.
      length: symbols of a text example.
      short_lines: ``"drop"`` or ``"pad"``, the treatment of lines of fewer symbols.
      long_lines: ``"split"`` or ``"cut"``, the treatment of lines of more symbols.
      text_field: of lines that are JSON objects, the field that is the text.
      vocabulary: the symbols of text, one string each.
      columns: of a table, ``NAME:KIND`` with commas between.
      header: of a table, ``"yes"`` or ``"no"``, whether the first row has the names of the columns.
      max_categories: of a column of a table; rarer ones become one.
      bins: of a column of numbers.
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
    value_range: str | None = None
    length: int | None = None
    short_lines: str | None = None
    long_lines: str | None = None
    text_field: str | None = None
    vocabulary: tuple[str, ...] | None = None
    columns: str | None = None
    header: str | None = None
    max_categories: int | None = None
    bins: int | None = None
    licence: str = ""
    citation: str = ""

    @property
    def dataset_name(self) -> str:
        """The name as given by the user."""
        return f"{self.name}:{self.path}" if self.path else self.name

    def spec(self, **fields: Any) -> DatasetSpec:
        """Creates the record with the request's name, split, licence and citation, and the given fields."""
        return DatasetSpec(
            name=self.dataset_name, split=self.split, licence=self.licence, citation=self.citation, **fields
        )

    @property
    def options(self) -> dict[str, object]:
        """The options that were set, by name."""
        return {name: value for name in OPTIONS if (value := getattr(self, name)) is not None}

    def choice(self, option: str, *, among: tuple[str, ...]) -> str:
        """Returns an option's value if it is one of ``among``, whose first is the default; else raises ValueError."""
        value = getattr(self, option) or among[0]
        if value not in among:
            raise ValueError(f"{option} {value!r} is not one of {', '.join(among)}")
        return value

    def check_split(self, splits: Iterable[str]) -> str:
        """Returns the requested split if it is one of ``splits``; else raises a ValueError that lists them."""
        splits = list(splits)
        if self.split not in splits:
            raise ValueError(f"dataset {self.dataset_name} has no split {self.split!r}; it has: {', '.join(splits)}")
        return self.split


class Rows(NamedTuple):
    """Unpacked examples, ``[n, *shape]``, and their labels, ``[n]`` int32, or None."""

    rows: np.ndarray
    labels: np.ndarray | None = None


@dataclasses.dataclass
class Reading:
    """One pass over a split.

    Attributes:
      spec: the record of the split, without its fingerprint.
      chunks: the examples, to be iterated once.
      skipped: what is left out, complete once ``chunks`` is exhausted.
      characters: text only; how many characters of the file are ``used`` in the examples, and how many ``dropped``.
    """

    spec: DatasetSpec
    chunks: Iterable[Rows]
    skipped: list[Skipped] = dataclasses.field(default_factory=list)
    characters: dict[str, int] | None = None


@dataclasses.dataclass(frozen=True)
class Source:
    """A split that has not been read yet.

    Attributes:
      where: file or folder, for messages.
      identity: hex digest of what the packed form depends on: the files and the options.
      read: starts a pass over the split; called only if there is no pack of it.
      cached: whether the packed form is saved in the cache folder.
    """

    where: str
    identity: str
    read: Callable[[], Reading]
    cached: bool = True


def identity_of(request: Request, *parts: object, files: Iterable[str | os.PathLike[str]] = ()) -> str:
    """Computes a digest of what a pack depends on, so that a stale pack is recognised.

    Args:
      request: its name, split and options enter the digest; its folders do not, so that copied data keep their packs.
      *parts: other values with an unambiguous ``repr``: digests, sizes, versions.
      files: the user's own files, of which path, size and modification time enter the digest.

    Returns:
      A hex digest.
    """
    facts = [(os.path.abspath(path), os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in files]
    chosen = (_PACK_VERSION, request.name, request.split, sorted(request.options.items()), parts, sorted(facts))
    return hashlib.sha256(repr(chosen).encode()).hexdigest()


def in_chunks(rows: np.ndarray, labels: np.ndarray | None) -> Iterable[Rows]:
    """Yields an array in memory as chunks."""
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        yield Rows(rows[part], None if labels is None else labels[part])
