"""What a column of text cells holds: categories, numbers, dates, one value, or identifiers."""

import dataclasses
import datetime
import re
from collections.abc import Sequence

import numpy as np

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.table_columns import Column

#: Cells that are missing values, after spaces around them are removed.
MISSING = ("", "?", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null")
OTHER = "other"
#: Formats of dates, tried in this order: where all cells fit several, the first is taken.
DATE_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M", "%Y/%m/%d",
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y",
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?\d+(,\d+)?")
# Codes, such as postal ones, whose zeros would be lost.
_LEADING_ZERO = re.compile(r"[+-]?0\d")
_IDENTIFIER = re.compile(r"(^|[_. ])(id|uuid|guid|key)$", re.IGNORECASE)
_MOST_DECIMALS = 12
#: Dates are seconds since then.
EPOCH = datetime.datetime(1970, 1, 1)


@dataclasses.dataclass(frozen=True)
class Cells:
    """A column as it was read.

    Attributes:
      name: its name.
      codes: index of each row's text in ``texts``, ``[n]``.
      texts: its different texts, without spaces around them.
    """

    name: str
    codes: np.ndarray
    texts: Sequence[str]


def column_of(
    cells: Cells, *, kind: str | None, max_categories: int, bins: int, train: np.ndarray, where: str
) -> tuple[Column, np.ndarray]:
    """Finds what a column holds, and encodes it.

    Args:
      cells: the column of the whole file.
      kind: one of ``CHOSEN_KINDS`` where the user gives one, else ``None``.
      max_categories: of a column of categories; rarer ones become one.
      bins: of a column of numbers. Numbers of at most so many different values are categories.
      train: which rows are learned from, bool ``[n]``; shares are of these.
      where: the file, for error messages.

    Returns:
      The column, and the category of every row, ``[n]``, empty where the column is not learned.

    Raises:
      BadDataError: the cells are not of the kind that the user gives; names the cell.
    """
    is_missing = np.array([text in MISSING for text in cells.texts], bool)
    counts = np.bincount(cells.codes, minlength=len(cells.texts))
    present = np.flatnonzero(~is_missing & (counts > 0)).tolist()
    texts, num_rows = [cells.texts[place] for place in present], int(counts[present].sum())
    nothing = np.zeros(0, np.int64)
    if kind == "drop":
        return Column(cells.name, "dropped", reason="by --columns"), nothing
    missing = _most_frequent_missing(cells.texts, counts, is_missing)
    if len(texts) + (missing is not None) < 2:
        return Column(cells.name, "constant", categories=(texts[0] if texts else missing or "",)), nothing
    number_mark, date_format = _decimal_mark(texts), _date_format(texts)
    if kind is None:
        kind, reason = _inferred_kind(
            cells.name, texts, num_rows, number_mark, date_format, max_categories=max_categories, bins=bins
        )
        if kind == "dropped":
            return Column(cells.name, "dropped", reason=reason), nothing
    if kind == "number" and number_mark is None:
        number_mark = _decimal_mark(texts, codes=False)  # The zeros of codes are lost, as the user wants it.
        if number_mark is None:
            raise BadDataError(_not_of_kind(where, cells.name, kind, _not_a_number(texts)))
    if kind == "date" and date_format is None:
        raise BadDataError(_not_of_kind(where, cells.name, kind, texts[0]))
    if kind == "category":
        column, of_text = _categories(cells.name, texts, counts[present], number_mark, max_categories)
    elif kind == "number":
        values = np.array([float(text.replace(",", ".")) for text in texts])
        column, of_text = _binned(Column(cells.name, "number"), values, counts[present], bins)
        column = dataclasses.replace(column, decimals=_decimals(texts), decimal_mark=number_mark or ".")
    else:
        values = np.array([_seconds(text, date_format or "") for text in texts])
        column, of_text = _binned(
            Column(cells.name, "date", date_format=date_format or ""), values, counts[present], bins
        )
    of_code = np.full(len(cells.texts), len(column.categories or column.bins), np.int64)
    of_code[present] = of_text
    codes = of_code[cells.codes]
    column = dataclasses.replace(column, missing=missing)
    in_train = np.bincount(codes[train], minlength=column.size) / max(int(train.sum()), 1)
    return dataclasses.replace(column, shares=tuple(round(float(share), 6) for share in in_train)), codes


def is_number(text: str) -> bool:
    """Returns whether a text is a number, with a point or a comma as the decimal mark.

    Example:
      >>> is_number("1,5"), is_number("1.5e3"), is_number("one")
      (True, True, False)
    """
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def encode_number(values: np.ndarray, column: Column) -> np.ndarray:
    """Returns the bin of numbers; of one between two bins, the upper.

    Example:
      >>> encode_number(np.array([1.0, 4.0, 9.0]), Column("n", "number", bins=((0.0, 2.0), (5.0, 7.0)))).tolist()
      [0, 1, 1]
    """
    return np.minimum(np.searchsorted([high for _, high in column.bins], values), len(column.bins) - 1)


def _inferred_kind(
    name: str, texts: Sequence[str], num_rows: int, number_mark: str | None, date_format: str | None,
    *, max_categories: int, bins: int,
) -> tuple[str, str]:  # fmt: skip
    """Returns a kind, and where that is ``"dropped"`` why."""
    all_differ = len(texts) == num_rows and num_rows > max_categories
    if number_mark is not None:
        values = sorted(float(text.replace(",", ".")) for text in texts)
        whole = all(value.is_integer() for value in values)
        if all_differ and whole and (values[-1] - values[0] == num_rows - 1 or _IDENTIFIER.search(name)):
            return "dropped", "an identifier: whole numbers that differ in every row"
        return ("number" if len(texts) > bins else "category"), ""
    if date_format is not None:
        return "date", ""
    if len(texts) > max_categories and len(texts) >= 0.9 * num_rows:
        reason = f"an identifier: {len(texts):,} different texts in {num_rows:,} rows"
        if len(texts) > sum(map(_is_finite, texts)) > len(texts) / 2:
            reason += f"; most are numbers, but {_not_a_number(texts)!r} is not: correct such cells to learn numbers"
        return "dropped", reason
    return "category", ""


def _most_frequent_missing(texts: Sequence[str], counts: np.ndarray, is_missing: np.ndarray) -> str | None:
    found = np.flatnonzero(is_missing & (counts > 0)).tolist()
    return texts[max(found, key=lambda place: counts[place])] if found else None


def _decimal_mark(texts: Sequence[str], *, codes: bool = True) -> str | None:
    """Returns the decimal mark of texts that are numbers; ``None`` where one is not, or where ``codes`` is a code."""
    if not texts or (codes and any(_LEADING_ZERO.match(text) for text in texts)):
        return None
    if all(map(_is_finite, texts)):
        return "."
    return "," if all(_COMMA_NUMBER.fullmatch(text) for text in texts) else None


def _is_finite(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and bool(np.isfinite(float(text)))


def _not_a_number(texts: Sequence[str]) -> str:
    """Returns the first text that is not a number; of numbers with points and commas, the first with a comma."""
    wrong = [text for text in texts if not _is_finite(text)]
    return next((text for text in wrong if not _COMMA_NUMBER.fullmatch(text)), wrong[0])


def _decimals(texts: Sequence[str]) -> int | None:
    if any("e" in text or "E" in text for text in texts):
        return None
    return min(max(len(text.replace(",", ".").partition(".")[2]) for text in texts), _MOST_DECIMALS)


def _date_format(texts: Sequence[str]) -> str | None:
    """Returns the first format that fits every text; ``None`` where none does."""
    # Dates have digits and at least two separators, so that other columns cost one look.
    if not texts or not re.match(r"\d+[-/.]\d+[-/.]\d", texts[0]):
        return None
    return next((known for known in DATE_FORMATS if all(_is_date(text, known) for text in texts)), None)


def _is_date(text: str, date_format: str) -> bool:
    try:
        datetime.datetime.strptime(text, date_format)
    except ValueError:
        return False
    return True


def _seconds(text: str, date_format: str) -> float:
    return (datetime.datetime.strptime(text, date_format) - EPOCH).total_seconds()


def _not_of_kind(where: str, name: str, kind: str, text: str) -> str:
    formats = f" (formats: {', '.join(DATE_FORMATS)})" if kind == "date" else ""
    return (
        f"{where}: column {name!r} is not of kind {kind}: it has {text!r}{formats}; correct the cell, or give "
        f"--columns={name}:category"
    )


def _categories(
    name: str, texts: Sequence[str], counts: np.ndarray, number_mark: str | None, max_categories: int
) -> tuple[Column, np.ndarray]:
    """Returns a column of categories, and the category of every text."""
    order = sorted(range(len(texts)), key=lambda place: (-counts[place], texts[place]))
    kept, rare = (
        (order, []) if len(order) <= max_categories else (order[: max_categories - 1], order[max_categories - 1 :])
    )
    if number_mark is not None:
        kept = sorted(kept, key=lambda place: (float(texts[place].replace(",", ".")), texts[place]))
    categories = [texts[place] for place in kept]
    if rare:
        # A name that no kept category has.
        categories.append(next(known for known in (OTHER, f"({OTHER})", f"<{OTHER}>") if known not in categories))
    of_text = np.full(len(texts), len(categories) - 1)
    of_text[kept] = np.arange(len(kept))
    return Column(name, "category", categories=tuple(categories), other=bool(rare)), of_text


def _binned(column: Column, values: np.ndarray, counts: np.ndarray, num_bins: int) -> tuple[Column, np.ndarray]:
    """Returns a column of numbers with its bins, and the bin of every value."""
    order = np.argsort(values)
    wanted = counts.sum() / num_bins
    bins: list[tuple[float, float]] = []
    start, last, held = 0.0, 0.0, 0
    for place in order:
        value, count = float(values[place]), int(counts[place])
        if held and count >= wanted:  # A frequent value has a bin of its own.
            bins.append((start, last))
            held = 0
        start, last, held = start if held else value, value, held + count
        if held >= wanted:
            bins.append((start, last))
            held = 0
    if held:
        bins.append((start, last))
    column = dataclasses.replace(column, bins=tuple(bins))
    return column, encode_number(values, column)
