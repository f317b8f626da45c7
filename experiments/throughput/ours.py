"""Our step as a program: the very function that runs, with its data on the device and its metrics."""

from __future__ import annotations

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.conditionals import conditional_for
from bgan_jax.networks import build_networks
from bgan_jax.training import parallel
from bgan_jax.training.advance import empty_totals, make_advance
from bgan_jax.training.continuous_step import ContinuousGame, ContinuousSettings, continuous_step
from bgan_jax.training.discrete_step import DiscreteSettings, discrete_step
from bgan_jax.training.game import Game
from bgan_jax.training.state import adam_pair, init_state
from experiments.throughput.program import Program
from experiments.throughput.rows import Row

EXAMPLES = 1024  # Enough that a batch is gathered, few enough to be made in no time.


def synthetic_rows(row: Row, *, seed: int = 0) -> np.ndarray:
    """Random examples in the data's own form: the time of a step does not depend on what they show."""
    generator = np.random.default_rng(seed)
    if row.kind == "binary":
        return generator.integers(0, 2, (EXAMPLES, *row.shape), np.uint8)
    if row.kind == "continuous":
        return generator.uniform(-1, 1, (EXAMPLES, *row.shape)).astype(np.float32)
    return generator.integers(0, row.shape[-1], (EXAMPLES, *row.shape[:-1])).astype(np.int32)


def step_function(row: Row, *, disc_fakes_per_latent: int, sample_chunk: int | None, axis_name: str | None) -> Any:
    """The step of a row, and the initial state's function."""
    networks = build_networks(row.network, example_shape=row.shape, width=row.width, axis_name=axis_name)
    optimizers = adam_pair(learning_rate_gen=1e-4, learning_rate_disc=1e-4)
    initialize = functools.partial(init_state, networks=networks, optimizers=optimizers)
    if row.kind == "continuous":
        continuous = ContinuousGame(networks, optimizers, ContinuousSettings(penalty=row.penalty))
        return functools.partial(continuous_step, game=continuous), initialize
    settings = DiscreteSettings(
        num_samples=row.num_samples,
        disc_fakes_per_latent=disc_fakes_per_latent,
        sample_chunk=sample_chunk,
        penalty=row.penalty,
        penalty_stride=row.penalty_stride,
    )
    data_shape = row.shape if row.kind == "binary" else row.shape[:-1]
    conditional = conditional_for(row.kind, data_shape, num_classes=row.shape[-1])
    game = Game(networks=networks, conditional=conditional, optimizers=optimizers, settings=settings)
    return functools.partial(discrete_step, game=game), initialize


def _load(data: jax.Array, key: jax.Array, step: jax.Array, example_index: jax.Array) -> jax.Array:
    del key
    return data[(step * example_index.shape[0] + example_index) % EXAMPLES][None]


def ours(row: Row, *, name: str, disc_fakes_per_latent: int = 1) -> Program:
    """Compiles a row's step.

    Args:
      row: what to train.
      name: of the program.
      disc_fakes_per_latent: how many of the M samples the discriminator learns from; M is the paper's form.

    Returns:
      The program, after its first step.
    """
    step, initialize = step_function(
        row, disc_fakes_per_latent=disc_fakes_per_latent, sample_chunk=None, axis_name=parallel.AXIS
    )
    lone_step, _ = step_function(
        row, disc_fakes_per_latent=disc_fakes_per_latent, sample_chunk=row.num_samples or None, axis_name=None
    )
    data = synthetic_rows(row)
    shapes = jax.eval_shape(initialize, jax.random.key(0))
    real = jax.ShapeDtypeStruct((1, row.batch_size, *data.shape[1:]), data.dtype)
    index = jax.ShapeDtypeStruct((row.batch_size,), jnp.int32)
    metric_names = tuple(jax.eval_shape(lone_step, shapes, real, index)[1])
    # A loop's body is counted once whatever its length, so the count is of the step with all samples in one chunk.
    counted = jax.jit(lone_step).lower(shapes, real, index).cost_analysis()

    state = parallel.replicate(lambda: initialize(jax.random.key(0)), parallel="pmap")
    totals = parallel.replicate(parallel.identity, empty_totals(metric_names), parallel="pmap")
    device_data = parallel.replicate(parallel.identity, data, parallel="pmap")
    example_index = parallel.shard(np.arange(row.batch_size, dtype=np.int32), parallel="pmap")
    began = time.perf_counter()
    advance: Any = parallel.spread(make_advance(step, _load), parallel="pmap", sharded=(False, False, False, True))
    compiled = advance.lower(state, totals, device_data, example_index).compile()
    holder = [state, totals]

    def run(steps: int) -> None:
        for _ in range(steps):
            holder[:] = compiled(*holder, device_data, example_index)
        jax.block_until_ready(holder)

    run(1)
    compile_seconds = time.perf_counter() - began
    memory = compiled.memory_analysis()
    return Program(
        name=name,
        run=run,
        compile_seconds=compile_seconds,
        flops=float(counted["flops"]) if counted and "flops" in counted else None,
        megabytes=(memory.temp_size_in_bytes + memory.argument_size_in_bytes) / 2**20 if memory else None,
        text=compiled.as_text,
    )
