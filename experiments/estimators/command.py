"""Compares every gradient estimator with exact gradients, and whole runs with exact divergences.

    python -m experiments.estimators --workdir=runs/estimators

On enumerable state spaces p, q, the optimal discriminator, every divergence and every gradient are exact. The first
half draws one step's gradient many times over and reports its bias, deviation, norm and direction for each M; the
second trains from several seeds and records the exact KL(p || q). Gumbel-softmax is run against the multilinear
extension of the optimal discriminator, which is F on every state and E_g[F] at the generator's own probabilities. The
learned baseline is the best that one can be, E_g[F | z], where gradients are measured, and a network that learns in the
runs. It writes ``tables.md``, CSV, ``result.json`` and two figures, and exits with status 1 if a law is broken:

- the mean of each importance-weighted estimator is its exact mean at that M and N (``evaluation/self_normalized.py``;
  for weights per latent, centred or plain, the bias then falls like 1/M), in standard errors;
- REINFORCE is unbiased with every baseline;
- a run against the optimal discriminator ends where its exact gradient leads, which is p itself on ``mixture``.

About 8 minutes of one CPU core. docs/results/estimators.md has the measurements.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence

import jax

from experiments.estimators.gradients import ESTIMATED_LOSSES, IN_RUNS, RELAXED
from experiments.estimators.laws import broken_laws, unconverged
from experiments.estimators.measurement import Row, cost_per_step, measure
from experiments.estimators.problem import make_problem
from experiments.estimators.report import write_results
from experiments.estimators.runs import TRAINED, train_all
from experiments.estimators.targets import ATTAINABLE, TARGETS, target_of
from experiments.estimators.training import TrainingSettings
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.lists import split_list
from experiments.harness.cli.needs import either, given, lists
from experiments.harness.cli.shared_flags import SmokeFlag, WorkdirFlag
from experiments.harness.errors import UsageError
from experiments.harness.runs.folders import check_workdir, open_folder
from experiments.harness.runs.run_flags import LengthFlags, SeedFlag, StepSizeFlags

logger = logging.getLogger("bgan_jax")


MEASURED, TRAINED_FOR = given("targets"), given("training_targets")
WITH_A_DISCRIMINATOR = [TRAINED_FOR, lists("estimators", *TRAINED)]


@flags.config(
    batch_size=flags.override(64, needs=[either(MEASURED, TRAINED_FOR)]),
    steps=flags.override(600, may_change=False, needs=[TRAINED_FOR]),
    learning_rate_gen=flags.override(0.05, common=False, needs=[TRAINED_FOR]),
    learning_rate_disc=flags.override(3e-3, common=False, needs=WITH_A_DISCRIMINATOR),
    seed=flags.override(maximum=2**31 - 1),
)
class Config(SmokeFlag, StepSizeFlags, LengthFlags, SeedFlag, WorkdirFlag):
    """The flags of this experiment."""

    targets: str = flags.flag(
        "bits6,mixture,random,chain,ising", "Where gradients are measured, separated by commas; empty: nowhere.",
        group="gradients", common=True, legal=", ".join(TARGETS),
    )  # fmt: skip
    sample_counts: str = flags.flag(
        "2,5,10,20,100", "Values of M, separated by commas.", group="gradients", common=True, needs=[MEASURED]
    )
    repeats: int = flags.flag(
        200, "Independent gradients behind each number.", group="gradients", common=True, minimum=10, needs=[MEASURED]
    )
    num_latents: int = flags.flag(8, "Rows of the generator's table (Z).", group="generator", minimum=1)
    warm_steps: int = flags.flag(
        25, "Exact descent before gradients are measured, but for bits6; 0: random logits, heavy weights.",
        group="gradients", minimum=0, needs=[lists("targets", *(name for name in TARGETS if name != "bits6"))],
    )  # fmt: skip
    temperature: float = flags.flag(
        0.5, "Temperature of Gumbel-softmax; runs anneal to it.", group="generator", minimum=0.01,
        needs=[either(MEASURED, lists("estimators", *RELAXED))],
    )  # fmt: skip
    costs: bool = flags.flag(True, "Also time each estimator against M.", group="gradients", needs=[MEASURED])
    training_targets: str = flags.flag(
        "mixture,chain", "Where whole runs are made, separated by commas; empty: nowhere. ising takes ten times as "
        "long.", group="training", common=True, legal=", ".join(TARGETS),
    )  # fmt: skip
    estimators: str = flags.flag(
        ",".join(IN_RUNS), "What runs use against the optimal discriminator, separated by commas; some "
        "of them also against a trained one.", group="training", common=True, needs=[TRAINED_FOR],
    )  # fmt: skip
    num_seeds: int = flags.flag(
        4, "Number of seeds of a run.", group="training", common=True, minimum=1, needs=[TRAINED_FOR]
    )
    records: int = flags.flag(
        40, "Exact divergences taken in a run; divides its steps.", group="training", minimum=1, needs=[TRAINED_FOR]
    )
    num_samples: int = flags.flag(
        10, "Samples per latent in a run (M).", group="training", common=True, minimum=2, needs=[TRAINED_FOR]
    )
    disc_width: int = flags.flag(
        64, "Units in each hidden layer of a trained discriminator.", group="discriminator", minimum=1,
        needs=WITH_A_DISCRIMINATOR,
    )  # fmt: skip
    disc_steps: int = flags.flag(
        2, "Updates of a trained discriminator per step.", group="discriminator", minimum=1, needs=WITH_A_DISCRIMINATOR
    )
    learning_rate_baseline: float = flags.flag(
        3e-3, "Adam's step size for the learned baseline.", group="generator", minimum=0.0,
        needs=[TRAINED_FOR, lists("estimators", "reinforce_learned_baseline")],
    )  # fmt: skip


SMOKE = {
    "targets": "bits6", "training_targets": "mixture", "sample_counts": "2,10", "repeats": 60, "costs": False,
    "num_seeds": 2, "steps": 120, "records": 6, "num_latents": 6, "disc_steps": 1, "estimators": "boundary_seeking",
}  # fmt: skip


def check(config: Config) -> list[int]:
    """Checks the flags before anything is computed.

    Returns:
      The values of M.

    Raises:
      UsageError: a value that is not legal.
    """
    for flag, names in (("targets", config.targets), ("training_targets", config.training_targets)):
        for name in split_list(names):
            if name not in TARGETS:
                raise UsageError(f"--{flag}: unknown target {name!r}; legal: {', '.join(TARGETS)}")
    try:
        sample_counts = [int(m) for m in config.sample_counts.split(",")]
    except ValueError:
        raise UsageError(f"--sample_counts={config.sample_counts} is not a list of numbers such as 2,10") from None
    if not sample_counts or min(sample_counts) < 2:
        raise UsageError(f"--sample_counts={config.sample_counts}: every M must be at least 2")
    for estimator in config.estimators.split(","):
        if estimator not in IN_RUNS:
            raise UsageError(f"--estimators: unknown {estimator!r}; legal: {', '.join(IN_RUNS)}")
    if config.steps % config.records:
        raise UsageError(f"--records={config.records} must divide --steps={config.steps}")
    check_workdir(config, holds="tables and pictures go there")
    return sample_counts


def measure_gradients(
    config: Config, *, sample_counts: Sequence[int]
) -> tuple[list[Row], dict[tuple[str, int], float]]:
    """Measures every estimator's gradients on every target.

    Args:
      config: the flags.
      sample_counts: values of M.

    Returns:
      The rows, and microseconds of one gradient by name and M, on the first target, where the flags ask for them.
    """
    key = jax.random.key(config.seed)
    rows: list[Row] = []
    costs: dict[tuple[str, int], float] = {}
    for number, name in enumerate(split_list(config.targets)):
        toy = name == "bits6"
        problem = make_problem(
            jax.random.fold_in(key, 1), target_of(name, seed=config.seed),
            num_latents=5 if toy else config.num_latents, warm_steps=0 if toy else config.warm_steps,
        )  # fmt: skip
        rows += measure(
            jax.random.fold_in(key, 2), problem, names=tuple(ESTIMATED_LOSSES), sample_counts=sample_counts,
            batch_size=config.batch_size, repeats=config.repeats, temperature=config.temperature,
        )  # fmt: skip
        logger.info("%s: gradients measured at KL(p||q) = %.3f nats", problem.target.name, problem.kl)
        if config.costs and number == 0:
            costs = cost_per_step(
                problem, tuple(ESTIMATED_LOSSES), sample_counts=sample_counts, batch_size=config.batch_size,
                temperature=config.temperature,
            )  # fmt: skip
    return rows, costs


def main(config: Config) -> None:
    """Measures, trains, writes tables and figures; exits with status 1 where a law is broken."""
    started = time.perf_counter()
    sample_counts = check(config)
    folder = open_folder(config)
    rows, costs = measure_gradients(config, sample_counts=sample_counts)
    settings = TrainingSettings(**{field: getattr(config, field) for field in TrainingSettings._fields})
    runs = [
        run
        for name in split_list(config.training_targets)
        for run in train_all(
            target_of(name, seed=config.seed), config.estimators.split(","), settings=settings, seed=config.seed,
            num_seeds=config.num_seeds,
        )
    ]  # fmt: skip
    attainable = [target_of(name, seed=config.seed).name for name in ATTAINABLE]
    broken = broken_laws(rows) + unconverged(runs, attainable=attainable)
    seconds = time.perf_counter() - started
    write_results(
        folder, rows=rows, costs=costs, runs=runs, broken=broken, seconds=seconds,
        gradients_title=f"N = {config.batch_size} latents, {config.repeats} repeats, "
        f"Gumbel at temperature {config.temperature:g}",
        training_title=f"M = {config.num_samples}, N = {config.batch_size}, {config.num_seeds} seeds",
    )  # fmt: skip
    logger.info("tables and pictures are in %s (%.0f s)", folder, seconds)
    if broken:
        for line in broken:
            print(f"error: {line}", file=sys.stderr)
        sys.exit(1)


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
