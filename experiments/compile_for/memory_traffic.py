"""Reads from an optimised program what it moves between a chip and its high-bandwidth memory (HBM).

The compiler keeps many arrays in the chip's own memory, whose space the layout names: ``{1,0:T(8,128)S(1)}``. What has
no such name lies in HBM. XLA's own count of bytes makes no difference between the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from experiments.compile_for.program_text import Instruction, executed, in_parts, parse, size_of

#: Instructions that move nothing: they name a part of memory.
FREE = {
    "parameter", "constant", "get-tuple-element", "tuple", "bitcast", "after-all", "opt-barrier", "partition-id",
    "replica-id", "copy-done", "slice-done", "async-done", "all-reduce-done", "all-gather-done",
}  # fmt: skip
#: Instructions that read as much of their first operand as their result holds.
SLICES = {"slice", "dynamic-slice", "gather", "slice-start"}
Computations = Mapping[str, Sequence[Instruction]]


def hbm_bytes(text: str, *, steps: int = 1) -> int:
    """Returns the bytes that a program reads from HBM and writes to it in a step, on each device.

    Of a program of several ``steps`` a call, what it moves outside of their loop is shared by them. What a slice or a
    gather does not take is not read. Padding is not counted, and what a collective sends is not.

    Example:
      >>> text = '''
      ... ENTRY %main (x: f32[4], y: f32[4]) -> f32[4] {
      ...   %x = f32[4]{0:T(128)} parameter(0)
      ...   %y = f32[4]{0:T(128)S(1)} parameter(1)
      ...   ROOT %z = f32[4]{0:T(128)} add(%x, %y)
      ... }
      ... '''
      >>> hbm_bytes(text)  # x is read, and z is written.
      32
    """
    computations, _ = parse(text)
    shapes = {one.name: one.shape for body in computations.values() for one in body}
    return round(sum(_of_one(one, shapes, computations) * times for one, times in executed(text, steps=steps)))


def _of_one(one: Instruction, shapes: Mapping[str, str], computations: Computations) -> int:
    """Returns the bytes that an instruction moves."""
    if one.operation in FREE:
        return 0
    if one.operation in ("copy-start", "slice-start"):  # (target, source, ...), or ((sources), target, ...).
        parts = in_parts(one.shape)
        target = parts[0] if one.operation == "copy-start" else parts[1]
        source = parts[1] if one.operation == "copy-start" else parts[0]
        return in_hbm(target) + (size_of(target) if in_hbm(source) else 0)
    if one.operation == "fusion":
        called = re.search(r"calls=%?([\w.\-]+)", one.rest)
        inside = computations.get(called.group(1), ()) if called else ()
        taken = _taken(inside)
        written = _updated(inside)
    else:
        taken = {0: size_of(one.shape)} if one.operation in SLICES else {}
        written = None
    read = 0
    for place, name in enumerate(one.operands):
        there = in_hbm(shapes.get(name, ""))
        read += min(there, taken.get(place, there))
    result = in_hbm(one.shape)
    return read + (result if written is None else min(result, written))


def _taken(inside: Sequence[Instruction]) -> dict[int, int]:
    """Returns how much a fusion reads of the parameters of which it takes slices only, by their places."""
    taken = {}
    for one in inside:
        if one.operation != "parameter":
            continue
        users = [user for user in inside if one.name in user.operands]
        # The array that is updated in place is not read.
        if users and all(
            user.operands[0] == one.name and user.operation in (*SLICES, "dynamic-update-slice") for user in users
        ):
            taken[int(one.rest.partition(")")[0])] = sum(
                0 if user.operation == "dynamic-update-slice" else size_of(user.shape) for user in users
            )
    return taken


def _updated(inside: Sequence[Instruction]) -> int | None:
    """Returns how much a fusion writes, if its result is an array that it updates in place."""
    if not inside or inside[-1].operation != "dynamic-update-slice":
        return None
    update = inside[-1].operands[1]
    return sum(size_of(one.shape) for one in inside if one.name == update)


def in_hbm(shape: str) -> int:
    """Returns the bytes of those arrays of a printed shape that lie in HBM.

    Example:
      >>> in_hbm("(f32[4]{0:T(128)}, f32[8]{0:T(128)S(1)})")
      16
    """
    return sum(size_of(array) for array in re.findall(r"\w+\[[\d,]*\](?:\{[^}]*\})?", shape) if "S(" not in array)
