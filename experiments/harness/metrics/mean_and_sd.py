"""Mean and standard deviation over seeds: of a list of numbers, and of whole results."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MEAN, DEVIATION, NUMBER = "mean", "standard_deviation", "n"


class MeanAndSd(NamedTuple):
    """Mean and sample standard deviation (n - 1) of a few numbers.

    Attributes:
      mean: ``None`` where there is no number, or one is missing or not finite.
      sd: ``None`` where there is no mean, or only one number.
    """

    mean: float | None
    sd: float | None

    def rounded(self, digits: int) -> MeanAndSd:
        """Returns both numbers rounded to some decimals."""
        return MeanAndSd(*(None if value is None else round(value, digits) for value in self))


def mean_and_sd(values: Sequence[float | None]) -> MeanAndSd:
    """Computes mean and sample standard deviation.

    Args:
      values: one number per seed; ``None`` is a number that is missing.

    Returns:
      The :class:`MeanAndSd`.

    Example:
      >>> mean_and_sd([1.0, 3.0])
      MeanAndSd(mean=2.0, sd=1.414)
      >>> mean_and_sd([2.0]), mean_and_sd([]), mean_and_sd([2.0, None])
      (MeanAndSd(mean=2.0, sd=None), MeanAndSd(mean=None, sd=None), MeanAndSd(mean=None, sd=None))
    """
    numbers = [float(value) for value in values if value is not None]
    if not numbers or len(numbers) < len(values) or not all(map(math.isfinite, numbers)):
        return MeanAndSd(None, None)
    return MeanAndSd(statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else None)


def is_number(value: Any) -> bool:
    """Returns whether a JSON value is a number; booleans are not counted."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_mean_and_sd(value: Any) -> bool:
    """Returns whether a JSON value is what :func:`combine_seeds` makes of a number, or of a list of numbers."""
    return isinstance(value, Mapping) and set(value) == {MEAN, DEVIATION, NUMBER}


def combine_seeds(results: Sequence[Any]) -> Any:
    """Combines results of the same form, one per seed, into one result.

    A part that is equal for all seeds, such as the score of real data, was measured once and is kept as it is. In the
    other parts every fraction becomes mean, standard deviation (n - 1) and n, whether the seeds differ in it or not, so
    that the form of a result does not depend on its values; integers do so where they differ; text that differs becomes
    the list of all texts.

    Args:
      results: JSON values, at least two.

    Returns:
      A JSON value.

    Example:
      >>> combine_seeds([{"score": 7.0, "images": 100, "real": {"score": 9.5}},
      ...                {"score": 8.0, "images": 100, "real": {"score": 9.5}}]) == {
      ...     "score": {"mean": 7.5, "standard_deviation": 0.707107, "n": 2}, "images": 100, "real": {"score": 9.5}}
      True
    """
    first = results[0]
    alike = all(result == first for result in results)
    if all(isinstance(result, Mapping) and result.keys() == first.keys() for result in results):
        return first if alike else {name: combine_seeds([result[name] for result in results]) for name in first}
    if all(is_number(result) for result in results):
        return first if alike and isinstance(first, int) else _number(results)
    if all(isinstance(result, list) and len(result) == len(first) > 0 for result in results):
        columns = [combine_seeds(column) for column in zip(*results, strict=True)]
        if all(is_mean_and_sd(column) for column in columns):
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
    """Computes the means of records of the same form, such as lines of a metrics file.

    Args:
      records: JSON values, one per seed. What is not a number is taken from the first.

    Returns:
      A JSON value of the same form.

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
