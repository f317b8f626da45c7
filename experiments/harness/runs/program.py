"""Makes the program that a run executes at every step, from its experiment and its feed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax import data
from bgan_jax.algorithms.state import TrainState
from bgan_jax.runtime import parallel
from bgan_jax.runtime.compiled_step import StepProgram, in_loop
from experiments.harness.runs.batches import Feed, host_slice, open_feed
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.seeds import seed_axis, seeds_of
from experiments.harness.runs.stacked_seeds import initial_state, make_advance_over_seeds, root_key_data


class Call(NamedTuple):
    """A program and the arguments of a call; on devices that are only described, their shapes.

    Attributes:
      program: the step of all seeds on all devices.
      arguments: of ``program.advance``.
      data_bytes: of the data set on every device; ``None`` where the host sends batches.
    """

    program: StepProgram
    arguments: tuple[Any, ...]
    data_bytes: int | None


def first_call(experiment: Experiment) -> Call:
    """Returns the first call of a run's program."""
    feed = open_feed(experiment)
    program = make_program(experiment, feed)
    data = next(feed.batches_from(0))
    count = (np.int32(program.steps_per_call),) if program.steps_per_call > 1 else ()
    arguments = (initial_state_of(experiment), program.empty_totals(), data, program.example_index, *count)
    return Call(program, arguments, None if feed.sharded else bytes_of(data.packed))


def bytes_of(array: Any) -> int:
    """Returns the bytes of an array, or of the shape of one."""
    return array.size * array.dtype.itemsize


def initial_state_of(experiment: Experiment) -> TrainState:
    """Initialises the state of all seeds on all devices."""
    config = experiment.config
    return parallel.replicate(
        functools.partial(initial_state, initialize=experiment.initialize, num_seeds=config.seeds),
        root_key_data(seeds_of(config)),
        launcher=experiment.launcher,
    )


def make_program(experiment: Experiment, feed: Feed) -> StepProgram:
    """Makes the step of all seeds on all devices; it is compiled at its first call."""
    config, launcher = experiment.config, experiment.launcher
    # One traced function for the metrics' names, for the program and for every seed of it: tracing takes seconds.
    step_fn = with_precision(experiment.step_over(parallel.AXIS), config.matmul_precision)
    step_fn = jax.jit(step_fn, static_argnames="axis_name", inline=True)
    step = make_advance_over_seeds(
        step_fn,
        feed.load_for,
        seeds=seeds_of(config),
        data_axis=feed.seed_axis,
        in_parallel=not launcher.platform.on_cpu,
    )
    sharded: tuple[bool, ...] = (False, False, feed.sharded, True)
    if experiment.steps_per_call > 1:
        step, sharded = in_loop(step), (*sharded, False)
    advance = parallel.on_devices(step, launcher=launcher, sharded=sharded)
    index = np.arange(config.batch_size, dtype=np.int32)[host_slice(config.batch_size, platform=launcher.platform)]
    example_index = parallel.shard(index, launcher=launcher)
    return StepProgram(
        advance=advance,
        example_index=example_index,
        metric_names=_metric_names(experiment, step_fn, example_index),
        launcher=launcher,
        steps_per_call=experiment.steps_per_call,
        seeds=seed_axis(config),
    )


def with_precision(step: Callable[..., Any], precision: str) -> Callable[..., Any]:
    """Returns a step whose products have a precision, ``"default"`` or another of JAX's names."""
    if precision == "default":
        return step

    def precise(*arguments: Any, **settings: Any) -> Any:
        with jax.default_matmul_precision(precision):
            return step(*arguments, **settings)

    return precise


def _metric_names(experiment: Experiment, step_fn: Callable[..., Any], example_index: jax.Array) -> tuple[str, ...]:
    """Finds the names of the step's metrics by tracing it on all devices, without running it."""
    config, launcher, spec = experiment.config, experiment.launcher, experiment.dataset.spec
    share = config.batch_size // len(launcher.platform.devices)
    rows = jax.ShapeDtypeStruct((config.disc_steps, share, *spec.shape), np.uint8)
    real = jax.eval_shape(functools.partial(data.preprocess, spec=spec), jax.random.key(0), rows)
    state = jax.eval_shape(experiment.initialize, jax.random.key(0))

    def metrics(state: TrainState, real: Any, index: jax.Array, *, axis_name: str) -> dict[str, jax.Array]:
        return step_fn(state, real, index, axis_name=axis_name)[1]

    on_devices = parallel.on_devices(metrics, launcher=launcher, sharded=(False, False, True), donate=())
    return tuple(sorted(jax.eval_shape(on_devices, state, real, example_index)))
