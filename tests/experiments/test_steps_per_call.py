"""Several steps in one call of a run's own program: the bits of one at a time, and calls short enough for signals."""

import dataclasses
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from bgan_jax.runtime import loop, parallel
from bgan_jax.runtime.platform import this_process
from experiments.harness.cli.catalogue import load_command
from experiments.harness.runs import discrete, run_config
from experiments.harness.runs.batches import open_feed
from experiments.harness.runs.program import initial_state_of, make_program

FLAGS = ("--network=mlp", "--width=4", "--batch_size=16", "--num_samples=2", "--penalty_stride=1")


def after(calls, *flags):
    """The state and the metrics of a tiny run of the digits command, after calls of so many steps."""
    experiment = discrete.prepare(load_command("discrete_mnist").parse([*FLAGS, *flags]), this_process())
    feed = open_feed(experiment)
    program = make_program(experiment, feed)
    state, totals = initial_state_of(experiment), program.empty_totals()
    for steps in calls:
        state, totals = program.take(steps, state, totals, next(feed.batches_from(0)))
    return jax.tree.leaves(parallel.to_host((state, totals)))


def test_steps_in_one_call_have_the_bits_of_one_at_a_time():
    alone, together = after([1] * 5), after([2, 3], "--steps_per_call=3")
    assert len(alone) == len(together) > 20
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "flags", "steps"),
    [
        ("tpu", {}, 25),
        ("tpu", {"report_every": 5000}, run_config.MOST_STEPS_PER_CALL),
        ("tpu", {"report_every": 5000, "steps_per_call": 700}, 700),
        ("tpu", {"data_backend": "streamed"}, 1),
        ("cpu", {"report_every": 5000}, 1),
    ],
)
def test_a_call_takes_what_fits_between_reports_and_ends_soon(name, flags, steps):
    config = load_command("discrete_mnist").parse(["--report_every=25"])
    platform = this_process()._replace(name=name)
    dataset = run_config.open_split(config, "train")
    assert run_config.steps_per_call_of(dataclasses.replace(config, **flags), platform, dataset) == steps


@pytest.mark.parametrize(("steps_per_call", "ahead"), [(1, 4), (3, 1), (25, 1)])
def test_the_host_is_few_steps_ahead(monkeypatch, steps_per_call, ahead):
    """So a signal waits for one call that runs and one that is queued."""
    taken, waited = [], []

    def take(steps, state, totals, data):
        taken.append(steps)
        return state, len(taken)

    monkeypatch.setattr(loop.jax, "block_until_ready", waited.append)
    monkeypatch.setattr(loop, "_flush_metrics", lambda *arguments, **settings: None)
    monkeypatch.setattr(loop, "_save", lambda *arguments, **settings: None)
    program = SimpleNamespace(steps_per_call=steps_per_call, seeds=(), take=take, empty_totals=lambda: 0)
    calls = 8
    loop.train(
        program, None, iter(range(calls)), start_step=0, total_steps=calls * steps_per_call,
        cadence=loop.Cadence(report_every=1000, checkpoint_every=1000), outputs=loop.Outputs(),
    )  # fmt: skip
    assert taken == [steps_per_call] * calls
    assert waited == list(range(1, calls - ahead + 1))
