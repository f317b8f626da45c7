"""Conditions under which a flag has an effect, in terms of the other flags.

A flag that is given on the command line although its need is not met is refused; see
:func:`experiments.harness.cli.flags.parse`. A default that has no effect is never refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from experiments.harness.cli.lists import split_list


class Need(NamedTuple):
    """A condition on other flags.

    Attributes:
      flags: names of the flags that decide.
      is_met: ``config -> bool``.
      words: the condition as it completes "acts only with ...".
    """

    flags: tuple[str, ...]
    is_met: Callable[[Any], bool]
    words: str


def satisfies(flag: str, test: Callable[[Any], bool], words: str) -> Need:
    """Needs a flag whose value passes a test; the other conditions of this file are special cases.

    Example:
      >>> satisfies("steps", lambda steps: steps % 2 == 0, "an even --steps").words
      'an even --steps'
    """
    return Need(flags=(flag,), is_met=lambda config: test(getattr(config, flag)), words=words)


def one_of(flag: str, *values: Any) -> Need:
    """Needs a flag that has one of some values.

    Example:
      >>> one_of("estimator", "gumbel_soft", "gumbel_straight_through").words
      '--estimator=gumbel_soft or gumbel_straight_through'
    """
    return satisfies(flag, lambda value: value in values, f"--{flag}={alternatives(values)}")


def none_of(flag: str, *values: Any) -> Need:
    """Needs a flag that has none of some values.

    Example:
      >>> none_of("estimator", "probabilities", "gumbel_soft").words
      '--estimator other than probabilities or gumbel_soft'
    """
    return satisfies(flag, lambda value: value not in values, f"--{flag} other than {alternatives(values)}")


def above(flag: str, bound: float) -> Need:
    """Needs a number that is greater than a bound.

    Example:
      >>> above("penalty", 0).words
      '--penalty above 0'
    """
    return satisfies(flag, lambda value: value > bound, f"--{flag} above {bound:g}")


def given(flag: str) -> Need:
    """Needs a flag that is neither empty nor false nor 0.

    Example:
      >>> given("judge").words
      '--judge'
    """
    return satisfies(flag, bool, f"--{flag}")


def lists(flag: str, *names: str) -> Need:
    """Needs a comma-separated list that holds one of some names.

    Example:
      >>> lists("train", "kl", "reverse_kl").words
      'kl or reverse_kl in --train'
    """
    return satisfies(flag, lambda text: bool(set(split_list(text)) & set(names)), f"{alternatives(names)} in --{flag}")


def either(*needs: Need) -> Need:
    """Needs one of several conditions.

    Example:
      >>> either(given("rows"), given("parts")).words
      '--rows or --parts'
    """
    return Need(
        flags=tuple(dict.fromkeys(flag for need in needs for flag in need.flags)),
        is_met=lambda config: any(need.is_met(config) for need in needs),
        words=" or ".join(need.words for need in needs),
    )


def alternatives(values: Sequence[Any]) -> str:
    """Formats values as an English list of alternatives.

    Example:
      >>> alternatives(["a", "b", "c"])
      'a, b or c'
    """
    *first, last = map(str, values)
    return f"{', '.join(first)} or {last}" if first else last
