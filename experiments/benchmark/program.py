"""A training step that can be timed, in any framework; and the interleaved timing of several."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Program(NamedTuple):
    """A compiled training step, ready to run.

    Attributes:
      name: framework and form.
      run: takes a number of steps and returns when they are done.
      compile_seconds: from the first call to the end of the first step; 0 where nothing is compiled.
      flops: arithmetic of one step, as the compiler counts it; ``None`` where it is not counted.
      megabytes: memory that the step needs beside its code, in MiB; ``None`` if it is not known.
      text: the optimised program, as the compiler prints it; ``None`` where there is none.
    """

    name: str
    run: Callable[[int], None]
    compile_seconds: float
    flops: float | None = None
    megabytes: float | None = None
    text: Callable[[], str] | None = None


def timed(program: Program, steps: int) -> float:
    """Measures seconds per step, over a number of steps."""
    began = time.perf_counter()
    program.run(steps)
    return (time.perf_counter() - began) / steps


def interleave(programs: Sequence[Program], *, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Measures seconds per step of each program, once a round, interleaved so that a slow minute affects all of them.

    Args:
      programs: of different names, each run at least once before.
      rounds: how often each is measured.
      seconds: how long a measurement takes at least, about.

    Returns:
      By name, one number per round.
    """
    counts = {program.name: max(round(seconds / timed(program, 2)), 1) for program in programs}
    measured: dict[str, list[float]] = {program.name: [] for program in programs}
    for _ in range(rounds):
        for program in programs:
            measured[program.name].append(timed(program, counts[program.name]))
    return measured
