"""Conditions on columns of a table, as ``--where`` gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bgan_jax.data import Column, DatasetSpec
from bgan_jax.data.quoted_list import split_quoted
from experiments.harness.errors import UsageError

Condition = Callable[[np.ndarray], np.ndarray]


def parse_condition(text: str) -> dict[str, str]:
    """Parses ``COLUMN=VALUE,...`` into values by column; a part with a comma in it stands in double quotes.

    Raises:
      UsageError: a part has no column or no equals sign.

    Example:
      >>> parse_condition('colour=blue, size=, "answer=yes, always"')
      {'colour': 'blue', 'size': '', 'answer': 'yes, always'}
    """
    wanted = {}
    for item in split_quoted(text) or [""]:
        # The first equals sign that is not the first symbol, since a column may be called "=a".
        name, equals, value = item[1:].partition("=")
        if not equals:
            raise UsageError(f"--where={text}: {item!r} is not COLUMN=VALUE; give it as in --where=colour=blue")
        wanted[item[0] + name] = value.strip()
    return wanted


def condition_of(text: str, spec: DatasetSpec) -> Condition:
    """Parses a condition on categories.

    Args:
      text: ``COLUMN=VALUE``, several with commas between, all of which must hold; VALUE is as it is written in the
        table, empty for a missing one.
      spec: a data set of kind ``"table"``.

    Returns:
      Rows, ``[n, C]`` -> which of them meet the condition, bool ``[n]``.

    Raises:
      UsageError: the data are not a table, or a column or a value is unknown; names what there is.

    Example:
      >>> colour = Column("colour", "category", categories=("red", "blue"))
      >>> spec = DatasetSpec(name="toy", kind="table", shape=(1,), num_values=2, columns=(colour,))
      >>> condition_of("colour=blue", spec)(np.array([[0], [1]])).tolist()
      [False, True]
    """
    if spec.columns is None:
        raise UsageError(f"--where is for tables, and {spec.name} is {spec.kind}")
    learned = [column for column in spec.columns if column.learned]
    names = [column.name for column in learned]
    wanted = {}
    for name, value in parse_condition(text).items():
        if name not in names:
            raise UsageError(
                f"--where={name}={value}: there is no learned column {name!r}; the columns are {', '.join(names)}"
            )
        wanted[names.index(name)] = _category(learned[names.index(name)], value)

    def meets(rows: np.ndarray) -> np.ndarray:
        return np.all([rows[:, place] == category for place, category in wanted.items()], axis=0)

    return meets


def _category(column: Column, value: str) -> int:
    texts = [*column.categories, *([] if column.missing is None else [column.missing])]
    if column.bins:
        raise UsageError(
            f"--where={column.name}={value}: {column.name} is of kind {column.kind}, and a condition fixes a category; "
            f"train with --columns={column.name}:category"
        )
    if value not in texts:
        shown = ", ".join(map(repr, texts[:20])) + (", ..." if len(texts) > 20 else "")
        raise UsageError(f"--where={column.name}={value}: the values of {column.name} are {shown}")
    return texts.index(value)
