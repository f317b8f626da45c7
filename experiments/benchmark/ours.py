"""Our training step as a program: the function of a run, with its data on the device and its metrics."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.continuous import ContinuousGame, ContinuousSettings, continuous_step
from bgan_jax.algorithms.discrete import DiscreteSettings, discrete_step
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.microbatches import Microbatches, microbatches_for
from bgan_jax.algorithms.state import TrainState, adam_pair, init_state
from bgan_jax.conditionals import conditional_for
from bgan_jax.networks import build_networks
from bgan_jax.runtime import parallel
from bgan_jax.runtime.compiled_step import StepProgram, make_advance
from bgan_jax.runtime.metric_totals import empty_totals
from bgan_jax.runtime.platform import this_process
from experiments.benchmark.program import Program
from experiments.benchmark.rows import Row

EXAMPLES = 1024  # Enough that a batch is gathered, few enough to be made quickly.


def synthetic_rows(row: Row, *, seed: int = 0) -> np.ndarray:
    """Draws random examples with the data's shape and dtype: the time of a step does not depend on their content."""
    generator = np.random.default_rng(seed)
    if row.kind == "binary":
        return generator.integers(0, 2, (EXAMPLES, *row.shape), np.uint8)
    if row.kind == "continuous":
        return generator.uniform(-1, 1, (EXAMPLES, *row.shape)).astype(np.float32)
    return generator.integers(0, row.shape[-1], (EXAMPLES, *row.shape[:-1])).astype(np.int32)


def step_function(
    row: Row, *, platform: str, disc_fakes_per_latent: int = 1, axis_name: str | None = None, loops: bool = True
) -> Any:
    """Returns the step of a row for a platform, and its initialiser; without loops all samples are computed at once."""
    networks = build_networks(
        row.network, example_shape=row.shape, width=row.width, axis_name=axis_name, platform=platform
    )
    optimizers = adam_pair(learning_rate_gen=1e-4, learning_rate_disc=1e-4)
    initialize = functools.partial(init_state, networks=networks, optimizers=optimizers)
    if row.kind == "continuous":
        continuous = ContinuousGame(networks, optimizers, ContinuousSettings(penalty=row.penalty))
        return functools.partial(continuous_step, game=continuous), initialize
    settings = DiscreteSettings(
        num_samples=row.num_samples,
        disc_fakes_per_latent=disc_fakes_per_latent,
        penalty=row.penalty,
        penalty_stride=row.penalty_stride,
    )
    data_shape = row.shape if row.kind == "binary" else row.shape[:-1]
    conditional = conditional_for(row.kind, data_shape, num_classes=row.shape[-1], platform=platform)
    game = Game(
        networks=networks,
        conditional=conditional,
        optimizers=optimizers,
        settings=settings,
        microbatches=microbatches_for(platform) if loops else Microbatches(),
        flat_mean=platform == "cpu",
    )
    return functools.partial(discrete_step, game=game), initialize


def load(data: jax.Array, key: jax.Array, step: jax.Array, example_index: jax.Array) -> jax.Array:
    """Returns a batch of examples in order; a ``Load`` for ``make_advance``."""
    del key
    return data[(step * example_index.shape[0] + example_index) % EXAMPLES][None]


class Ready(NamedTuple):
    """A row's compiled step with its inputs, all on the devices.

    Attributes:
      program: the step; its ``advance`` is compiled.
      fresh_state: a state of its own at every call.
      data: examples.
      flops: arithmetic of a step, as the compiler counts it.
      compile_seconds: of tracing and compiling ``advance``.
    """

    program: StepProgram
    fresh_state: Callable[[], TrainState]
    data: Any
    flops: float | None
    compile_seconds: float


def ready(row: Row, *, disc_fakes_per_latent: int = 1) -> Ready:
    """Compiles a row's step on the devices of this process, by pmap."""
    launcher = parallel.launcher_for(this_process(), "pmap")
    step_for = functools.partial(
        step_function, row, platform=launcher.platform.name, disc_fakes_per_latent=disc_fakes_per_latent
    )
    step, initialize = step_for(axis_name=parallel.AXIS)
    # The compiler counts a loop's body once whatever its length, so the count is of the step without loops.
    lone_step, _ = step_for(loops=False)
    data = synthetic_rows(row)
    shapes = jax.eval_shape(initialize, jax.random.key(0))
    real = jax.ShapeDtypeStruct((1, row.batch_size, *data.shape[1:]), data.dtype)
    index = jax.ShapeDtypeStruct((row.batch_size,), jnp.int32)
    metric_names = tuple(jax.eval_shape(lone_step, shapes, real, index)[1])
    counted = jax.jit(lone_step).lower(shapes, real, index).cost_analysis()

    def fresh_state() -> TrainState:
        return parallel.replicate(lambda: initialize(jax.random.key(0)), launcher=launcher)

    totals = parallel.replicate(parallel.identity, empty_totals(metric_names), launcher=launcher)
    device_data = parallel.replicate(parallel.identity, data, launcher=launcher)
    example_index = parallel.shard(np.arange(row.batch_size, dtype=np.int32), launcher=launcher)
    state = fresh_state()
    began = time.perf_counter()
    advance = parallel.on_devices(make_advance(step, load), launcher=launcher, sharded=(False, False, False, True))
    compiled = advance.compile(state, totals, device_data, example_index)
    return Ready(
        program=StepProgram(
            advance=compiled, example_index=example_index, metric_names=metric_names, launcher=launcher
        ),
        fresh_state=fresh_state,
        data=device_data,
        flops=float(counted["flops"]) if counted and "flops" in counted else None,
        compile_seconds=time.perf_counter() - began,
    )


def ours(row: Row, *, name: str, disc_fakes_per_latent: int = 1) -> Program:
    """Makes the program of a row's step.

    Args:
      row: what to train.
      name: of the program.
      disc_fakes_per_latent: how many of the M samples the discriminator learns from; M is the paper's form.

    Returns:
      The program, after its first step.
    """
    step = ready(row, disc_fakes_per_latent=disc_fakes_per_latent)
    advance: Any = step.program.advance
    holder = [step.fresh_state(), step.program.empty_totals()]

    def run(steps: int) -> None:
        for _ in range(steps):
            holder[:] = advance(*holder, step.data, step.program.example_index)
        jax.block_until_ready(holder)

    began = time.perf_counter()
    run(1)
    first_seconds = time.perf_counter() - began
    memory = advance.memory_analysis()
    return Program(
        name=name,
        run=run,
        compile_seconds=step.compile_seconds + first_seconds,
        flops=step.flops,
        megabytes=(memory.temp_size_in_bytes + memory.argument_size_in_bytes) / 2**20 if memory else None,
        text=advance.as_text,
    )
