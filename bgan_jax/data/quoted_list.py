"""Lists in one line whose items may hold commas."""

import csv
import io
import itertools


def split_quoted(text: str) -> list[str]:
    """Splits at commas, but for those in double quotes, as a CSV file is read; empty items are left out.

    Example:
      >>> split_quoted('age:number, "height, cm:number"')
      ['age:number', 'height, cm:number']
    """
    rows = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    return [item.strip() for item in itertools.chain.from_iterable(rows) if item.strip()]
