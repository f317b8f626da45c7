"""The columns of a table: what a run needs to know of each to train on it and to write rows like its own."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

ColumnKind = Literal["category", "number", "date", "constant", "dropped"]
#: Kinds that the user can give a column.
CHOSEN_KINDS = ("category", "number", "date", "drop")


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table; every value of a learned one is a category, by its index.

    Numbers and dates are divided into bins of nearly equal numbers of rows, at most one bin for a frequent value. A bin
    is the interval from its smallest value to its largest, and a number is drawn from it evenly. So spikes, gaps and
    long tails are kept, and no scale has to be chosen.

    Attributes:
      name: of the column.
      kind: ``"category"``, ``"number"`` or ``"date"`` are learned; ``"constant"`` has one value, which is written
        again; ``"dropped"`` is left out, such as an identifier.
      reason: why a column is dropped, in words.
      categories: of a category, the text of every one: in the order of their values where they are numbers, else the
        most frequent first. Of a constant, its value.
      other: of a category, whether the last one stands for all that are too rare.
      bins: of numbers, and of dates in seconds since 1970, ``(smallest, largest)`` of every bin.
      decimals: of numbers, digits behind the decimal mark; ``None`` where they have exponents.
      decimal_mark: of numbers, ``"."`` or ``","``.
      date_format: of dates, as in ``datetime.strptime``.
      missing: the text of a missing value, which is the last category; ``None`` where none is missing.
      shares: the share of every category among the training rows.

    Example:
      >>> Column("colour", "category", categories=("red", "blue"), missing="?").size
      3
    """

    name: str
    kind: ColumnKind
    reason: str = ""
    categories: tuple[str, ...] = ()
    other: bool = False
    bins: tuple[tuple[float, float], ...] = ()
    decimals: int | None = None
    decimal_mark: str = "."
    date_format: str = ""
    missing: str | None = None
    shares: tuple[float, ...] = ()

    @property
    def learned(self) -> bool:
        """Whether the column is part of the examples."""
        return self.kind in ("category", "number", "date")

    @property
    def size(self) -> int:
        """The number of categories or bins, a missing value included."""
        return len(self.categories or self.bins) + (self.missing is not None)

    @property
    def summary(self) -> str:
        """One line that describes the column."""
        if self.kind == "dropped":
            return f"dropped: {self.reason}"
        if self.kind == "constant":
            return f"constant: {self.categories[0]!r}, written again"
        others = ", one of them for all rare values" if self.other else ""
        missing = f", missing {self.shares[-1]:.1%}" if self.missing is not None and self.shares else ""
        if self.kind == "category":
            shown = ", ".join(self.categories[:4]) + (", ..." if len(self.categories) > 4 else "")
            return f"category: {len(self.categories)} values{others} ({shown}){missing}"
        dates = f", as {self.date_format}" if self.kind == "date" else ""
        return f"{self.kind}: {len(self.bins)} bins{dates}{missing}"


def column_from_json(fields: Mapping[str, Any]) -> Column:
    """Restores a column from the dictionary that it is saved as."""
    lists = {name: tuple(fields[name]) for name in ("categories", "shares")}
    bins = tuple((float(low), float(high)) for low, high in fields["bins"])
    return Column(**{**fields, **lists, "bins": bins})
