"""The record of a data set, the same for every source, which a run saves with its results."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from bgan_jax.data.table_columns import Column, column_from_json

#: The entry of a saved record that says what the reader left out; it is not part of a DatasetSpec.
READING = "reading"

Kind = Literal["binary", "categorical", "continuous", "text", "table"]
KINDS: tuple[Kind, ...] = ("binary", "categorical", "continuous", "text", "table")


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """Describes one split of a data set: everything except its examples.

    Hashable, so that it can be a static argument, and equal to its own saved form (``from_json(spec.to_json())``).

    Attributes:
      name: the name that was opened, e.g. ``"mnist10k"`` or ``"images:faces.tar"``.
      kind: ``"binary"``, ``"categorical"`` (palette indices), ``"continuous"`` (intensities 0..255), ``"text"``
        (indices into the vocabulary) or ``"table"`` (a category of every learned column).
      shape: shape of one unpacked example: binary and continuous ``(H, W, C)``, categorical ``(H, W)``, text ``(L,)``,
        table ``(C,)``, its learned columns.
      num_values: number of values of one entry: 2, the number of colours, 256, the size of the vocabulary, or the most
        categories of a column.
      split: the split that these examples come from, e.g. ``"train"``.
      splits: number of examples of every split of the source, as far as known without reading them.
      stochastic: binary only; the rows are intensities 0..255, and a pixel is 1 with probability intensity / 255,
        drawn at every call of :func:`bgan_jax.data.preprocessing.preprocess`.
      num_classes: number of labels, 0 if there are none.
      label_names: their names, in the order of the label indices; empty if there are none.
      palette: categorical only; the RGB colour of every index, ``num_values`` triples of 0..255.
      vocabulary: text only; the symbol of every index, ``num_values`` strings.
      columns: table only; every column of the file, also those that are not learned.
      licence: short name of the licence or terms of use.
      citation: whom to cite, or where the data come from.
      fingerprint: hex digest of this split's examples and labels in their packed form; two runs with the same
        fingerprint used the same data, whatever the source.

    Example:
      >>> spec = DatasetSpec(name="toy", kind="binary", shape=(2, 2, 1), num_values=2)
      >>> DatasetSpec.from_json(spec.to_json()) == spec
      True
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    num_values: int
    split: str = "train"
    splits: Mapping[str, int] = dataclasses.field(default_factory=dict, hash=False)
    stochastic: bool = False
    num_classes: int = 0
    label_names: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] | None = None
    vocabulary: tuple[str, ...] | None = None
    columns: tuple[Column, ...] | None = None
    licence: str = ""
    citation: str = ""
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"dataset {self.name}: kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if (self.palette is not None) != (self.kind == "categorical"):
            raise ValueError(f"dataset {self.name}: categorical data must have a palette, and only they")
        if (self.vocabulary is not None) != (self.kind == "text"):
            raise ValueError(f"dataset {self.name}: text must have a vocabulary, and only text")
        if (self.columns is not None) != (self.kind == "table"):
            raise ValueError(f"dataset {self.name}: a table must have columns, and only a table")
        if self.columns is not None and len(self.column_sizes) != self.shape[0]:
            raise ValueError(
                f"dataset {self.name}: {len(self.column_sizes)} columns are learned, and shape={self.shape}"
            )
        for field, values in (("palette", self.palette), ("vocabulary", self.vocabulary)):
            if values is not None and len(values) != self.num_values:
                raise ValueError(
                    f"dataset {self.name}: {field} has {len(values)} entries, num_values={self.num_values}"
                )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of every class: ``label_names``, or the indices where the labels have no names."""
        return self.label_names or tuple(map(str, range(self.num_classes)))

    @property
    def column_sizes(self) -> tuple[int, ...]:
        """The number of categories of every learned column of a table; empty for other data."""
        return tuple(column.size for column in self.columns or () if column.learned)

    @property
    def point_shape(self) -> tuple[int, ...]:
        """The shape of an example as the networks see it: one-hot where it has symbols, flat where it is of a table."""
        if self.kind == "table":
            return (sum(self.column_sizes),)
        return (*self.shape, self.num_values) if self.kind in ("categorical", "text") else self.shape

    @property
    def row_values(self) -> int:
        """The number of values of a stored entry, 256 for grey images that are binarised later, else ``num_values``."""
        return 256 if self.stochastic else self.num_values

    @property
    def row_dtype(self) -> np.dtype:
        """The dtype of rows, uint8, or uint16 when a vocabulary has more than 256 symbols."""
        return np.dtype(np.uint8 if self.row_values <= 256 else np.uint16)

    def to_json(self) -> str:
        """Returns the record as a JSON object, from which :meth:`from_json` restores it without the data."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "DatasetSpec":
        """Restores a record saved by :meth:`to_json`, or by :meth:`bgan_jax.data.dataset.Dataset.to_json`.

        Args:
          text: the JSON object.

        Returns:
          The record.

        Raises:
          ValueError: the text is not a saved record.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            fields.pop(READING, None)
            fields["shape"] = tuple(fields["shape"])
            fields["label_names"] = tuple(fields["label_names"])
            if fields["palette"] is not None:
                fields["palette"] = tuple((int(r), int(g), int(b)) for r, g, b in fields["palette"])
            if fields["vocabulary"] is not None:
                fields["vocabulary"] = tuple(fields["vocabulary"])
            if fields.get("columns") is not None:
                fields["columns"] = tuple(column_from_json(column) for column in fields["columns"])
            return cls(**fields)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the saved form of a DatasetSpec: {error!r}") from error
