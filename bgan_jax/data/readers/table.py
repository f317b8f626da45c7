"""``csv:FILE``: the user's own table, CSV (also compressed) or Parquet; every fifth row is held out as ``test``."""

import logging

import numpy as np

from bgan_jax.data.column_kinds import Cells, column_of
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.held_out import SPLITS, is_in_split, split_sizes
from bgan_jax.data.own_path import own_path
from bgan_jax.data.quoted_list import split_quoted
from bgan_jax.data.readers.delimited import HEADERS, read_delimited
from bgan_jax.data.readers.parquet import read_parquet
from bgan_jax.data.source import Reading, Request, Source, identity_of, in_chunks
from bgan_jax.data.table_columns import CHOSEN_KINDS, Column

_log = logging.getLogger(__name__)

#: One row in so many is held out: pairs of columns need more rows to be compared than images do.
EVERY = 5
MAX_CATEGORIES = 64
_VERSION = 2  # To be increased when the same file gives other rows than before.
BINS = 32


def csv_file(request: Request) -> Source:
    """Reads a table; every fifth row is held out as ``test``."""
    path = own_path(request, folder=False)
    request.check_split(SPLITS)

    def read() -> Reading:
        if path.suffix == ".parquet":
            cells = read_parquet(path)
        else:
            header = None if request.header is None else request.choice("header", among=HEADERS)
            cells = read_delimited(path, header=header)
        return read_table(request, cells, where=str(path))

    return Source(where=str(path), identity=identity_of(request, _VERSION, files=[path]), read=read)


def read_table(request: Request, cells: list[Cells], *, where: str) -> Reading:
    """Finds what the columns hold and encodes one split; kinds, categories and bins are those of the whole file.

    Args:
      request: its split, columns, max_categories and bins are read.
      cells: all columns.
      where: the file, for error messages.

    Returns:
      The reading.

    Raises:
      BadDataError: fewer than two columns differ, or a column is not of the kind that the user gives.
      ValueError: an option is wrong.
    """
    max_categories = MAX_CATEGORIES if request.max_categories is None else request.max_categories
    bins = BINS if request.bins is None else request.bins
    for name, value, least in (("max_categories", max_categories, 2), ("bins", bins, 2)):
        if not least <= value <= 65_000:
            raise ValueError(f"{name}={value} must be in {least} .. 65,000")
    kinds = chosen_kinds(request.columns or "", names=[column.name for column in cells])
    num_rows = len(cells[0].codes)
    train = is_in_split(np.arange(num_rows), split="train", every=EVERY)
    columns: list[Column] = []
    encoded = []
    for column_cells in cells:
        column, codes = column_of(
            column_cells,
            kind=kinds.get(column_cells.name),
            max_categories=max_categories,
            bins=bins,
            train=train,
            where=where,
        )
        columns.append(column)
        encoded += [codes] if column.learned else []
    if len(encoded) < 2:
        found = "; ".join(f"{column.name}: {column.summary}" for column in columns[:5])
        raise BadDataError(
            f"{where}: fewer than two columns can be learned ({found}); give a table whose rows differ, or a kind by "
            "--columns=NAME:category"
        )
    sizes = [column.size for column in columns if column.learned]
    spec = request.spec(
        kind="table",
        shape=(len(encoded),),
        num_values=max(sizes),
        splits=split_sizes(num_rows, every=EVERY),
        columns=tuple(columns),
    )
    rows = np.stack(encoded, axis=1).astype(spec.row_dtype)
    return Reading(spec, in_chunks(rows[is_in_split(np.arange(num_rows), split=request.split, every=EVERY)], None))


def chosen_kinds(text: str, *, names: list[str]) -> dict[str, str]:
    """Parses the kinds that a user gives columns.

    Args:
      text: ``NAME:KIND`` with commas between, in double quotes where the name has a comma; empty for none.
      names: of the columns.

    Returns:
      The kind by name.

    Raises:
      ValueError: a name or a kind is unknown.

    Example:
      >>> chosen_kinds("age:number,zip:category", names=["age", "zip", "sex"])
      {'age': 'number', 'zip': 'category'}
      >>> chosen_kinds('"height, cm:number",zip:drop', names=["height, cm", "zip"])
      {'height, cm': 'number', 'zip': 'drop'}
    """
    kinds = {}
    for item in split_quoted(text):
        name, _, kind = item.rpartition(":")
        if name not in names:
            shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
            raise ValueError(f"--columns: there is no column {name or item!r}; give NAME:KIND, with one of: {shown}")
        if kind not in CHOSEN_KINDS:
            raise ValueError(f"--columns={item}: kind {kind!r} is not one of {', '.join(CHOSEN_KINDS)}")
        kinds[name] = kind
    return kinds
