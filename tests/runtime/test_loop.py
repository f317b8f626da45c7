"""The loop with a minimal step: when it saves and stops, and which failures do not end it."""

import itertools
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.algorithms.state import Pair, TrainState
from bgan_jax.runtime import parallel
from bgan_jax.runtime.checkpoints import Checkpoints, UnsavedError
from bgan_jax.runtime.compiled_step import StepProgram, in_loop, make_advance
from bgan_jax.runtime.loop import Cadence, Outputs, train
from bgan_jax.runtime.nonfinite import NonFiniteError
from tests.here import here

N = 8


def count(state, real, example_index, *, axis_name, growth):
    """Adds one and multiplies the parameter; the metric is the step."""
    del real, example_index, axis_name
    grown = state.replace(step=state.step + 1, params=jax.tree.map(lambda leaf: leaf * growth, state.params))
    return grown, {"bound": state.step.astype(jnp.float32)}


def fresh():
    return parallel.replicate(
        lambda bits: TrainState(
            step=jnp.zeros((), jnp.int32),
            key=jax.random.wrap_key_data(bits),
            params=Pair(gen=jnp.ones(2), disc=jnp.ones(3)),
            model_state=Pair(gen={}, disc={}),
            opt_state=Pair(gen={}, disc={}),
            gen_average=jnp.ones(2),
            log_partition_average=jnp.zeros(()),
            baseline={},
        ),
        np.asarray(jax.random.key_data(jax.random.key(0))),
        launcher=here("shard_map"),
    )


def run(
    checkpoints, *, steps_per_call=1, growth=1.0, total_steps=10, on_picture=None, picture_every=0, should_stop=None
):
    def step(state, real, example_index, *, axis_name):
        return count(state, real, example_index, axis_name=axis_name, growth=growth)

    advance = make_advance(step, lambda data, key, step, index: data)
    sharded = (False, False, True, True)
    if steps_per_call > 1:
        advance, sharded = in_loop(advance), (*sharded, False)
    advance = parallel.on_devices(advance, launcher=here("shard_map"), sharded=sharded)
    index = parallel.shard(np.arange(N, dtype=np.int32), launcher=here("shard_map"))
    program = StepProgram(
        advance=advance, example_index=index, metric_names=("bound",), launcher=here("shard_map"),
        steps_per_call=steps_per_call,
    )  # fmt: skip
    return train(
        program, fresh(), itertools.repeat(index), start_step=0, total_steps=total_steps,
        cadence=Cadence(report_every=3, checkpoint_every=4, picture_every=picture_every),
        outputs=Outputs(checkpoints=checkpoints, on_picture=on_picture), should_stop=should_stop,
    )  # fmt: skip


@pytest.fixture
def checkpoints(tmp_path):
    made = Checkpoints(tmp_path / "checkpoints", keep=10)
    yield made
    made.close()


def test_states_are_saved_at_multiples_and_at_the_end(checkpoints):
    state, step = run(checkpoints)
    assert step == 10 and int(parallel.to_host(state).step) == 10
    assert checkpoints.steps() == [4, 8, 10]


def test_several_steps_a_call_end_where_something_is_due_and_change_nothing(checkpoints):
    """Reports are due at 3, 6, 9, checkpoints at 4, 8, pictures at 5: calls of at most four steps end at each."""
    expected, _ = run(None, growth=1.5)
    asked, pictures = [], []
    state, step = run(
        checkpoints, steps_per_call=4, growth=1.5, picture_every=5,
        on_picture=lambda step, state: pictures.append(step),
        should_stop=lambda step: asked.append(step) or "",
    )  # fmt: skip
    assert (step, checkpoints.steps(), pictures) == (10, [4, 8, 10], [5])
    assert asked == list(range(1, 11))  # Hosts may agree to stop after any step.
    for found, wanted in zip(*(jax.tree.leaves(parallel.to_host(one)) for one in (state, expected)), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_request_to_stop_ends_the_run_after_its_call(checkpoints):
    _, step = run(checkpoints, steps_per_call=4, should_stop=lambda step: "SIGTERM" if step == 5 else "")
    assert step == 6 and checkpoints.steps() == [4, 6]


def test_a_request_to_stop_saves_the_state(checkpoints, caplog):
    _, step = run(checkpoints, should_stop=lambda step: "SIGTERM" if step == 5 else "")
    assert step == 5 and checkpoints.steps() == [4, 5]
    assert [record.getMessage() for record in caplog.records] == [
        "stopped by SIGTERM at step 5 of 10; its state is saved; rerun the same command to resume"
    ]


def test_a_state_that_is_not_finite_is_not_saved_though_the_metrics_are(checkpoints):
    with pytest.raises(NonFiniteError, match=r"at step 8 these were not finite: .*gen.*; the last .*checkpoints/4"):
        run(checkpoints, growth=1e6)
    assert checkpoints.steps() == [4]


def test_a_picture_that_cannot_be_written_does_not_end_the_run(checkpoints, caplog):
    def fail(step, state):
        raise OSError(28, "No space left on device")

    with caplog.at_level(logging.WARNING, logger="bgan_jax"):
        _, step = run(checkpoints, on_picture=fail, picture_every=5)
    assert step == 10 and "the picture of step 5 could not be written" in caplog.text


def test_a_last_state_that_cannot_be_saved_is_an_error(checkpoints, monkeypatch):
    save = checkpoints.save
    monkeypatch.setattr(checkpoints, "save", lambda step, tree: save(step, tree) if step < 10 else False)
    with pytest.raises(UnsavedError, match=r"step 10 could not be saved; the last good checkpoint is .*/8"):
        run(checkpoints)
