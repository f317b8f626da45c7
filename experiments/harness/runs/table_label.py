"""The column of a table that people predict: what classifiers are scored on, and what generators are conditional on."""

from __future__ import annotations

from bgan_jax.data import DatasetSpec
from experiments.harness.errors import UsageError

#: Names that such a column often has.
LABELS = ("class", "label", "target", "lettr")


def label_of(spec: DatasetSpec, label: str | None, *, flag: str = "label") -> int:
    """Returns the place of a column among the learned ones.

    Args:
      spec: of the table.
      label: its name; by default one that is called like one of ``LABELS``, else the first of categories.
      flag: that gives the name, for messages.

    Raises:
      UsageError: there is no learned column of that name.
    """
    learned = [column for column in spec.columns or () if column.learned]
    names = [column.name for column in learned]
    if label is not None and label not in names:
        raise UsageError(f"--{flag}={label}: there is no learned column of that name; choose one of {', '.join(names)}")
    by_name = next((name for name in names if name.lower() in LABELS), None)
    of_categories = next((column.name for column in learned if column.kind == "category"), names[0])
    return names.index(label or by_name or of_categories)
