"""Counts what the devices send each other in a step, in the compiled program."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "f32": 4, "s64": 8, "u64": 8, "f64": 8}
OTHERS = ("all-gather", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast")


class Traffic(NamedTuple):
    """The communication of one step.

    Attributes:
      all_reduces: bytes of every all-reduce, on each device, in the order of the program.
      others: number of other collectives; our steps have none, and the tables do not account for them.
    """

    all_reduces: tuple[int, ...]
    others: int

    @property
    def total(self) -> int:
        """Bytes of all all-reduces of a step, on each device."""
        return sum(self.all_reduces)


def _bytes(shapes: str) -> int:
    arrays = re.findall(r"([a-z]+\d*)\[([\d,]*)\]", shapes)
    return sum(BYTES[kind] * math.prod(int(size) for size in sizes.split(",") if size) for kind, sizes in arrays)


def traffic(text: str) -> Traffic:
    """Counts the collectives of a program.

    Args:
      text: the optimised program, as the compiler prints it.

    Returns:
      The :class:`Traffic`.

    Example:
      >>> traffic("%sum = (f32[30]{0}, f32[2,6]{1,0}) all-reduce(%a, %b), channel_id=1")
      Traffic(all_reduces=(168,), others=0)
    """
    results = re.findall(r"= (.*?) all-reduce(?:-start)?\(", text)
    others = sum(len(re.findall(rf" {name}(?:-start)?\(", text)) for name in OTHERS)
    return Traffic(all_reduces=tuple(_bytes(shapes) for shapes in results), others=others)
