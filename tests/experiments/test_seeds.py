"""Seed i of a run of several gives the numbers of the run of seed i alone, whatever the other seeds are."""

import functools
import json
import statistics
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from bgan_jax import data
from bgan_jax.algorithms.state import TrainState
from bgan_jax.runtime import parallel
from bgan_jax.runtime.batch_loading import resident_load, streamed_load
from bgan_jax.runtime.metric_totals import add_metrics, empty_totals, read_totals
from bgan_jax.runtime.metrics import read_metrics
from bgan_jax.runtime.nonfinite import NonFiniteError, check_finite
from bgan_jax.runtime.platform import this_process
from experiments import discrete_mnist
from experiments.harness.cli import flags
from experiments.harness.cli.command import run as run_command
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.seeds import SeedRun, seed_axis, seed_runs_of, seeds_of
from experiments.harness.runs.stacked_seeds import initial_state, make_advance_over_seeds, root_key_data, take
from experiments.harness.runs.trained_run import load_sampler
from tests.experiments.test_discrete_mnist import command
from tests.launching import newest_state

# By default Adam moves a whole step for a gradient of 1e-8, which magnifies rounding, and every program rounds its own
# way.
SMALL = ["--workdir=unused", "--smoke", "--network=mlp", "--width=8", "--penalty=0", "--adam_eps=1e-3"]


def prepared(*arguments):
    config = flags.parse(
        discrete_mnist.Config, [*SMALL, *arguments], smoke=discrete_mnist.SMOKE, presets=discrete_mnist.PRESETS
    )
    return discrete.prepare(config, this_process())


def advanced(experiment, *, in_parallel=None, steps=2):
    """States and totals of every seed after some steps, as numpy."""
    config, dataset = experiment.config, experiment.dataset
    seeds = seeds_of(config)
    initial = functools.partial(initial_state, initialize=experiment.initialize, num_seeds=config.seeds)
    state = jax.jit(initial)(root_key_data(seeds))
    step = experiment.step_over(None)
    names = sorted(jax.eval_shape(step, *of_one(experiment))[1])
    load_for = functools.partial(
        resident_load, spec=dataset.spec, batch_size=config.batch_size, minibatches=config.disc_steps
    )
    advance = make_advance_over_seeds(
        step, lambda seed: load_for(seed=seed), seeds=seeds, data_axis=None, in_parallel=in_parallel
    )
    advance, totals = jax.jit(advance), empty_totals(names, num_seeds=len(seed_axis(config)) or None)
    for _ in range(steps):
        index = jnp.arange(config.batch_size, dtype=jnp.int32)
        state, totals = advance(state, totals, data.resident(dataset), index)
    return parallel.to_host(state), parallel.to_host(totals)


def of_one(experiment):
    config = experiment.config
    real = jax.ShapeDtypeStruct((config.disc_steps, config.batch_size, 28, 28, 1), jnp.int32)
    state = jax.eval_shape(experiment.initialize, jax.random.key(0))
    return state, real, jax.ShapeDtypeStruct((config.batch_size,), jnp.int32)


def test_seeds_in_parallel_equal_the_runs_of_each_alone():
    """As on accelerators; on CPU, below, seeds are unrolled."""
    state, totals = advanced(prepared("--seed=4", "--seeds=2"), in_parallel=True)
    own_state, own_totals = advanced(prepared("--seed=5"))
    for left, right in zip(jax.tree.leaves(take(state, 1)), jax.tree.leaves(own_state), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)
    means, own_means = read_totals(totals, seeds=range(4, 6)), read_totals(own_totals)
    assert means.keys() == own_means.keys()
    for name, values in means.items():
        assert values.shape == (2,)
        np.testing.assert_allclose(values[1:], own_means[name], rtol=1e-4, atol=1e-4)
    assert any(np.abs(kernel[0] - kernel[1]).max() > 0.01 for kernel in jax.tree.leaves(state.params))


@pytest.mark.parametrize("in_parallel", [False, True])
def test_streamed_rows_go_to_their_seeds(in_parallel):
    """Rows of seed i reach the step of seed i only."""
    spec = data.DatasetSpec(name="any", kind="text", shape=(1,), num_values=8, vocabulary=tuple("abcdefgh"))
    rows = np.arange(2 * 4, dtype=np.uint8).reshape(4, 2, 1, 1)  # [N, seeds, minibatches, 1]

    def step(state, real, index, *, axis_name):
        return state.replace(step=state.step + 1), {"sum": jnp.sum(real).astype(jnp.float32)}

    advance = make_advance_over_seeds(
        step, lambda seed: streamed_load(spec=spec), seeds=range(4, 6), data_axis=1, in_parallel=in_parallel
    )
    nothing = jnp.zeros(2)
    state = TrainState(
        step=jnp.zeros(2, jnp.int32), key=jax.vmap(jax.random.key)(jnp.arange(2)), params=nothing, model_state=nothing,
        opt_state=nothing, gen_average=nothing, log_partition_average=nothing, baseline=nothing,
    )  # fmt: skip
    totals = empty_totals(["sum"], num_seeds=2)
    after, totals = advance(state, totals, jnp.asarray(rows), jnp.arange(4))
    assert after.step.tolist() == [1, 1]
    assert read_totals(totals, seeds=range(4, 6))["sum"].tolist() == [12.0, 16.0]


def test_a_metric_that_is_not_finite_is_named_with_its_seed():
    def added(totals, step, **metrics):
        metrics = {name: jnp.array(values, jnp.float32) for name, values in metrics.items()}
        return add_metrics(totals, metrics, step=jnp.full(2, step))

    empty = empty_totals(["bound", "penalty"], num_seeds=2)
    totals = added(empty, 11, bound=[1, 2], penalty=[3, np.nan])
    totals = added(totals, 12, bound=[np.nan, 2], penalty=[3, np.inf])
    with pytest.raises(NonFiniteError, match=r"^at step 12 these were not finite: penalty \(seed 5\)$"):
        read_totals(totals, seeds=range(4, 6))
    totals = added(added(empty, 9, bound=[np.nan, np.inf], penalty=[3, 4]), 11, bound=[1, 2], penalty=[3, np.nan])
    with pytest.raises(NonFiniteError, match=r"^at step 10 these were not finite: bound \(seeds 4, 5\)$"):
        read_totals(totals, seeds=range(4, 6))
    state = {"params": np.array([[1.0, 2.0], [np.nan, 2.0]]), "step": np.array([11, 11])}
    with pytest.raises(NonFiniteError, match=r"^at step 12 these were not finite: \['params'\] \(seed 5\)$"):
        check_finite(state, step=12, seeds=range(4, 6))


def test_one_seed_is_not_stacked():
    experiment = prepared("--seed=4")
    assert seed_runs_of(experiment, Path("anywhere")) == [SeedRun(experiment, Path("anywhere"), None)]
    assert root_key_data(seeds_of(experiment.config)).ndim == 1
    assert empty_totals(["bound"]).packed.ndim == 1 and not seed_axis(experiment.config)
    own = seed_runs_of(prepared("--seed=4", "--seeds=2"), Path("anywhere"))
    assert [one.folder for one in own] == [Path("anywhere/seed_4"), Path("anywhere/seed_5")]
    assert [(one.experiment.config.seed, one.experiment.config.seeds) for one in own] == [(4, 1), (5, 1)]


TINY = [
    "--smoke", "--network=mlp", "--width=8", "--adam_eps=1e-3", "--judged_samples=50", "--judge_steps=60",
    "--report_every=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Seeds 2 and 3, half on eight devices and half on one, and seed 3 alone on one; each with its last log."""
    folder = tmp_path_factory.mktemp("seeds")
    found = {}
    both = ["--seed=2", "--seeds=2"]
    first_half = [*both, "--steps=2", "--data_backend=streamed"]
    for name, devices, arguments in (("both", 8, first_half), ("both", 1, both), ("alone", 1, ["--seed=3"])):
        done = command(
            f"--workdir={folder / name}", *TINY, *arguments, JAX_NUM_CPU_DEVICES=str(devices),
            BGAN_JAX_CACHE=str(folder / "cache"),
        )  # fmt: skip
        assert done.returncode == 0 and f"{devices} device" in done.stderr, done.stderr
        found[name] = folder / name, done.stderr
    return found


def without_speed(path):
    return [{k: v for k, v in line.items() if k != "steps_per_second"} for line in read_metrics(path)]


def test_a_seed_of_a_run_is_the_run_of_that_seed(runs):
    both, alone = runs["both"][0], runs["alone"][0]
    (step_both, stacked), (step_alone, own) = newest_state(both), newest_state(alone)
    assert step_both == step_alone == 4
    for left, right in zip(stacked, own, strict=True):
        # Adam divides the gradient of a category that is drawn once by its own size, rounding included.
        np.testing.assert_allclose(left[1], right, atol=5e-5)
    for left, right in zip(
        *(without_speed(folder / "metrics.jsonl") for folder in (both / "seed_3", alone)), strict=True
    ):
        assert left == pytest.approx(right, rel=1e-4, abs=1e-4)
    pictures = [
        np.asarray(Image.open(folder / "pictures" / "samples_0000004.png"), np.float32)
        for folder in (both / "seed_3", alone)
    ]
    assert pictures[0].shape == pictures[1].shape and np.mean(pictures[0] != pictures[1]) < 0.001
    scores = [json.loads((folder / "result.json").read_text())["samples"] for folder in (both / "seed_3", alone)]
    assert scores[0]["classifier_score"] == pytest.approx(scores[1]["classifier_score"], abs=0.01)


def test_the_result_has_mean_and_standard_deviation(runs):
    folder, log = runs["both"]
    result = json.loads((folder / "result.json").read_text())
    own = [json.loads((folder / f"seed_{seed}" / "result.json").read_text()) for seed in (2, 3)]
    scores = [each["samples"]["classifier_score"] for each in own]
    assert result["samples"]["classifier_score"] == {
        "mean": pytest.approx(statistics.fmean(scores), rel=1e-5),
        "standard_deviation": pytest.approx(statistics.stdev(scores), rel=1e-5),
        "n": 2,
    }
    assert result["held_out"] == own[0]["held_out"] and result["seeds"] == [2, 3] and result["steps"] == 4
    assert "| samples.classifier_score | " in (folder / "result.md").read_text()
    assert "continuing from step 2" in log and "2 seeds" in log and "step 4/4" in log
    lines = [read_metrics(folder / place / "metrics.jsonl") for place in ("", "seed_2", "seed_3")]
    for mean, *each in zip(*lines, strict=True):
        assert mean["bound"] == pytest.approx(statistics.fmean(line["bound"] for line in each))


def test_samples_of_one_seed_can_be_drawn_later(runs):
    both, alone = runs["both"][0], runs["alone"][0]
    sample, _, step = load_sampler(str(both / "seed_3"))
    expected, _, _ = load_sampler(str(alone))
    assert step == 4
    # The two programs round in their own ways.
    np.testing.assert_allclose(sample(jax.random.key(0), 5).probs, expected(jax.random.key(0), 5).probs, atol=1e-5)
    with pytest.raises(UsageError, match=r"of 2 seeds; give the folder of one, such as .*seed_2"):
        load_sampler(str(both))


def refused(capsys, *arguments):
    """The message with which the command refuses the flags."""
    with pytest.raises(SystemExit) as leaving:
        run_command(discrete_mnist.COMMAND, arguments=[*TINY, "--compilation_cache=false", *arguments])
    message = capsys.readouterr().err
    assert leaving.value.code == 2 and message.startswith("error: ") and message.count("\n") == 1
    return message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds=2", "--nan_policy=restore"], "--nan_policy=stop"),
        (["--seeds=2", "--seed=4294967295"], "beyond the last seed"),
        (["--seeds=0"], "seeds"),
    ],
    ids=["restore", "last", "none"],
)
def test_what_cannot_be_combined_is_refused(tmp_path, capsys, arguments, words):
    assert words in refused(capsys, f"--workdir={tmp_path / 'run'}", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_run_continues_with_its_own_seeds_only(runs, capsys):
    both = runs["both"][0]
    before = {path: path.read_bytes() for path in both.rglob("*") if path.is_file()}
    assert "--seeds: 2 there, 3 now" in refused(capsys, f"--workdir={both}", "--seed=2", "--seeds=3")
    message = refused(capsys, f"--workdir={both / 'seed_3'}", "--seed=3")
    assert "is one seed of the run in its parent folder" in message
    assert before == {path: path.read_bytes() for path in both.rglob("*") if path.is_file()}
