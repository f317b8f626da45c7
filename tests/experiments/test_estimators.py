"""The estimator laboratory: its game is exact, its run leaves tables and pictures, and its gates can fail."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from PIL import Image

from bgan_jax.algorithms import estimators as training_estimators
from bgan_jax.algorithms.state import init_state
from bgan_jax.evaluation.enumerable import random_markov_chain_target, random_target
from bgan_jax.evaluation.exact import marginal_log_probs, optimal_log_ratio
from experiments.estimators import command as estimators
from experiments.estimators import laws
from experiments.estimators.game import (
    draw_real,
    enumerable_game,
    finite_log_probs,
    latent_log_probs,
    optimal_step,
    table_log_probs,
    with_optimal_discriminator,
)
from experiments.estimators.gradients import ESTIMATED_LOSSES
from experiments.estimators.measurement import measure
from experiments.estimators.problem import make_problem
from experiments.estimators.runs import Run
from experiments.estimators.training import Curves
from experiments.harness.cli import flags
from tests.experiments.refusals import assert_refused, flag_of

TARGETS = {
    "bits": lambda: random_target(jax.random.key(0), num_bits=4, spread=1.0),
    "symbols": lambda: random_markov_chain_target(jax.random.key(1), num_symbols=3, length=3),
}


def config(tmp_path, *arguments):
    return flags.parse(
        estimators.Config, ["--smoke", f"--workdir={tmp_path / 'run'}", *arguments], smoke=estimators.SMOKE
    )


@pytest.mark.parametrize("name", TARGETS)
def test_the_optimal_discriminator_is_the_exact_log_ratio(name):
    target = TARGETS[name]()
    game = enumerable_game(target, num_latents=3, optimizer=optax.identity())
    table = game.networks.gen.init(jax.random.key(2))["params"]
    log_q = marginal_log_probs(
        table_log_probs(target, game.conditional)(table["logits"]), latent_log_probs=latent_log_probs(3)
    )
    points = game.conditional.statistics(jnp.asarray(target.states))
    log_ratio, _ = game.networks.disc.apply({"params": table}, points, train=True)
    expected = optimal_log_ratio(target_log_probs=jnp.asarray(target.log_probs), model_log_probs=log_q)
    np.testing.assert_allclose(log_ratio, expected, atol=1e-5)


def test_real_examples_come_from_the_target():
    target = TARGETS["bits"]()
    x = np.asarray(draw_real(jax.random.key(0), target, batch_size=20000))
    counts = np.bincount(x @ np.array([8, 4, 2, 1]), minlength=16)
    expected = 20000 * np.exp(target.log_probs)
    assert np.sum((counts - expected) ** 2 / expected) < 15 + 5 * np.sqrt(30)


def test_a_learned_baseline_comes_to_the_expected_reward():
    target = TARGETS["bits"]()
    game = enumerable_game(
        target, num_latents=3, optimizer=optax.sgd(0.0), estimator="reinforce_learned_baseline", num_samples=8,
        learning_rate_baseline=3e-3,
    )  # fmt: skip
    state = init_state(jax.random.key(0), networks=game.networks, optimizers=game.optimizers)
    # Rows that differ, so that there is something to know about a latent.
    table = jnp.array([[2.0] * 4, [-2.0] * 4, [0.0] * 4])
    state = with_optimal_discriminator(state.replace(params=state.params._replace(gen={"logits": table})))
    state = jax.jit(
        lambda state: jax.lax.fori_loop(0, 1500, lambda _, state: optimal_step(state, game=game, batch_size=32), state)
    )(state)
    log_g = table_log_probs(target, game.conditional)(table)
    log_ratio = finite_log_probs(target) - marginal_log_probs(log_g, latent_log_probs=latent_log_probs(3))
    expected = np.asarray(jnp.sum(jnp.exp(log_g) * log_ratio[None], axis=1))
    latents = jax.random.normal(jax.random.key(2), (4096, 3))
    values, _ = game.networks.baseline.apply({"params": state.baseline["params"]}, latents, train=True)
    rows = np.asarray(jnp.argmax(latents, axis=1))
    found = np.array([np.asarray(values)[rows == row].mean() for row in range(3)])
    assert np.ptp(expected) > 1.0
    np.testing.assert_allclose(found, expected, atol=0.15 * np.ptp(expected))


def small_measurement(names, *, repeats=80):
    problem = make_problem(jax.random.key(3), TARGETS["bits"](), num_latents=2, warm_steps=0)
    return measure(
        jax.random.key(4), problem, names=names, sample_counts=[2, 6], batch_size=16, repeats=repeats, temperature=0.5
    )


def test_estimators_keep_their_laws():
    names = tuple(name for name in ESTIMATED_LOSSES if not name.startswith("gumbel"))
    rows = small_measurement(names)
    assert len(rows) == 2 * len(names)
    assert laws.broken_laws(rows) == []
    assert all(0.0 < row.law_worst < laws.WORST_COORDINATE for row in rows)


@pytest.mark.parametrize("name", ["boundary_seeking", "boundary_seeking_marginal", "boundary_seeking_marginal_plain"])
def test_a_wrong_factor_is_found(monkeypatch, name):
    right = training_estimators.ESTIMATORS[name]

    def wrong(scored, context):
        direction, factor = right(scored, context), context.num_samples / (context.num_samples - 1)
        return direction._replace(statistics=factor * direction.statistics, total=factor * direction.total)

    monkeypatch.setitem(training_estimators.ESTIMATORS, name, wrong)
    (two, _) = small_measurement((name,))
    (message, *_) = laws.broken_laws([two])
    assert f"{name} at M = 2" in message


def test_a_baseline_that_knows_the_sample_is_found(monkeypatch):
    """The mean over all M, the sample itself among them, shrinks the gradient by 1 - 1/M."""
    right = training_estimators.reinforce

    def wrong(scored, context):
        direction = right(scored, context)
        return direction._replace(statistics=direction.statistics * (context.num_samples - 1) / context.num_samples)

    monkeypatch.setitem(training_estimators.ESTIMATORS, "reinforce", wrong)
    (two, _) = small_measurement(("reinforce",), repeats=300)
    assert laws.broken_laws([two])


def run_that_ends_at(kl, *, discriminator, name="boundary_seeking"):
    curves = Curves(steps=np.array([0, 10]), kl=np.array([[1.0, kl]] * 2), reverse_kl=np.ones((2, 2)))
    return Run(target="t", discriminator=discriminator, name=name, curves=curves, microseconds=1.0)


@pytest.mark.parametrize(
    ("discriminator", "last", "faults"),
    [("optimal", 0.02, 0), ("optimal", 0.2, 1), ("optimal", np.nan, 1), ("trained", 0.2, 0), ("trained", 0.4, 1)],
)
def test_runs_that_do_not_converge_are_named(discriminator, last, faults):
    runs = [
        run_that_ends_at(0.01, discriminator="exact", name="conditional KL"),
        run_that_ends_at(last, discriminator=discriminator),
    ]
    assert len(laws.unconverged(runs, attainable=["t"])) == faults


def test_the_smoke_run_from_end_to_end(tmp_path):
    estimators.main(config(tmp_path))
    folder = tmp_path / "run"
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {
        "config.json", "versions.json", "gradients.csv", "training.csv", "tables.md", "result.json",
        "pictures/gradients.png", "pictures/training.png",
    }  # fmt: skip
    result = json.loads((folder / "result.json").read_text())
    assert result["broken"] == [] and len(result["gradients"]) == 2 * len(ESTIMATED_LOSSES)
    ends = {record["discriminator"]: record["kl"] for record in result["training"]}
    assert ends["optimal"] < 0.1 < result["training"][0]["first_kl"]
    text = (folder / "tables.md").read_text()
    assert "boundary_seeking" in text and "All hold." in text
    for name in ("gradients", "training"):
        assert min(Image.open(folder / "pictures" / f"{name}.png").size) > 400


def test_a_broken_law_ends_with_an_exit_status(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(estimators, "unconverged", lambda runs, *, attainable: ["the run went astray"])
    with pytest.raises(SystemExit) as error:
        estimators.main(config(tmp_path, "--targets=", "--training_targets="))
    assert error.value.code == 1
    assert "the run went astray" in capsys.readouterr().err
    assert "BROKEN: the run went astray" in (tmp_path / "run" / "tables.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--targets=bits7"], ["bits6, mixture"]),
        (["--training_targets=moon"], ["legal"]),
        (["--estimators=magic"], ["boundary_seeking"]),
        (["--sample_counts=1,2"], ["at least 2"]),
        (["--sample_counts=two"], ["2,10"]),
        (["--records=7"], ["divide"]),
    ],
    ids=flag_of,
)
def test_what_is_refused(tmp_path, capsys, arguments, words):
    assert_refused(estimators, ["--smoke", *arguments], words=words, folder=tmp_path / "run", capsys=capsys)
