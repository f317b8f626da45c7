"""Measures the parts of a step, each compiled as a program of its own at the same shapes, and the host.

The parts are the functions that the step calls. What a part shares with
another is subtracted: scoring less drawing is the discriminator's pass over the samples. Parts do not add up to the
step to the last percent: within the step the compiler fuses what is separate here.
"""

from __future__ import annotations

import functools
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from bgan_jax.algorithms.discrete import discrete_step, score, train_discriminator, train_generator
from bgan_jax.algorithms.passes import GeneratorPass, generate
from bgan_jax.algorithms.updates import update_discriminator, update_generator
from bgan_jax.conditionals import sample_conditionals
from bgan_jax.runtime import parallel
from bgan_jax.runtime.compiler_options import compiler_options
from bgan_jax.runtime.loop import Cadence, Outputs, train
from bgan_jax.runtime.platform import this_process
from experiments.benchmark.ours import Ready, load, ready, step_function, synthetic_rows
from experiments.benchmark.program import Program, interleave
from experiments.benchmark.rows import Row
from experiments.harness.reports.tables import markdown_table

# The loop runs a few steps ahead of the devices; only what comes after these is timed.
WARM_UP = 6


def program(name: str, function: Callable[..., Any], *arguments: Any) -> Program:
    """Compiles a function of fixed arguments as a program that waits for every call."""
    began = time.perf_counter()
    compiled = jax.jit(function, compiler_options=compiler_options(this_process().name)).lower(*arguments).compile()
    compile_seconds = time.perf_counter() - began

    def run(steps: int) -> None:
        for _ in range(steps):
            jax.block_until_ready(compiled(*arguments))

    run(1)
    return Program(name=name, run=run, compile_seconds=compile_seconds)


def programs_of(row: Row) -> list[Program]:
    """Returns the parts of a row's step, and the step itself, on one device.

    Args:
      row: of discrete data.

    Returns:
      The programs.
    """
    step, initialize = step_function(row, platform=this_process().name)
    game = step.keywords["game"]
    bare = game._replace(settings=type(game.settings)(**{**vars(game.settings), "penalty": 0.0}))
    state = jax.jit(initialize)(jax.random.key(0))
    data, index = jnp.asarray(synthetic_rows(row)), jnp.arange(row.batch_size, dtype=jnp.int32)
    key = jax.random.key(1)
    real = load(data, key, jnp.zeros((), jnp.int32), index)

    def forward(state: Any, key: jax.Array) -> tuple[Any, ...]:
        fakes = generate(state, key, index, networks=game.networks)
        return fakes.logits, fakes.model_state, fakes.sample_keys, fakes.latents

    made = jax.jit(forward)(state, key)

    def fakes_of(made: Any) -> GeneratorPass:
        logits, model_state, sample_keys, latents = made
        return GeneratorPass(logits, _nothing, model_state, sample_keys, latents)

    def learn(state: Any, real: jax.Array, made: Any, *, game: Any) -> Any:
        return train_discriminator(state, real[0], fakes_of(made), game=game, axis_name=None)

    # What the discriminator learns from, its update scores on the way; the others are drawn and scored apart.
    _, first, _ = jax.jit(functools.partial(learn, game=bare))(state, real, made)

    def scores(state: Any, made: Any, first: Any) -> Any:
        return score(state, fakes_of(made), game=game, first=first)

    scored = jax.jit(scores)(state, made, first)

    def draw(made: Any) -> jax.Array:
        logits, _, sample_keys, _ = made
        others = jnp.arange(game.settings.disc_fakes_per_latent, game.settings.num_samples)
        return sample_conditionals(game.conditional, sample_keys, logits, sample_index=others)

    def follow(state: Any, key: jax.Array, scored: Any) -> Any:
        fakes = generate(state, key, index, networks=game.networks)
        return train_generator(state, fakes, scored, game=game, axis_name=None)

    def optimise(state: Any) -> Any:
        # Any trees of the parameters' shapes serve as gradients.
        state, _ = update_discriminator(
            state, state.params.disc, state.model_state.disc, {}, optimizers=game.optimizers, axis_name=None
        )
        return update_generator(
            state, state.params.gen, state.model_state.gen, {}, optimizers=game.optimizers, axis_name=None,
            average_decay=game.settings.average_decay,
        )[0]  # fmt: skip

    return [
        program("step", functools.partial(discrete_step, game=game), state, real, index),
        program("input", lambda data: load(data, key, jnp.zeros((), jnp.int32), index), data),
        program("forward", forward, state, key),
        program("draw", draw, made),
        program("score", scores, state, made, first),
        program("learn", functools.partial(learn, game=bare), state, real, made),
        program("learn with penalty", functools.partial(learn, game=game), state, real, made),
        program("follow", follow, state, key, scored),
        program("optimise", optimise, state),
    ]


def _nothing(cotangent: jax.Array) -> Any:
    raise NotImplementedError("only the generator's update goes back through it")


def loop_seconds(step: Ready, steps: int) -> tuple[float, float]:
    """Measures seconds per step in the loop of every run, between reports, and those that its own thread works."""
    times: list[tuple[float, float]] = []
    last = WARM_UP + steps + 1

    def after_step(number: int) -> str:
        del number
        times.append((time.perf_counter(), time.thread_time()))
        return ""

    train(
        step.program, step.fresh_state(), itertools.repeat(step.data), start_step=0, total_steps=last,
        cadence=Cadence(report_every=last, checkpoint_every=last), outputs=Outputs(), should_stop=after_step,
    )  # fmt: skip
    begin, end = times[WARM_UP - 1], times[WARM_UP + steps - 1]
    return (end[0] - begin[0]) / steps, (end[1] - begin[1]) / steps


def waited_seconds(step: Ready, steps: int) -> float:
    """Measures seconds per step of the same program if each step is waited for before the next call."""
    holder = [step.fresh_state(), step.program.empty_totals()]
    spent = 0.0
    for number in range(steps + 1):
        began = time.perf_counter()
        holder[:] = step.program.advance(*holder, step.data, step.program.example_index)
        jax.block_until_ready(holder)
        spent += (time.perf_counter() - began) if number else 0.0
    return spent / steps


def idle_seconds(step: Ready, calls: int = 100) -> float:
    """Measures seconds of a call of an empty program with the step's arguments and results: the host's own share."""

    def nothing(state: Any, totals: Any, data: Any, example_index: Any, *, axis_name: str) -> tuple[Any, Any]:
        del data, example_index, axis_name
        return state, totals

    idle = parallel.on_devices(nothing, launcher=step.program.launcher, sharded=(False, False, False, True))
    constant = step.data, step.program.example_index
    holder = [*idle(step.fresh_state(), step.program.empty_totals(), *constant)]
    began = time.perf_counter()
    for _ in range(calls):
        holder[:] = idle(*holder, *constant)
    jax.block_until_ready(holder)
    return (time.perf_counter() - began) / calls


def measure_parts(row: Row, *, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Measures seconds of every part, once a round, interleaved.

    Args:
      row: of discrete data.
      rounds: how often each is measured.
      seconds: least time of one measurement, about.

    Returns:
      By name, one number per round: the programs of :func:`programs_of`; ``loop`` and ``host`` of
      :func:`loop_seconds`; ``waited``; ``idle``.
    """
    step = ready(row)
    steps = max(round(seconds / waited_seconds(step, 1)), 2)
    measured: dict[str, list[float]] = {"loop": [], "host": [], "waited": [], "idle": []}
    for _ in range(rounds):
        loop, host = loop_seconds(step, steps)
        measured["loop"].append(loop)
        measured["host"].append(host)
        measured["waited"].append(waited_seconds(step, steps))
        measured["idle"].append(idle_seconds(step))
    return {**interleave(programs_of(row), rounds=rounds, seconds=seconds), **measured}


def parts_table(name: str, measured: dict[str, list[float]]) -> str:
    """Writes the table of parts: milliseconds, and the share of the step.

    Args:
      name: of the row.
      measured: as :func:`measure_parts` returns it.

    Returns:
      Markdown.
    """
    median = {part: 1e3 * statistics.median(values) for part, values in measured.items()}
    learn, drawn = median["learn"], median["draw"]
    rows = {
        "input": median["input"],
        "generator, forward": median["forward"],
        "sampling": drawn,
        "scoring: the discriminator over the other samples, and the sums": median["score"] - drawn,
        "discriminator, forward, backward and update": learn,
        "penalty": median["learn with penalty"] - learn,
        "generator, backward and update": median["follow"] - median["forward"],
    }
    whole = median["step"]
    total = sum(rows.values())
    beyond = median["loop"] - median["waited"]
    shares = {part: (value, whole) for part, value in rows.items()} | {
        "sum of these": (total, whole),
        "**the step**": (whole, whole),
        "both optimisers and the moving average, within the updates": (median["optimise"], whole),
        "host: a call of a program that does nothing": (median["idle"], median["loop"]),
        "host: work of the loop's own thread, which starts the step's program": (median["host"], median["loop"]),
        "host: a step of the loop, beyond one that is waited for": (beyond, median["waited"]),
    }
    lines = [[part, f"{value:.2f}", f"{100 * value / of:.1f} %"] for part, (value, of) in shares.items()]
    return markdown_table([f"{name}: part", "ms", "of the step"], lines) + "\n"
