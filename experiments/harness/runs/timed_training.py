"""Trains for a number of seconds rather than steps; neither compilation nor measurements count."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import jax

from bgan_jax.runtime import parallel
from bgan_jax.runtime.compiled_step import StepProgram
from bgan_jax.runtime.metric_totals import read_totals, split_seeds
from bgan_jax.runtime.process import signals
from bgan_jax.sampling.sampler import Sampler
from experiments.harness.runs.batches import open_feed
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.program import initial_state_of, make_program

# Steps between two looks at the clock; the devices are waited for at each.
STEPS_PER_LOOK = 10

CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "processor": time.process_time}

#: ``(steps, mean metrics since the last call, sample)``, called at every mark.
OnMark = Callable[[int, dict[str, float], Sampler], Any]


class Stopwatch:
    """Measures seconds of one clock, and can be paused."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._before, self._since = clock, 0.0, clock()

    def seconds(self) -> float:
        """Returns the seconds since it was made, without its pauses."""
        return self._before + self._clock() - self._since

    def pause(self) -> None:
        """Stops counting until :meth:`resume`."""
        self._before = self.seconds()
        self._since = self._clock()

    def resume(self) -> None:
        """Counts again."""
        self._since = self._clock()


def train_for(experiment: Experiment, *, marks: Sequence[float], clock: str, on_mark: OnMark) -> bool:
    """Trains until the last mark, and calls ``on_mark`` at each.

    The program is compiled, and runs once on a state that is thrown away, before the clock starts.

    Args:
      experiment: of one seed.
      marks: rising, in seconds of training.
      clock: a key of :data:`CLOCKS`.
      on_mark: measures; its time does not count.

    Returns:
      Whether the last mark was reached; ``False`` after a signal.

    Raises:
      NonFiniteError: a metric was not finite.
    """
    feed = open_feed(experiment)
    program, batches = make_program(experiment, feed), feed.batches_from(0)
    _, totals = program.take(1, initial_state_of(experiment), program.empty_totals(), next(batches))
    jax.block_until_ready(totals)
    state, totals, batches, steps = initial_state_of(experiment), program.empty_totals(), feed.batches_from(0), 0
    jax.block_until_ready(state)
    waiting, stopwatch = deque(marks), Stopwatch(CLOCKS[clock])
    with signals.finishing_steps() as should_stop:
        while waiting:
            for _ in range(STEPS_PER_LOOK):
                state, totals = program.take(1, state, totals, next(batches))
            steps += STEPS_PER_LOOK
            jax.block_until_ready(totals)
            if should_stop(steps):
                return False
            if stopwatch.seconds() >= waiting[0]:
                stopwatch.pause()
                waiting.popleft()
                on_mark(steps, _means(totals, program), experiment.sampler(parallel.to_host(state.gen_average)))
                totals = program.empty_totals()
                stopwatch.resume()
    return True


def _means(totals: Any, program: StepProgram) -> dict[str, float]:
    return split_seeds(read_totals(totals, seeds=program.seeds))[0]
