"""Flags whose value is a list."""

from __future__ import annotations

import math

from experiments.harness.errors import UsageError


def split_list(text: str) -> list[str]:
    """Splits a comma-separated list; empty items and repetitions are left out.

    Example:
      >>> split_list("kl, gan,,kl")
      ['kl', 'gan']
    """
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def positive_numbers(flag: str, text: str) -> list[float]:
    """Parses a comma-separated list of numbers above 0.

    Args:
      flag: its name without dashes, for messages.
      text: its value.

    Raises:
      UsageError: the list is empty, or holds something else.

    Example:
      >>> positive_numbers("rates", "0.5, 2")
      [0.5, 2.0]
    """
    try:
        numbers = [float(item) for item in split_list(text)]
    except ValueError as error:
        raise UsageError(f"--{flag}={text} holds something that is not a number") from error
    if not numbers or not all(0.0 < number < math.inf for number in numbers):
        raise UsageError(f"--{flag}={text}: give numbers above 0, separated by commas")
    return numbers
