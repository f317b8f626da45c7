"""Markdown tables, and numbers as their cells show them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.harness.metrics.mean_and_sd import DEVIATION, MEAN, NUMBER, is_mean_and_sd, is_number


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""Builds a Markdown table.

    Args:
      header: titles of the columns.
      rows: a cell for every column.

    Returns:
      The table's lines, without a line break at the end.

    Example:
      >>> print(markdown_table(["a", "b"], [["1", "2"], ["3", "4"]]))
      | a | b |
      |---|---|
      | 1 | 2 |
      | 3 | 4 |
    """
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    return "\n".join([lines[0], "|---" * len(header) + "|", *lines[1:]])


def plus_minus(
    mean: float | None, deviation: float | None, *, digits: int | None = None, missing: str = "not finite"
) -> str:
    """Formats a number with its standard deviation, or with its standard error.

    Args:
      mean: the number; ``None`` where there is none.
      deviation: ``None`` where it is not known.
      digits: decimals of both; ``None`` shows as many as the deviation leaves meaningful.
      missing: the text in place of a number that is ``None``.

    Returns:
      The text.

    Example:
      >>> plus_minus(7.5, 0.25), plus_minus(1234.5, 56.0), plus_minus(7.5, 0.25, digits=1)
      ('7.50 ± 0.25', '1234 ± 56', '7.5 ± 0.2')
      >>> plus_minus(7.5, None, digits=1), plus_minus(None, None)
      ('7.5', 'not finite')
    """
    if mean is None:
        return missing
    if digits is None:
        digits = 4 if not deviation or deviation < 0 else min(max(1 - math.floor(math.log10(deviation)), 0), 6)
    return f"{mean:.{digits}f}" + ("" if deviation is None else f" ± {deviation:.{digits}f}")


def over_seeds(mean: float, deviation: float, number: int) -> str:
    """Formats a mean over seeds with its standard deviation and the number of seeds.

    Example:
      >>> over_seeds(7.5, 0.25, 3)
      '7.50 ± 0.25 (n = 3)'
    """
    return f"{plus_minus(mean, deviation)} (n = {number})"


def format_mean_and_sd(value: Any) -> str | None:
    """Formats what :func:`combine_seeds` makes of a number, or of a list of numbers.

    Args:
      value: any JSON value.

    Returns:
      The text; ``None`` for any other value, and for a damaged one.

    Example:
      >>> format_mean_and_sd({"mean": [0.5, 0.25], "standard_deviation": [0.1, 0.1], "n": 3})
      '0.50 ± 0.10, 0.25 ± 0.10 (n = 3)'
    """
    if not is_mean_and_sd(value):
        return None
    mean, deviation = (part if isinstance(part, list) else [part] for part in (value[MEAN], value[DEVIATION]))
    if len(mean) != len(deviation) or not all(is_number(entry) and math.isfinite(entry) for entry in mean + deviation):
        return None
    pairs = zip(mean, deviation, strict=True)
    return f"{', '.join(plus_minus(*pair) for pair in pairs)} (n = {value[NUMBER]})"


def number_cell(value: Any, form: str) -> str:
    """Formats a number of a result: by a format, or with its deviation where it is of several seeds.

    Example:
      >>> number_cell(0.123456, ".3f"), number_cell({"mean": 0.5, "standard_deviation": 0.1, "n": 3}, ".3f")
      ('0.123', '0.50 ± 0.10 (n = 3)')
    """
    if is_mean_and_sd(value):
        return over_seeds(value[MEAN], value[DEVIATION], value[NUMBER])
    return f"{value:{form}}"


def median_cell(values: Sequence[float], *, digits: int) -> str:
    """Formats repeated measurements: their median, with the smallest and the largest.

    Example:
      >>> median_cell([1.0, 4.0, 2.0], digits=1)
      '2.0 (1.0 to 4.0)'
    """
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def result_table(result: Mapping[str, Any]) -> str:
    """Writes the combined result of several seeds as Markdown: a row for every number, then the texts.

    Args:
      result: from :func:`combine_seeds`.

    Returns:
      Markdown.
    """
    leaves = _leaves(result)
    rows = [[name, number_cell(value, ".6g")] for name, value in leaves if is_mean_and_sd(value) or is_number(value)]
    texts = [f"{name}: {value}" for name, value in leaves if isinstance(value, str)]
    table = markdown_table(["result", "mean ± standard deviation over seeds"], rows)
    return "\n".join([table, "", *(line for text in texts for line in (text, ""))])


def _leaves(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Returns numbers and texts of a result by dotted name; items of lists by their position, from 1."""
    if is_mean_and_sd(value) and isinstance(value[MEAN], list):
        pairs = zip(value[MEAN], value[DEVIATION], strict=True)
        entries = [{MEAN: mean, DEVIATION: deviation, NUMBER: value[NUMBER]} for mean, deviation in pairs]
        return [leaf for i, entry in enumerate(entries, 1) for leaf in _leaves(entry, f"{name} {i}")]
    if isinstance(value, Mapping) and not is_mean_and_sd(value):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{name}.{key}" if name else str(key))]
    if isinstance(value, list):
        if not all(isinstance(inner, Mapping) for inner in value):
            return []
        return [leaf for i, inner in enumerate(value, 1) for leaf in _leaves(inner, f"{name} {i}")]
    return [(name, value)]
