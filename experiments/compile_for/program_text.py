"""Reads an optimised program as XLA prints it: estimated cycles, collectives, copies, each as often as a step runs it.

The compiler for TPUs writes its estimate of the cycles beside an instruction. It leaves out collectives and scalar
arithmetic. A body of a loop counts as often as the loop runs it. Of a program of several steps a call, whose loop of
steps runs as often as an argument says, the body is one step, and what is outside of it is shared by the steps.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

BYTES = {
    "pred": 1, "s4": 1, "u4": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "f16": 2, "bf16": 2, "s32": 4, "u32": 4,
    "f32": 4, "s64": 8, "u64": 8, "f64": 8, "c64": 8,
}  # fmt: skip
#: The kinds of numbers that data are stored in on a device.
STORED = ("u8", "u16")
COLLECTIVES = (
    "all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast",
)  # fmt: skip
_ARRAY = re.compile(rf"\b({'|'.join(BYTES)})\[([\d,]*)\]")
_HEAD = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.\-]+) .*->.*\{\s*$")
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?(?P<name>[\w.\-]+) = (?P<rest>.*)$")
_OPERATION = re.compile(r"(?P<name>[a-z][\w\-]*)\((?P<rest>.*)$")


class Instruction(NamedTuple):
    """One instruction of a program.

    Attributes:
      name: its own.
      shape: of its result, as printed.
      operation: such as ``fusion`` or ``all-reduce``.
      rest: operands and attributes, as printed.
    """

    name: str
    shape: str
    operation: str
    rest: str

    @property
    def operands(self) -> list[str]:
        """Returns the names of its operands."""
        inside, _ = _split_shape(f"({self.rest}")
        return re.findall(r"%([\w.\-]+)", inside)

    @property
    def cycles(self) -> int:
        """Returns the compiler's estimate, 0 where it makes none."""
        found = re.search(r'"estimated_cycles":"(\d+)"', self.rest)
        return int(found.group(1)) if found else 0

    @property
    def collective(self) -> str | None:
        """Returns which collective it is; the start of an asynchronous one counts, and its end does not."""
        name = self.operation.removesuffix("-start")
        return name if name in COLLECTIVES else None


class Counts(NamedTuple):
    """What a program does in one step, on each device.

    Attributes:
      cycles: the compiler's estimate.
      all_reduces: how many.
      all_reduce_bytes: of their results.
      other_collectives: how many collectives of other kinds.
      data_copies: how many instructions copy an array as large as the data, or larger.
    """

    cycles: float
    all_reduces: int
    all_reduce_bytes: int
    other_collectives: int
    data_copies: int


def count(text: str, *, data_bytes: int | None, steps: int = 1) -> Counts:
    """Counts what a program does.

    Args:
      text: the optimised program.
      data_bytes: of the data set on a device; ``None`` where the host sends batches, which may be copied.
      steps: how many steps a call takes.

    Returns:
      The counts. Collectives and copies that a call makes once are counted whole.

    Example:
      >>> text = '''
      ... ENTRY %main (x: f32[4], d: u8[16]) -> u8[16] {
      ...   %x = f32[4]{0} parameter(0)
      ...   %d = u8[16]{0} parameter(1)
      ...   %y = f32[4]{0} all-reduce(%x), to_apply=%add, backend_config={"estimated_cycles":"70"}
      ...   ROOT %z = u8[16]{0} copy(%d), backend_config={"estimated_cycles":"30"}
      ... }
      ... '''
      >>> count(text, data_bytes=16)
      Counts(cycles=100.0, all_reduces=1, all_reduce_bytes=16, other_collectives=0, data_copies=1)
    """
    cycles, all_reduces, all_reduce_bytes, others, copies = 0.0, 0, 0, 0, 0
    for instruction, share in executed(text, steps=steps):
        cycles += instruction.cycles * share
        times = math.ceil(share)
        if instruction.collective == "all-reduce":
            all_reduces += times
            all_reduce_bytes += size_of(instruction.shape) * times
        elif instruction.collective:
            others += times
        elif data_bytes and is_copy(instruction) and size_of(instruction.shape, kinds=STORED) >= data_bytes:
            copies += times
    return Counts(cycles, all_reduces, all_reduce_bytes, others, copies)


def is_copy(instruction: Instruction) -> bool:
    """Returns whether an instruction writes an array again, in another layout or another place of the same memory.

    What the chip reads ahead into its own memory is not a copy; ``memory_traffic`` counts it.
    """
    if instruction.operation == "copy-start":
        target, source = in_parts(instruction.shape)[:2]
        if target.replace("S(1)", "") == source.replace("S(1)", "") and target != source:
            return False
    return instruction.operation in ("copy", "copy-start", "transpose") or (
        instruction.operation == "fusion" and "copy" in instruction.name
    )


def size_of(shape: str, *, kinds: Collection[str] = BYTES) -> int:
    """Returns the bytes of a printed shape, without padding.

    Args:
      shape: of an array, or of a tuple.
      kinds: of numbers, those that count.

    Example:
      >>> size_of("(f32[2,3]{1,0}, bf16[8]{0:T(256)})")
      40
    """
    return sum(
        BYTES[kind] * math.prod(int(size) for size in sizes.split(",") if size)
        for kind, sizes in _ARRAY.findall(shape)
        if kind in kinds
    )


def executed(text: str, *, steps: int = 1) -> Iterator[tuple[Instruction, float]]:
    """Yields every instruction that runs, and how often in one step; the insides of a fusion are the fusion's.

    Args:
      text: the optimised program.
      steps: how many steps a call takes: how often the outermost loop runs, if the program does not have its number.
    """
    computations, entry = parse(text)

    def walk(name: str, times: float) -> Iterator[tuple[Instruction, float]]:
        for instruction in computations.get(name, ()):
            called = dict(re.findall(r"(body|condition|to_apply)=%?([\w.\-]+)", instruction.rest))
            if instruction.operation == "while":
                runs = _trip_count(instruction.rest, computations.get(called.get("condition", ""), ()))
                # The steps' own loop is outermost. Of another that runs until something is found, one round is counted.
                unknown = steps if name == entry else 1
                yield from walk(called["body"], times * (unknown if runs is None else runs))
            elif instruction.operation == "call":
                yield from walk(called["to_apply"], times)
            elif instruction.operation == "conditional":
                branches = re.search(r"branch_computations=\{([^}]*)\}", instruction.rest)
                for branch in re.findall(r"%?([\w.\-]+)", branches.group(1)) if branches else ():
                    yield from walk(branch, times)
            else:
                yield instruction, times

    yield from walk(entry, 1 / steps)


def parse(text: str) -> tuple[dict[str, list[Instruction]], str]:
    """Splits a program into its computations, by name, and returns the name of the first one to run."""
    computations: dict[str, list[Instruction]] = {}
    entry, current = "", None
    for line in text.splitlines():
        if head := _HEAD.match(line):
            current = computations.setdefault(head["name"], [])
            entry = head["name"] if head["entry"] else entry
        elif line.startswith("}"):
            current = None
        elif current is not None and (found := _INSTRUCTION.match(line)):
            shape, after = _split_shape(found["rest"])
            if operation := _OPERATION.match(after):
                current.append(Instruction(found["name"], shape, operation["name"], operation["rest"]))
    return computations, entry


def in_parts(shape: str) -> list[str]:
    """Splits the printed shape of a tuple; that of an array is the only part.

    Example:
      >>> in_parts("((f32[2,3]{1,0}), s32[])")
      ['(f32[2,3]{1,0})', 's32[]']
    """
    if not shape.startswith("("):
        return [shape]
    parts, depth = [""], 0
    for character in shape[1:-1]:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _split_shape(rest: str) -> tuple[str, str]:
    """Splits ``SHAPE operation(...)``; a tuple's shape has spaces."""
    if not rest.startswith("("):
        shape, _, after = rest.partition(" ")
        return shape, after
    depth = 0
    for place, character in enumerate(rest):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return rest[: place + 1], rest[place + 1 :].lstrip()
    return rest, ""


def _trip_count(rest: str, condition: list[Instruction] | tuple[()]) -> int | None:
    """Returns how often a loop runs: as the compiler says, else the constant of its condition, else ``None``."""
    if found := re.search(r'known_trip_count":?\s*=?\{"?n"?:"?(\d+)', rest):
        return int(found.group(1))
    constants = [
        int(value.group(1))
        for one in condition
        if one.operation == "constant" and one.shape.startswith("s32[]") and (value := re.match(r"(\d+)\)", one.rest))
    ]
    return max(constants, default=None)
