"""Flags whose value is a list."""

from __future__ import annotations

import math
from collections.abc import Iterable

from experiments.harness.errors import UsageError


def split_list(text: str) -> list[str]:
    """Splits a comma-separated list; empty items and repetitions are left out.

    Example:
      >>> split_list("kl, gan,,kl")
      ['kl', 'gan']
    """
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def names_of(flag: str, text: str, *, legal: Iterable[str]) -> list[str]:
    """Parses a comma-separated list of names; repetitions are left out.

    Args:
      flag: its name without dashes, for messages.
      text: its value.
      legal: the names that there are.

    Raises:
      UsageError: the list is empty, or holds a name that there is not.

    Example:
      >>> names_of("train", "kl,gan", legal=("gan", "kl"))
      ['kl', 'gan']
    """
    names, legal = split_list(text), list(legal)
    unknown = [name for name in names if name not in legal]
    if unknown or not names:
        what = f"={text}: unknown name {unknown[0]!r}" if unknown else " is empty"
        raise UsageError(f"--{flag}{what}; legal: {', '.join(legal)}, separated by commas")
    return names


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
