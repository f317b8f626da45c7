"""Makes the program that a run executes at every step, from its experiment and its feed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from bgan_jax import data
from bgan_jax.algorithms.state import TrainState
from bgan_jax.runtime import parallel
from bgan_jax.runtime.compiled_step import StepProgram
from experiments.harness.runs.batches import Feed, host_slice
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.seeds import seed_axis, seeds_of
from experiments.harness.runs.stacked_seeds import make_advance_over_seeds


def make_program(experiment: Experiment, feed: Feed) -> StepProgram:
    """Makes the step of all seeds on all devices; it is compiled at its first call."""
    config = experiment.config
    # One traced function for the metrics' names, for the program and for every seed of it: tracing takes seconds.
    step_fn = jax.jit(experiment.step_over(parallel.AXIS), static_argnames="axis_name", inline=True)
    advance = parallel.on_devices(
        make_advance_over_seeds(step_fn, feed.load_for, seeds=seeds_of(config), data_axis=feed.seed_axis),
        parallel=config.parallel,
        sharded=(False, False, feed.sharded, True),
    )
    index = np.arange(config.batch_size, dtype=np.int32)[host_slice(config.batch_size)]
    example_index = parallel.shard(index, parallel=config.parallel)
    return StepProgram(
        advance=advance,
        example_index=example_index,
        metric_names=_metric_names(experiment, step_fn, example_index),
        launcher=config.parallel,
        seeds=seed_axis(config),
    )


def _metric_names(experiment: Experiment, step_fn: Callable[..., Any], example_index: jax.Array) -> tuple[str, ...]:
    """Finds the names of the step's metrics by tracing it on all devices, without running it."""
    config, spec = experiment.config, experiment.dataset.spec
    rows = jax.ShapeDtypeStruct((config.disc_steps, config.batch_size // jax.device_count(), *spec.shape), np.uint8)
    real = jax.eval_shape(functools.partial(data.preprocess, spec=spec), jax.random.key(0), rows)
    state = jax.eval_shape(experiment.initialize, jax.random.key(0))

    def metrics(state: TrainState, real: Any, index: jax.Array, *, axis_name: str) -> dict[str, jax.Array]:
        return step_fn(state, real, index, axis_name=axis_name)[1]

    on_devices = parallel.on_devices(metrics, parallel=config.parallel, sharded=(False, False, True), donate=())
    return tuple(sorted(jax.eval_shape(on_devices, state, real, example_index)))
