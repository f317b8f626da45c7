"""What a reader leaves out, each with its reason, counted by reason."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

SHOWN = 5  # Examples of each reason in summaries; all are counted.


class Skipped(NamedTuple):
    """A file, an array or a member of an archive that was left out.

    Attributes:
      where: its name within the folder or the archive of the data set, printable.
      reason: one of a few, so that they can be counted.
      detail: what was wrong with this one, or empty.
    """

    where: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" + (f" ({self.detail})" if self.detail else "")


def count_by_reason(skipped: Sequence[Skipped]) -> dict[str, Any]:
    """Counts what was left out, by reason.

    Args:
      skipped: what was left out.

    Returns:
      By reason, ``count`` and a few ``examples``; JSON values.

    Example:
      >>> count_by_reason([Skipped("notes.txt", "not an image")])
      {'not an image': {'count': 1, 'examples': ['notes.txt']}}
    """
    counts: dict[str, Any] = {}
    for item in skipped:
        of_reason = counts.setdefault(item.reason, {"count": 0, "examples": []})
        of_reason["count"] += 1
        if len(of_reason["examples"]) < SHOWN:
            of_reason["examples"].append(f"{item.where} ({item.detail})" if item.detail else item.where)
    return counts


def in_one_line(skipped: Sequence[Skipped]) -> str:
    """Describes what was left out in one line; empty if there is nothing.

    Example:
      >>> in_one_line([Skipped("a.txt", "not an image"), Skipped("b.txt", "not an image")])
      'skipped 2: 2 not an image (first: a.txt)'
    """
    if not skipped:
        return ""
    counts = count_by_reason(skipped).items()
    parts = [f"{found['count']:,} {reason} (first: {found['examples'][0]})" for reason, found in counts]
    return f"skipped {len(skipped):,}: {'; '.join(parts)}"


def printable(name: str) -> str:
    r"""Returns a file name that can be printed and saved: bytes that are not UTF-8 are written as ``\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
