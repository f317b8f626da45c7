"""Results of several seeds as one: every number that a seed can move becomes its mean, standard deviation and n."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

MEAN, DEVIATION, NUMBER = "mean", "standard_deviation", "n"


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number, truth values not counted."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_spread(value: Any) -> bool:
    """Whether a JSON value is what :func:`spread` makes of a number, or of a list of numbers."""
    return isinstance(value, Mapping) and set(value) == {MEAN, DEVIATION, NUMBER}


def spread(results: Sequence[Any]) -> Any:
    """Results of the same form, one for every seed, as one.

    A part that all seeds have alike, such as what real data score, was measured once and stays as it is. In the others
    every fraction becomes mean, standard deviation (n - 1) and n, whether the seeds differ in it or not, so that the
    form of a result does not hang on its values; whole numbers where they differ; text that differs, the list of all.

    Args:
      results: JSON values, at least two.

    Returns:
      A JSON value.

    Example:
      >>> spread([{"score": 7.0, "images": 100, "real": {"score": 9.5}}, {"score": 8.0, "images": 100,
      ...         "real": {"score": 9.5}}]) == {"score": {"mean": 7.5, "standard_deviation": 0.707107, "n": 2},
      ...                                       "images": 100, "real": {"score": 9.5}}
      True
    """
    first = results[0]
    alike = all(result == first for result in results)
    if all(isinstance(result, Mapping) and result.keys() == first.keys() for result in results):
        return first if alike else {name: spread([result[name] for result in results]) for name in first}
    if all(is_number(result) for result in results):
        return first if alike and isinstance(first, int) else _number(results)
    if all(isinstance(result, list) and len(result) == len(first) > 0 for result in results):
        columns = [spread(column) for column in zip(*results, strict=True)]
        if all(is_spread(column) for column in columns):
            number = {column[NUMBER] for column in columns}.pop()
            return {**{part: [column[part] for column in columns] for part in (MEAN, DEVIATION)}, NUMBER: number}
        if all(isinstance(column, Mapping) for column in columns):
            return columns
    if alike:
        return first
    return list(results)


def _number(values: Sequence[float]) -> dict[str, Any]:
    mean, deviation = (float(f"{value:.6g}") for value in (statistics.fmean(values), statistics.stdev(values)))
    return {MEAN: mean, DEVIATION: deviation, NUMBER: len(values)}


def means(records: Sequence[Any]) -> Any:
    """The means of records of the same form, such as lines of a metrics file; of what is no number, the first.

    Example:
      >>> means([{"step": 2, "frechet": 4.0, "bits": [1.0, 2.0]}, {"step": 2, "frechet": 5.0, "bits": [2.0, 2.0]}])
      {'step': 2, 'frechet': 4.5, 'bits': [1.5, 2.0]}
    """
    first = records[0]
    if isinstance(first, Mapping):
        return {name: means([record[name] for record in records]) for name in first}
    if isinstance(first, list):
        return [means(column) for column in zip(*records, strict=True)]
    if not is_number(first) or all(record == first for record in records):
        return first
    return statistics.fmean(records)


def in_words(mean: float, deviation: float, number: int) -> str:
    """A mean with its standard deviation, to the digits that the deviation leaves meaningful.

    Example:
      >>> in_words(7.5, 0.25, 3), in_words(1234.5, 56.0, 5)
      ('7.50 ± 0.25 (n = 3)', '1234 ± 56 (n = 5)')
    """
    return f"{_with_deviation(mean, deviation)} (n = {number})"


def _with_deviation(mean: float, deviation: float) -> str:
    digits = 4 if deviation <= 0 else min(max(1 - math.floor(math.log10(deviation)), 0), 6)
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def spread_in_words(value: Any) -> str | None:
    """A spread of a number, or of a list of them; ``None`` of any other value, and of a damaged one.

    Example:
      >>> spread_in_words({"mean": [0.5, 0.25], "standard_deviation": [0.1, 0.1], "n": 3})
      '0.50 ± 0.10, 0.25 ± 0.10 (n = 3)'
    """
    if not is_spread(value):
        return None
    mean, deviation = (part if isinstance(part, list) else [part] for part in (value[MEAN], value[DEVIATION]))
    if len(mean) != len(deviation) or not all(is_number(entry) and math.isfinite(entry) for entry in mean + deviation):
        return None
    pairs = zip(mean, deviation, strict=True)
    return f"{', '.join(_with_deviation(*pair) for pair in pairs)} (n = {value[NUMBER]})"


def cell(value: Any, form: str) -> str:
    """A number of a result as a table shows it: by a format where it is one, with its deviation where it is a spread.

    Example:
      >>> cell(0.123456, ".3f"), cell({"mean": 0.5, "standard_deviation": 0.1, "n": 3}, ".3f")
      ('0.123', '0.50 ± 0.10 (n = 3)')
    """
    if is_spread(value):
        return in_words(value[MEAN], value[DEVIATION], value[NUMBER])
    return f"{value:{form}}"


def table(result: Mapping[str, Any]) -> str:
    """What :func:`spread` made of results, in Markdown: a row for every number, then the sentences."""
    rows, sentences = ["| result | mean ± standard deviation over seeds |", "|---|---|"], []
    for name, value in _leaves(result):
        if is_spread(value) or is_number(value):
            rows.append(f"| {name} | {cell(value, '.6g')} |")
        elif isinstance(value, str):
            sentences.append(f"{name}: {value}")
    return "\n".join([*rows, "", *(line for sentence in sentences for line in (sentence, ""))])


def _leaves(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Numbers and texts of a result by dotted name; lists by their places, from 1."""
    if is_spread(value) and isinstance(value[MEAN], list):
        pairs = zip(value[MEAN], value[DEVIATION], strict=True)
        entries = [{MEAN: mean, DEVIATION: deviation, NUMBER: value[NUMBER]} for mean, deviation in pairs]
        return [leaf for i, entry in enumerate(entries, 1) for leaf in _leaves(entry, f"{name} {i}")]
    if isinstance(value, Mapping) and not is_spread(value):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{name}.{key}" if name else str(key))]
    if isinstance(value, list):
        if not all(isinstance(inner, Mapping) for inner in value):
            return []
        return [leaf for i, inner in enumerate(value, 1) for leaf in _leaves(inner, f"{name} {i}")]
    return [(name, value)]
