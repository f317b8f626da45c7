"""Rows of a table as text again: in the table's own columns, order and types."""

import csv
import datetime
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bgan_jax.data.column_kinds import EPOCH, is_number
from bgan_jax.data.spec import DatasetSpec
from bgan_jax.data.table_columns import Column

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class TableCells(NamedTuple):
    """A table as text: the names of its columns, and its rows."""

    names: list[str]
    rows: list[list[str]]


def to_cells(values: npt.ArrayLike, *, spec: DatasetSpec, seed: int = 0, escape_formulas: bool = False) -> TableCells:
    """Converts encoded rows to text.

    Args:
      values: categories, ``[n, *spec.shape]``.
      spec: a data set of kind ``"table"``.
      seed: of the numbers that are drawn from their bins. The same rows and seed give the same text.
      escape_formulas: whether a category that a spreadsheet would run as a formula, since it begins with ``= + - @``, a
        tab or a carriage return, gets an apostrophe before it. Numbers and dates are left as they are.

    Returns:
      The columns of the file that are not dropped, in its order.

    Raises:
      ValueError: the data set is not a table.

    Example:
      >>> colour = Column("colour", "category", categories=("red", "=1+1"), missing="?")
      >>> age = Column("age", "number", bins=((20.0, 20.0), (30.0, 39.0)), decimals=0)
      >>> spec = DatasetSpec(name="toy", kind="table", shape=(2,), num_values=3, columns=(colour, age))
      >>> to_cells([[1, 0], [2, 0]], spec=spec, escape_formulas=True).rows
      [["'=1+1", '20'], ['?', '20']]
    """
    if spec.columns is None:
        raise ValueError(f"dataset {spec.name} is {spec.kind}, not a table: use to_images or to_strings")
    values = np.asarray(values)
    draws = np.random.default_rng(seed)
    learned = iter(np.moveaxis(values, -1, 0))
    shown = [column for column in spec.columns if column.kind != "dropped"]
    texts = [_texts(column, next(learned) if column.learned else np.zeros(len(values), int), draws) for column in shown]
    if escape_formulas:
        texts = [
            [f"'{text}" if text.startswith(_FORMULA) else text for text in own]
            if column.kind in ("category", "constant") and not all(map(is_number, column.categories))
            else own
            for column, own in zip(shown, texts, strict=True)
        ]
    return TableCells([column.name for column in shown], [list(row) for row in zip(*texts, strict=True)])


def to_csv(cells: TableCells) -> str:
    """Returns a table as CSV text with a header, fields in quotes where needed."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(cells.names)
    writer.writerows(cells.rows)
    return buffer.getvalue()


def _texts(column: Column, categories: np.ndarray, draws: np.random.Generator) -> Sequence[str]:
    if not column.bins:
        names = [*column.categories, *([] if column.missing is None else [column.missing])]
        return [names[category] for category in categories]
    missing = categories >= len(column.bins)
    lows, highs = np.array([*column.bins, (0.0, 0.0)]).T
    low, high = lows[categories], highs[categories]
    # Within half a step of the ends, so that whole numbers at the ends are as likely as those between.
    half = 0.5 * _step(column)
    numbers = np.clip(draws.uniform(low - half, high + half), low, high)
    return [
        (column.missing or "") if absent else _number_text(column, number)
        for number, absent in zip(numbers.tolist(), missing.tolist(), strict=True)
    ]


def _step(column: Column) -> float:
    """Returns the distance of neighbouring values as they are written; 0 where it is not known."""
    if column.kind == "date":
        return 1.0 if "%S" in column.date_format else 60.0 if "%M" in column.date_format else 86_400.0
    return 0.0 if column.decimals is None else 10.0**-column.decimals


def _number_text(column: Column, number: float) -> str:
    if column.kind == "date":
        step = _step(column)
        when = EPOCH + datetime.timedelta(seconds=round(number / step) * step)
        return when.strftime(column.date_format)
    text = f"{number:.6g}" if column.decimals is None else f"{number:.{column.decimals}f}"
    # A number that rounds to nothing has no sign.
    text = text.removeprefix("-") if float(text) == 0 else text
    return text.replace(".", column.decimal_mark)
