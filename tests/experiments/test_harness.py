"""Every estimator is a flag of the same command, and contradicting flags are refused."""

import jax
import jax.numpy as jnp
import pytest
from absl import flags as absl_flags

from bgan_jax.algorithms.estimators import ESTIMATORS
from bgan_jax.algorithms.relaxed import RELAXATIONS
from bgan_jax.runtime import workdir
from bgan_jax.runtime.platform import this_process
from experiments import discrete_mnist
from experiments.harness.cli import flags
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.folders import check_same_data
from experiments.harness.runs.run_config import open_split
from experiments.harness.runs.start import start
from experiments.text_characters.command import Config as TextConfig
from tests.experiments.test_discrete_mnist import command


def prepared(*arguments):
    config = flags.parse(
        discrete_mnist.Config,
        ["--workdir=unused", "--network=mlp", "--smoke", *arguments],
        smoke=discrete_mnist.SMOKE,
        presets=discrete_mnist.PRESETS,
    )
    return config, discrete.prepare(config, this_process())


@pytest.mark.parametrize("estimator", [*ESTIMATORS, *RELAXATIONS])
def test_every_estimator_is_a_flag(estimator):
    if "position" in estimator:
        pytest.skip("needs a discriminator of text")
    config, experiment = prepared(f"--estimator={estimator}", "--disc_steps=2")
    state = jax.eval_shape(experiment.initialize, jax.random.key(0))
    real = jax.ShapeDtypeStruct((2, 8, 28, 28, 1), jnp.int32)
    after, metrics = jax.eval_shape(experiment.step_over(None), state, real, jax.ShapeDtypeStruct((8,), jnp.int32))
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert ("temperature" in metrics) == (estimator in RELAXATIONS)
    assert ("effective_sample_size" in metrics) == (estimator not in RELAXATIONS)
    assert experiment.num_samples == (None if estimator in RELAXATIONS else config.num_samples)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--estimator=gumbel"], "gumbel_straight_through"),
        (["--estimator=probabilities", "--objective=wasserstein"], "wgan_gp"),
        (["--estimator=gumbel_soft", "--temperature=0.1"], "temperature=0.1"),
        (["--dataset=emoji32"], "continuous"),
    ],
    ids=["name", "penalty", "temperature", "data"],
)
def test_contradictions_are_refused(arguments, words):
    with pytest.raises((UsageError, absl_flags.Error), match=words) as refused:
        prepared(*arguments)
    assert "\n" not in str(refused.value)


@pytest.mark.exhaustive
def test_a_wasserstein_critic_of_probabilities_runs(tmp_path):
    done = command(
        f"--workdir={tmp_path / 'run'}", "--network=mlp", "--width=8", "--smoke", "--estimator=probabilities",
        "--objective=wasserstein", "--penalty_form=wgan_gp", "--penalty=10", "--disc_steps=2", "--judged_samples=20",
        "--judge_steps=2", BGAN_JAX_CACHE=str(tmp_path / "cache"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "critic" in done.stderr and "ESS" not in done.stderr


def test_a_run_needs_a_folder():
    config = flags.parse(discrete_mnist.Config, [], smoke=discrete_mnist.SMOKE, presets=discrete_mnist.PRESETS)
    with pytest.raises(UsageError, match="--workdir"):
        start(config, discrete.prepare)


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("\n".join(f"line {number:02}" for number in range(20)), encoding="utf-8")
    return path


def options_of(lines, tmp_path, *arguments):
    places = [f"--dataset=text:{lines}", f"--cache_dir={tmp_path / 'cache'}", f"--workdir={tmp_path / 'run'}"]
    return flags.parse(TextConfig, ["--length=7", *places, *arguments])


def test_a_batch_of_more_than_all_examples_is_refused(lines, tmp_path):
    with pytest.raises(UsageError, match=r"--batch_size=24 is more than the 18 training examples .* choose at most 18"):
        discrete.prepare(options_of(lines, tmp_path, "--batch_size=24", "--penalty=0"), this_process())


def test_a_run_is_not_continued_on_other_data(lines, tmp_path):
    def open_lines(*arguments):
        return open_split(options_of(lines, tmp_path, *arguments), "train")

    saved = open_lines()
    check_same_data(tmp_path, saved)
    (tmp_path / workdir.DATASET).write_text(saved.to_json(), encoding="utf-8")
    check_same_data(tmp_path, open_lines("--long_lines=split"))
    lines.write_text(lines.read_text(encoding="utf-8").replace("00", "99"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"holds a run on other data .*mine.txt have changed"):
        check_same_data(tmp_path, open_lines())
