"""Cells of CSV files: the delimiter, quotes, the header, and rows of one length; UTF-8, plain or compressed."""

import array
import csv
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bgan_jax.data.column_kinds import Cells, is_number
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.readers.lines import iterate_text

DELIMITERS = (",", ";", "\t", "|")
HEADERS = ("yes", "no")
_LOOKED_AT = 200  # Lines that the delimiter is found in.
# What the first line begins with where it is a remark: to people, or to a spreadsheet, on the delimiter.
_REMARKS = ("#", "sep=")


def read_delimited(path: Path, *, header: str | None) -> list[Cells]:
    """Reads all columns of a CSV file.

    Args:
      path: the file, UTF-8, or compressed by gzip, xz or bzip2.
      header: ``"yes"`` or ``"no"``, whether the first row has the names; ``None`` refuses a first row that looks like
        data.

    Returns:
      The columns.

    Raises:
      BadDataError: rows of different lengths, an open quote, no or repeated names, no rows, two delimiters that divide
        every row alike, a remark before the header; names the line.
    """
    delimiter = _delimiter_of(path)
    rows = _rows(path, delimiter)
    line, first = next(rows, (0, []))
    if not first:
        raise BadDataError(f"{path}: there is no row in it; give a CSV file with a header and rows")
    second = next(rows, None)
    if first[0].startswith(_REMARKS) and not any(first[1:]) and second is not None and len(second[1]) > 1:
        raise BadDataError(
            f"{path}, line {line}: {first[0]!r} is a remark, not the names of the columns; remove the line"
        )
    longer_by_one = second is not None and len(second[1]) == len(first) + 1 and header != "no"
    if longer_by_one:
        first = ["row", *first]
    if len(first) < 2:
        raise BadDataError(
            f"{path}, line {line}: the first row has one field; a table has at least two columns, divided by one of "
            ", ; | or tab"
        )
    names, data = _names(path, line, first, header=header)
    rest = itertools.chain([] if second is None else [second], rows)
    data_rows = itertools.chain([] if data is None else [(line, data)], rest)
    columns = _columns(path, names, data_rows, delimiter=delimiter)
    if longer_by_one:
        columns = _of_longer_rows(path, line, columns, delimiter=delimiter)
    if header is None and all(cells.name in cells.texts for cells in columns):
        raise BadDataError(
            f"{path}, line {line}: the first row looks like data, because each of its fields is a value of its column "
            "below; give --header=no if the file has no names of columns, or --header=yes if these are the names"
        )
    return columns


def _delimiter_of(path: Path) -> str:
    """Returns the delimiter by which most of the first rows have as many fields as the first, and the most fields.

    Raises:
      BadDataError: there are two.
    """
    lines = list(itertools.islice(iterate_text(path), _LOOKED_AT))
    if not lines:
        raise BadDataError(f"{path}: there is no row in it; give a CSV file with a header and rows")

    def merit(delimiter: str) -> tuple[bool, float, int]:
        try:
            lengths = [len(row) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:
            return False, 0.0, 0
        most = max(set(lengths), key=lengths.count) if lengths else 0
        return most > 1, lengths.count(most) / max(len(lengths), 1), most

    merits = {delimiter: merit(delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: merits[delimiter])
    also = next((other for other in DELIMITERS if other != best and merits[other] == merits[best]), None)
    if also is not None and merits[best][0]:
        raise BadDataError(
            f"{path}, line 1: {best!r} and {also!r} both divide the rows into {merits[best][2]} fields; put the fields "
            "that contain the one that is not the delimiter in double quotes"
        )
    return best


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows that are not blank, with the line that each ends in."""
    reader = csv.reader(iterate_text(path), delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        began = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadDataError(
                f"{path}, line {began}: {error}; close the quote that is open there, or double a quote inside quotes"
            ) from error
        if any(cell.strip() for cell in row) or len(row) > 1:
            yield reader.line_num, [cell.strip() for cell in row]


def _names(path: Path, line: int, first: list[str], *, header: str | None) -> tuple[list[str], list[str] | None]:
    """Returns the names of the columns, and the first row where it is data."""
    numbered = [f"column{place + 1}" for place in range(len(first))]
    if header == "no":
        return numbered, first
    if header is None:
        number = next((cell for cell in first if is_number(cell)), None)
        if number is not None:
            raise BadDataError(
                f"{path}, line {line}: the first row looks like data, because it has the number {number!r}; give "
                "--header=no if the file has no names of columns, or --header=yes if these are the names"
            )
    names = [cell or name for cell, name in zip(first, numbered, strict=True)]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise BadDataError(
            f"{path}, line {line}: two columns are called {repeated!r}; rename one, or give --header=no if the file "
            "has no names of columns"
        )
    return names, None


def _of_longer_rows(path: Path, line: int, columns: list[Cells], *, delimiter: str) -> list[Cells]:
    """Returns the columns where every row has one field more than the header, and the first was called ``row``.

    Either nothing is behind the last delimiter of any row, or the first field of each row is its name, as R writes it.

    Raises:
      BadDataError: neither, so that a field has a delimiter in it.
    """
    if list(columns[-1].texts) == [""]:
        names = [cells.name for cells in columns[1:]]
        return [Cells(name, cells.codes, cells.texts) for name, cells in zip(names, columns[:-1], strict=True)]
    if len(columns[0].texts) < len(columns[0].codes):
        raise _wrong_length(path, line + 1, found=len(columns), expected=len(columns) - 1, delimiter=delimiter)
    return columns


def _wrong_length(path: Path, line: int, *, found: int, expected: int, delimiter: str) -> BadDataError:
    return BadDataError(
        f"{path}, line {line}: the row has {found} fields, and there are {expected} columns by the delimiter "
        f"{delimiter!r}; correct the row, or put a field that contains {delimiter!r} in double quotes"
    )


def _columns(path: Path, names: Sequence[str], rows: Iterator[tuple[int, list[str]]], *, delimiter: str) -> list[Cells]:
    """Gathers the cells column by column, each text once, so that memory is a number for each cell."""
    codes = [array.array("i") for _ in names]
    known: list[dict[str, int]] = [{} for _ in names]
    num_rows = 0
    for line, row in rows:
        num_rows += 1
        if len(row) != len(names):
            raise _wrong_length(path, line, found=len(row), expected=len(names), delimiter=delimiter)
        for place, cell in enumerate(row):
            codes[place].append(known[place].setdefault(cell, len(known[place])))
    if not num_rows:
        raise BadDataError(f"{path}: there is a header and no row; give a file with rows")
    return [Cells(name, np.asarray(codes[place], np.int32), list(known[place])) for place, name in enumerate(names)]
