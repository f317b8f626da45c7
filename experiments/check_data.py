"""Shows what a data set is read as, before anything is trained on it.

    python -m experiments.check_data --dataset=images:FOLDER_OR_ARCHIVE --resolution=32 --sheet=runs/look
    python -m experiments.check_data --dataset=npz:BITS.npz
    python -m experiments.check_data text:FILE --length=40
    python -m experiments.check_data --dataset=csv:FILE --columns=zip:category

Prints what is in the files (kinds, modes and sizes of pictures; arrays; lines and symbols), then every split with its
number of examples, their shape and values, the examples of every class, and what was skipped, with reasons. Of text it
prints 20 lines, of a table every column and 10 rows; of images it writes a sheet of 64, real.png, into --sheet. The
flags are those of training, so what is shown is what a run with the same flags trains on. Without flags, images are
read in their own size and colours.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.data import Dataset, DatasetNotFoundError, open_dataset, to_cells, to_csv, to_strings
from bgan_jax.data.catalogue import OWN
from bgan_jax.data.skipped import count_by_reason
from bgan_jax.data.survey import survey
from experiments.harness.cli import command, flags
from experiments.harness.cli.command import Command
from experiments.harness.errors import UsageError
from experiments.harness.reports.sample_grids import save_real
from experiments.harness.runs.run_flags import DatasetOptions

NUM_LINES = 20  # Of text that are shown.
NUM_ROWS = 10  # Of a table.
MOST_VALUES = 20  # Values and classes that are counted one by one; the others together.


@flags.config(
    dataset=flags.override("", legal="a name, npz:PATH, images:PATH, text:PATH or csv:PATH, also without --dataset=")
)
class Config(DatasetOptions):
    """Where the data are, how they are read, and where the sheet goes."""

    sheet: str | None = flags.flag(
        None, "Folder that a sheet of 64 images, real.png, is written to.", group="data", common=True, writes="folder"
    )


def main(config: Config) -> None:
    """Describes what is found, and writes the sheet."""
    if not config.dataset:
        raise UsageError("say which data set, as in: python -m experiments.check_data images:FOLDER")
    options = dataclasses.asdict(config)
    name, folder = options.pop("dataset"), options.pop("sheet")
    kind, _, path = name.partition(":")
    try:
        if kind in OWN and path:
            _print_facts(f"In {path}", survey(kind, Path(path).expanduser()))
        train = open_dataset(name, **options)
        print(f"\n{name}: {train.spec.kind} examples of shape {list(train.spec.shape)}, {_values_of(train)}")
        splits = dict.fromkeys([train.spec.split, *train.spec.splits])
        for split in splits:
            dataset = train if split == train.spec.split else open_dataset(name, split=split, **options)
            _print_facts(f"Split {split}", split_facts(dataset))
    except (DatasetNotFoundError, ValueError, OSError) as error:
        sys.stdout.flush()
        raise UsageError(str(error)) from error
    if train.spec.columns is not None:
        _print_facts("Columns", {column.name: column.summary for column in train.spec.columns})
    if train.spec.kind == "text":
        print("\nLines:")
        for line in to_strings(train.rows(np.linspace(0, len(train) - 1, NUM_LINES).astype(int)), spec=train.spec):
            print(f"  {line!r}")
    if train.spec.kind == "table":
        cells = to_cells(train.rows(np.linspace(0, len(train) - 1, NUM_ROWS).astype(int)), spec=train.spec)
        print("\nRows, as they are written again:\n" + to_csv(cells), end="")
    elif folder:
        sheet = Path(folder).expanduser()
        try:
            sheet.mkdir(parents=True, exist_ok=True)
            print(f"\nThe sheet is {save_real(sheet, train)}")
        except OSError as error:
            raise UsageError(f"--sheet={folder} cannot be written: {error.strerror}") from error
    elif train.spec.kind != "text":
        print("\n--sheet=FOLDER writes a sheet of 64 images, to look at.")


def split_facts(dataset: Dataset) -> dict[str, Any]:
    """Returns the size of a split, its classes, and what was skipped, as :func:`_print_facts` takes them."""
    spec = dataset.spec
    facts: dict[str, Any] = {"examples": len(dataset)}
    if dataset.labels is not None:
        counts = np.bincount(dataset.labels, minlength=spec.num_classes)
        facts["classes"] = dict(zip(spec.class_names, counts.tolist(), strict=True))
    if dataset.characters is not None:
        facts["characters"] = ", ".join(f"{count:,} {name}" for name, count in dataset.characters.items())
    for reason, found in count_by_reason(dataset.skipped).items():
        facts[f"skipped, {reason}"] = f"{found['count']:,}, such as {', '.join(found['examples'])}"
    return facts


def _values_of(dataset: Dataset) -> str:
    spec = dataset.spec
    return {
        "binary": "bits, drawn from intensities in every step" if spec.stochastic else "bits",
        "categorical": f"{spec.num_values} colours of a palette",
        "continuous": "intensities, 256 of each channel",
        "text": f"{spec.num_values} symbols",
        "table": f"{sum(spec.column_sizes)} categories in {len(spec.column_sizes)} columns that are learned",
    }[spec.kind]


def _print_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Prints a heading, and a line for every fact."""
    print(f"\n{title}:")
    for name, value in facts.items():
        print(f"  {name}: {_in_words(value)}")


def _in_words(value: Any) -> str:
    """Formats a number, a string, or counts by value.

    Example:
      >>> _in_words(1234), _in_words({"28x28": 3, "30x30": 1})
      ('1,234', '2 (28x28: 3, 30x30: 1)')
    """
    if isinstance(value, Mapping):
        shown = [f"{name}: {_in_words(count)}" for name, count in list(value.items())[:MOST_VALUES]]
        more = [f"and {len(value) - MOST_VALUES:,} more"] if len(value) > MOST_VALUES else []
        return f"{len(value):,} ({', '.join([*shown, *more])})" if value else "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


COMMAND = Command(main=main, config=Config, description=__doc__, positional="dataset")

if __name__ == "__main__":
    command.run(COMMAND)
