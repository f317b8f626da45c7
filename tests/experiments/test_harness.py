"""Every estimator is a flag of the same command, and contradicting flags are refused."""

import jax
import jax.numpy as jnp
import pytest
from absl import flags as absl_flags

from bgan_jax.algorithms.estimators import ESTIMATORS
from bgan_jax.algorithms.relaxed import RELAXATIONS
from experiments import discrete_mnist
from experiments.harness.cli import flags
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.start import start
from tests.experiments.test_discrete_mnist import command


def prepared(*arguments):
    config = flags.parse(
        discrete_mnist.Config,
        ["--workdir=unused", "--network=mlp", "--smoke", *arguments],
        smoke=discrete_mnist.SMOKE,
        presets=discrete_mnist.PRESETS,
    )
    return config, discrete.prepare(config)


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


def test_a_wasserstein_critic_of_probabilities_runs(tmp_path):
    done = command(
        f"--workdir={tmp_path / 'run'}", "--network=mlp", "--smoke", "--estimator=probabilities",
        "--objective=wasserstein", "--penalty_form=wgan_gp", "--penalty=10", "--disc_steps=2", "--judged_samples=20",
        "--judge_steps=2", BGAN_JAX_CACHE=str(tmp_path / "cache"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "critic" in done.stderr and "ESS" not in done.stderr


def test_a_run_needs_a_folder():
    config = flags.parse(discrete_mnist.Config, [], smoke=discrete_mnist.SMOKE, presets=discrete_mnist.PRESETS)
    with pytest.raises(UsageError, match="--workdir"):
        start(config, discrete.prepare)
