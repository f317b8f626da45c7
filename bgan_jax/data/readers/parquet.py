"""Cells of Parquet files, by pyarrow."""

from pathlib import Path

import numpy as np

from bgan_jax.data.column_kinds import Cells
from bgan_jax.data.errors import BadDataError, MissingExtraError


def read_parquet(path: Path) -> list[Cells]:
    """Reads all columns of a Parquet file as text.

    Raises:
      MissingExtraError: pyarrow is not installed.
      BadDataError: the file is damaged, has no rows, or has a column of lists or records.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("reading Parquet needs an extra: pip install 'bgan_jax[tables]'") from error
    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadDataError(f"{path}: not a Parquet file that can be read ({error}); write it again") from error
    if not table.num_rows or table.num_columns < 2:
        raise BadDataError(
            f"{path}: {table.num_rows} rows and {table.num_columns} columns; a table has rows, and two columns"
        )
    found = []
    for name, values in zip(table.column_names, table.columns, strict=True):
        try:
            # A dictionary holds each text once, as Cells do.
            encoded = values.cast(pyarrow.string()).combine_chunks().fill_null("").dictionary_encode()
        except pyarrow.ArrowException as error:
            raise BadDataError(
                f"{path}: column {name!r} is {values.type}, not text, numbers or dates; leave it out of the file"
            ) from error
        texts = [text.strip() for text in encoded.dictionary.to_pylist()]
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        same = np.array([places[text] for text in texts], np.int32)
        found.append(Cells(name, same[encoded.indices.to_numpy(zero_copy_only=False)], list(places)))
    return found
