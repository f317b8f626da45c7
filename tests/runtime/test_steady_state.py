"""The loop after its first step: it runs one program, on memory that the program reuses, and transfers nothing.

The loop is the one of every run, the step is Algorithm 1 on eight devices, and reports, a picture and a checkpoint fall
in between.
"""

import functools
import itertools
from typing import NamedTuple

import jax
import numpy as np
import pytest

from bgan_jax.algorithms.discrete import discrete_step
from bgan_jax.algorithms.state import init_state
from bgan_jax.runtime import loop, parallel
from bgan_jax.runtime.batch_loading import streamed_load
from bgan_jax.runtime.checkpoints import Checkpoints
from bgan_jax.runtime.compiled_step import StepProgram, make_advance
from bgan_jax.runtime.compiler_options import compiler_options
from bgan_jax.runtime.metric_totals import Totals
from bgan_jax.sampling.sampler import make_sampler
from tests.here import here
from tests.runtime.test_parallel import SPEC, N, names
from tests.toy_game import toy_data, toy_game

STEPS, REPORT_EVERY, PICTURE_EVERY, CHECKPOINT_EVERY = 11, 3, 4, 5
READ = {3, 5, 6, 9, 10, 11}  # Reports, checkpoints and the end.


class Sealed(NamedTuple):
    """Totals whose metrics cannot be read: the loop may wait for their step, and copy them by ``to_host``."""

    inside: Totals

    @property
    def names(self) -> tuple[str, ...]:
        return self.inside.names


class Watched(NamedTuple):
    """Observations of a run.

    Attributes:
      compiled: by step, the programs that were compiled (or read from the cache) in the call of the step.
      kept: steps whose old state was still there after the next one had been made.
      read: steps after which metrics were fetched.
    """

    compiled: dict[int, list[str]]
    kept: list[int]
    read: set[int]


@pytest.fixture(params=parallel.LAUNCHERS)
def watched(request, tmp_path, monkeypatch):
    launcher = request.param
    compiler_options("cpu")  # Compiles a program of nothing, once in a process, to see whether they are known.
    game = toy_game(axis_name=parallel.AXIS, num_samples=4, penalty=0.0)
    on_devices = parallel.on_devices(
        make_advance(functools.partial(discrete_step, game=game), streamed_load(spec=SPEC)),
        launcher=here(launcher),
        sharded=(False, False, True, True),
    )
    seen = Watched(compiled={}, kept=[], read=set())
    step, compiling = 0, False

    def compiled(event, seconds, **about):
        if compiling and event == "/jax/core/compile/backend_compile_duration":
            seen.compiled.setdefault(step, []).append(about.get("fun_name", ""))

    def advance(state, totals, data, index):
        nonlocal step, compiling
        step += 1
        # Anything that a step would take from the host's memory, such as a forgotten numpy constant, raises.
        jax.config.update("jax_transfer_guard", "disallow" if step > 1 else "allow")
        compiling = True
        after, totals = on_devices(state, totals.inside if isinstance(totals, Sealed) else totals, data, index)
        compiling = False
        if not all(leaf.is_deleted() for leaf in jax.tree.leaves(state)):
            seen.kept.append(step)
        return after, Sealed(totals)

    def after_step(number):
        assert number == step
        if number in READ or number % PICTURE_EVERY == 0:
            jax.config.update("jax_transfer_guard", "allow")
        return False

    to_host = parallel.to_host

    def fetch(tree):
        if isinstance(tree, Sealed):
            seen.read.add(step)
            return to_host(tree.inside)
        return to_host(tree)

    def picture(number, state):
        variables = parallel.to_host(state.gen_average)
        make_sampler(game.networks, game.conditional, variables, batch_size=8)(jax.random.key(0), 8)

    monkeypatch.setattr(loop.parallel, "to_host", fetch)
    jax.monitoring.register_event_duration_secs_listener(compiled)
    state = parallel.replicate(
        lambda bits: init_state(jax.random.wrap_key_data(bits), networks=game.networks, optimizers=game.optimizers),
        np.asarray(jax.random.key_data(jax.random.key(3))),
        launcher=here(launcher),
    )
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=1)
    try:
        program = StepProgram(
            advance=advance, example_index=parallel.shard(np.arange(N, dtype=np.int32), launcher=here(launcher)),
            metric_names=names(toy_game(num_samples=4, penalty=0.0)), launcher=here(launcher),
        )  # fmt: skip
        loop.train(
            program, state, itertools.repeat(parallel.shard(np.moveaxis(toy_data(N), 0, 1), launcher=here(launcher))),
            start_step=0, total_steps=STEPS,
            cadence=loop.Cadence(REPORT_EVERY, CHECKPOINT_EVERY, picture_every=PICTURE_EVERY),
            outputs=loop.Outputs(checkpoints=checkpoints, on_picture=picture), should_stop=after_step,
        )  # fmt: skip
    finally:
        jax.config.update("jax_transfer_guard", "allow")
        checkpoints.close()
    assert step == STEPS
    return seen


def test_one_program_no_copy_of_the_state_and_no_transfer_of_metrics(watched):
    assert set(watched.compiled) == {1} and len(watched.compiled[1]) == 1, "the step was compiled again"
    assert not watched.kept, "the state's memory was not handed over"
    assert watched.read == READ, "metrics left the devices between reports"
