"""The compiled step of a run: load the batch, take the step and add up the metrics, all on the devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax.runtime import parallel
from bgan_jax.runtime.batch_loading import Load
from bgan_jax.runtime.metric_totals import Totals, add_metrics, empty_totals


class StepProgram(NamedTuple):
    """A run's step on all devices, with the constant facts that the training loop needs.

    Attributes:
      advance: ``(state, totals, data, example_index) -> (state, totals)``; reuses the memory of the state. With several
        steps a call there is one argument more, how many steps to take.
      example_index: each example's index in the global batch, sharded.
      metric_names: names of the step's metrics.
      launcher: of the run.
      steps_per_call: the most steps that a call takes.
      seeds: the seeds along the first axis of states and metrics; empty in a run of one seed, which has no such axis.
    """

    advance: Callable[..., tuple[Any, Totals]]
    example_index: jax.Array
    metric_names: Sequence[str]
    launcher: parallel.Launcher
    steps_per_call: int = 1
    seeds: Sequence[int] = ()

    def take(self, num_steps: int, state: Any, totals: Totals, data: Any) -> tuple[Any, Totals]:
        """Takes steps in one call, at most ``steps_per_call``."""
        count = () if self.steps_per_call == 1 else (np.int32(num_steps),)
        return self.advance(state, totals, data, self.example_index, *count)

    def empty_totals(self) -> Totals:
        """Returns the totals of no steps, on every device."""
        empty = empty_totals(self.metric_names, num_seeds=len(self.seeds) or None)
        return parallel.replicate(parallel.identity, empty, launcher=self.launcher)


def in_loop(advance: Callable[..., Any]) -> Callable[..., Any]:
    """Composes one step into any number of them, in a compiled loop over the same data argument.

    Args:
      advance: as :func:`with_totals` returns it.

    Returns:
      ``advance(state, totals, data, example_index, num_steps, *, axis_name) -> (state, totals)``; ``num_steps`` is
      traced, so that one program takes any number of steps, each with the bits of a call of its own.
    """

    def steps(
        state: Any,
        totals: Totals,
        data: Any,
        example_index: jax.Array,
        num_steps: jax.Array,
        *,
        axis_name: str | None = None,
    ) -> tuple[Any, Totals]:
        def one(_: jax.Array, carry: tuple[Any, Totals]) -> tuple[Any, Totals]:
            return advance(*carry, data, example_index, axis_name=axis_name)

        return jax.lax.fori_loop(0, num_steps, one, (state, totals))

    return steps


def with_loading(step_fn: Callable[..., Any], load: Load) -> Callable[..., Any]:
    """Composes a step with the loading of its batch.

    Args:
      step_fn: ``(state, real, example_index, *, axis_name) -> (state, metrics)``.
      load: ``(data, key, step, example_index) -> real``.

    Returns:
      ``step(state, data, example_index, *, axis_name) -> (state, metrics)``.
    """

    def step(state: Any, data: Any, example_index: jax.Array, *, axis_name: str | None = None) -> Any:
        real = load(data, jax.random.fold_in(state.key, state.step), state.step, example_index)
        return step_fn(state, real, example_index, axis_name=axis_name)

    return step


def with_totals(step: Callable[..., Any]) -> Callable[..., Any]:
    """Composes a step that loads its batch with the adding up of its metrics.

    Args:
      step: as :func:`with_loading` returns it; states and metrics may have an axis of seeds.

    Returns:
      ``advance(state, totals, data, example_index, *, axis_name) -> (state, totals)``, for ``parallel.on_devices``.
    """

    def advance(
        state: Any, totals: Totals, data: Any, example_index: jax.Array, *, axis_name: str | None = None
    ) -> tuple[Any, Totals]:
        next_state, metrics = step(state, data, example_index, axis_name=axis_name)
        return next_state, add_metrics(totals, metrics, step=state.step)

    return advance


def make_advance(step_fn: Callable[..., Any], load: Load) -> Callable[..., Any]:
    """Composes a step with the loading of its batch and the adding up of its metrics; see :func:`with_totals`."""
    return with_totals(with_loading(step_fn, load))
