"""The estimator laboratory: every gradient estimator against exact gradients, and whole runs against exact divergences.

    python -m experiments.estimators --workdir=runs/estimators

On state spaces that can be listed, p, q, the optimal discriminator, every divergence and every gradient are exact. The
first half draws one step's gradient many times over and reports its bias, spread, norm and direction for each M; the
second trains from several seeds and writes the exact KL(p || q) down. Gumbel-softmax meets the optimal discriminator's
multilinear extension, which is F on every state and E_g[F] at the generator's own probabilities. The learned baseline
is the best that one can be, E_g[F | z], where gradients are measured, and a network that learns in the runs. It leaves
``tables.md``, CSV, ``result.json`` and two pictures, and ends with status 1 if a law breaks:

- the mean of each importance-weighted estimator is its exact mean at that M and N (``evaluation/self_normalized.py``;
  for weights per latent, centred or plain, the bias then falls like 1/M), in standard errors;
- REINFORCE is unbiased with every baseline;
- a run against the optimal discriminator ends where its exact gradient leads, which is p itself on ``mixture``.

The defaults take 444 to 512 s on one of two busy CPU cores (eee7bed, 0a7e71a, seed 0, the same numbers; 38 runs of four
seeds among them). Expected on ``bits6`` (200 repeats, N = 64, shares of the gradient's norm), measured bias with the
exact one in brackets, and standard deviation:

====  ===================  ====================  ========================  ===========================
M     per latent, centred  whole batch, centred  REINFORCE, leave-one-out  REINFORCE, learned baseline
====  ===================  ====================  ========================  ===========================
2     .888 (.892), .38     < .118 (.085), 1.80   < .137 (0), 2.32          < .136 (0), 1.65
5     .716 (.718), .40     < .055 (.036), .92    < .071 (0), 1.15          < .066 (0), 1.03
10    .566 (.568), .37     < .045 (.020), .61    < .055 (0), .80           < .058 (0), .76
20    .386 (.398), .34     < .036 (.012), .45    < .040 (0), .58           < .040 (0), .56
100   .102 (.108), .28     < .038 (.007), .29    < .023 (0), .33           < .023 (0), .33
====  ===================  ====================  ========================  ===========================

The plain form per latent has the same bias and the deviations .67, .54, .44, .38, .29; that of the whole batch 1.33,
.87, .62, .47, .30. Where weights are heavier one step points almost anywhere: on ``random`` at M = 20 its cosine is at
most .21 for all but soft Gumbel-softmax, .54. What is made of the samples costs nothing beside them: 82 to 104 us per
gradient at M = 2, and 532 to 609 us at M = 100. Expected after 600 steps (M = 10), mean and standard deviation over
four seeds of KL(p || q) in nats, against the optimal discriminator and against a trained one:

=========================  ================  ================  ==============  ==============
estimator                  mixture, optimal  mixture, trained  chain, optimal  chain, trained
=========================  ================  ================  ==============  ==============
boundary_seeking           .0001 +- .0001    .0227 +- .0037    .362 +- .015    .434 +- .020
boundary_seeking_marginal  .0008 +- .0011    .0221 +- .0035    .331 +- .008    .419 +- .025
reinforce                  .0006 +- .0003    .0266 +- .0013    .577 +- .017    .564 +- .023
with a learned baseline    .0007 +- .0005    .0278 +- .0045    .595 +- .049    .520 +- .022
gumbel_soft                .0001 +- .0000                      .555 +- .024
=========================  ================  ================  ==============  ==============

Without noise the mixture is reached to .0001 or, on reverse KL, .0003; the best q for the chain has .320 +- .007, and
that of reverse KL .593 +- .028. All begin at 1.7 and 2.5.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.evaluation.enumerable import (
    EnumerableTarget,
    ising_target,
    product_mixture_target,
    random_markov_chain_target,
    random_target,
)
from bgan_jax.evaluation.host_randomness import host_generator
from bgan_jax.runtime import workdir
from experiments.estimators import report
from experiments.estimators.gradients import OBJECTIVES, situation
from experiments.estimators.measurement import Row, cost_per_step, measure
from experiments.estimators.report import Run
from experiments.estimators.training import TrainingSettings, train_curves
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.errors import UsageError
from experiments.harness.runs.folders import check_workdir, open_folder

logger = logging.getLogger("bgan_jax")

# Gates. Coordinates number some ten thousand in a run, so the largest of them is four standard errors out by chance.
WORST_COORDINATE = 6.0
NORM_RATIO = 5.0
TRAINED = ("boundary_seeking", "boundary_seeking_marginal", "boundary_seeking_marginal_plain", "reinforce",
           "reinforce_moving_average", "reinforce_learned_baseline")  # fmt: skip


def _mixture(key: jax.Array) -> EnumerableTarget:
    logits = host_generator(key).normal(scale=2.5, size=(4, 12))
    return product_mixture_target(np.full(4, 0.25), logits)


# Name -> target of a key. The six bits are the setting of the table that the per-latent bias is best known from:
# five latents, random logits, heavy weights.
TARGETS: dict[str, Callable[[jax.Array], EnumerableTarget]] = {
    "bits6": lambda key: random_target(key, num_bits=6, spread=1.5),
    "mixture": _mixture,
    "random": lambda key: random_target(key, num_bits=12, spread=1.0),
    "chain": random_markov_chain_target,
    "ising": lambda key: ising_target(side=4),
}
# Targets inside the generator's own family: training must bring the divergence to zero.
ATTAINABLE = ("mixture",)


@dataclasses.dataclass(frozen=True)
class Config:
    """The flags of this experiment."""

    workdir: str = flags.flag("", "Folder of tables, pictures and records.")
    seed: int = flags.flag(0, "Seed of targets, generators and samples.", minimum=0, maximum=2**31 - 1)
    targets: str = flags.flag("bits6,mixture,random,chain,ising", "Where gradients are measured, by comma.")
    training_targets: str = flags.flag(
        "mixture,chain", "Where whole runs are made, by comma; empty: none. ising takes ten times as long."
    )
    sample_counts: str = flags.flag("2,5,10,20,100", "Values of M for the gradients, by comma.")
    repeats: int = flags.flag(200, "Independent gradients behind each number.", minimum=10)
    batch_size: int = flags.flag(64, "Latents per step (N).", minimum=1)
    num_latents: int = flags.flag(8, "Rows of the generator's table (Z).", minimum=1)
    warm_steps: int = flags.flag(
        25, "Exact descent before gradients are measured, but for bits6; 0: random logits, heavy weights.", minimum=0
    )
    temperature: float = flags.flag(0.5, "Temperature of Gumbel-softmax; runs anneal to it.", minimum=0.01)
    costs: bool = flags.flag(True, "Also time each estimator against M.")
    num_seeds: int = flags.flag(4, "Number of seeds of a run.", minimum=1)
    steps: int = flags.flag(600, "Steps of a run.", minimum=1)
    records: int = flags.flag(40, "Exact divergences taken in a run; divides its steps.", minimum=1)
    num_samples: int = flags.flag(10, "Samples per latent in a run (M).", minimum=2)
    learning_rate_gen: float = flags.flag(0.05, "Adam's step size for the table.", minimum=0.0)
    learning_rate_disc: float = flags.flag(3e-3, "Adam's step size for a trained discriminator.", minimum=0.0)
    disc_width: int = flags.flag(64, "Units in each hidden layer of a trained discriminator.", minimum=1)
    disc_steps: int = flags.flag(2, "Updates of a trained discriminator per step.", minimum=1)
    learning_rate_baseline: float = flags.flag(3e-3, "Adam's step size for REINFORCE's learned baseline.", minimum=0.0)
    estimators: str = flags.flag(
        ",".join(OBJECTIVES),
        "What runs use against the optimal discriminator, by comma; a subset of them also against a trained one.",
    )
    smoke: bool = flags.flag(False, "The whole path in seconds, on tiny sizes.")


SMOKE = {
    "targets": "bits6", "training_targets": "mixture", "sample_counts": "2,10", "repeats": 60, "costs": False,
    "num_seeds": 2, "steps": 120, "records": 6, "num_latents": 6, "disc_steps": 1, "estimators": "boundary_seeking",
}  # fmt: skip


def _chosen(names: str, *, flag: str) -> list[str]:
    chosen = [name for name in names.split(",") if name]
    for name in chosen:
        if name not in TARGETS:
            raise UsageError(f"--{flag}: unknown target {name!r}; legal: {', '.join(TARGETS)}")
    return chosen


def _target(config: Config, name: str) -> EnumerableTarget:
    return TARGETS[name](jax.random.fold_in(jax.random.key(config.seed), list(TARGETS).index(name)))


def broken_laws(rows: Sequence[Row]) -> list[str]:
    """What the measured means contradict: the exact mean of every estimator that has one, at its own M.

    For the per-latent weights that is a bias that falls like 1/M, the same for the centred and the plain form; for
    REINFORCE no bias with any baseline.
    """
    broken = []
    for row in rows:
        if row.law is None or row.law_worst is None:
            continue
        where = f"{row.estimator} at M = {row.num_samples} on {row.target}"
        ratio, error = row.law.norm_ratio
        if abs(ratio - 1.0) > NORM_RATIO * error:
            broken.append(f"{where}: the mean is {ratio:.3f} ± {error:.3f} of its exact value")
        if row.law_worst > WORST_COORDINATE:
            broken.append(
                f"{where}: a coordinate of the mean is {row.law_worst:.1f} standard errors off its exact value"
            )
    return broken


def unconverged(runs: Sequence[Run], *, attainable: Sequence[str]) -> list[str]:
    """Runs that end elsewhere than they should.

    Against the optimal discriminator a run must end where descent along its own exact gradient ends, to within a
    twentieth of the way; where the target is attainable that is at KL = 0, and a trained discriminator must come
    three quarters of the way there.
    """
    exact = {(run.target, run.name): float(run.curves.kl[:, -1].mean()) for run in runs if run.discriminator == "exact"}
    broken = []
    for run in runs:
        first, last = float(run.curves.kl[:, 0].mean()), float(run.curves.kl[:, -1].mean())
        if run.discriminator == "optimal":
            known, share = exact[run.target, OBJECTIVES[run.name][0]], 0.05
        elif run.discriminator == "exact":
            known, share = 0.0, 0.05
        else:
            known, share = 0.0, 0.25
        if run.discriminator != "optimal" and run.target not in attainable:
            continue
        # A better end than the exact descent's is no fault; not a number is one.
        if not last < known + share * (first - known):
            broken.append(
                f"{run.name} with the {run.discriminator} discriminator on {run.target}: KL(p||q) went from "
                f"{first:.4f} to {last:.4f}, the known answer is {known:.4f}"
            )
    return broken


def train_all(config: Config, name: str) -> list[Run]:
    """Every run on one target."""
    settings = TrainingSettings(**{field: getattr(config, field) for field in TrainingSettings._fields})
    target = _target(config, name)
    estimators = config.estimators.split(",")
    plan = [
        *(("exact", objective) for objective in dict.fromkeys(OBJECTIVES[estimator][0] for estimator in estimators)),
        *(("optimal", estimator) for estimator in estimators),
        *(("trained", estimator) for estimator in TRAINED if estimator in estimators),
    ]
    runs = []
    for discriminator, estimator in plan:
        curves, seconds = train_curves(
            jax.random.fold_in(jax.random.key(config.seed), 1000), target, estimator,
            settings=settings, discriminator=discriminator, num_seeds=config.num_seeds,
        )  # fmt: skip
        per_step = 1e6 * seconds / (config.num_seeds * config.steps * (1 + 1 / config.records))
        runs.append(
            Run(target=target.name, discriminator=discriminator, name=estimator, curves=curves, microseconds=per_step)
        )
    best = min(runs, key=lambda run: run.curves.kl[:, -1].mean())
    logger.info("%s: %d runs, best %s, KL %.4f", target.name, len(runs), best.name, best.curves.kl[:, -1].mean())
    return runs


def main(config: Config) -> None:
    """Measures, trains, writes tables and pictures, and compares with what is known."""
    started = time.perf_counter()
    measured_targets = _chosen(config.targets, flag="targets")
    training_targets = _chosen(config.training_targets, flag="training_targets")
    try:
        sample_counts = [int(m) for m in config.sample_counts.split(",")]
    except ValueError:
        raise UsageError(f"--sample_counts={config.sample_counts} is not a list of numbers such as 2,10") from None
    if not sample_counts or min(sample_counts) < 2:
        raise UsageError(f"--sample_counts={config.sample_counts}: every M must be at least 2")
    for estimator in config.estimators.split(","):
        if estimator not in OBJECTIVES:
            raise UsageError(f"--estimators: unknown {estimator!r}; legal: {', '.join(OBJECTIVES)}")
    if config.steps % config.records:
        raise UsageError(f"--records={config.records} must divide --steps={config.steps}")
    check_workdir(config, holds="tables and pictures go there")
    folder = open_folder(config)

    key = jax.random.key(config.seed)
    rows: list[Row] = []
    costs: dict[tuple[str, int], float] = {}
    for name in measured_targets:
        toy = name == "bits6"
        here = situation(
            jax.random.fold_in(key, 1), _target(config, name),
            num_latents=5 if toy else config.num_latents, warm_steps=0 if toy else config.warm_steps,
        )  # fmt: skip
        rows += measure(
            jax.random.fold_in(key, 2), here, names=tuple(OBJECTIVES), sample_counts=sample_counts,
            batch_size=config.batch_size, repeats=config.repeats, temperature=config.temperature,
        )  # fmt: skip
        logger.info("%s: gradients measured at KL(p||q) = %.3f nats", here.target.name, here.kl)
        if config.costs and name == measured_targets[0]:
            costs = cost_per_step(
                here, tuple(OBJECTIVES), sample_counts=sample_counts, batch_size=config.batch_size,
                temperature=config.temperature,
            )  # fmt: skip
    runs = [run for name in training_targets for run in train_all(config, name)]

    broken = broken_laws(rows) + unconverged(runs, attainable=[_target(config, name).name for name in ATTAINABLE])
    text = []
    if rows:
        records = report.quality_records(rows)
        write_text(folder / "gradients.csv", report.csv_text(records))
        text.append("## Gradients\n\n" + report.quality_table(rows))
        title = (
            f"N = {config.batch_size} latents, {config.repeats} repeats, Gumbel at temperature {config.temperature:g}"
        )
        report.save_quality_picture(folder / workdir.PICTURES / "gradients.png", rows, title=title)
    if costs:
        text.append("## Cost\n\n" + report.cost_table(costs))
    if runs:
        write_text(folder / "training.csv", report.csv_text(report.training_records(runs)))
        text.append("## Training\n\n" + report.training_table(runs))
        title = f"M = {config.num_samples}, N = {config.batch_size}, {config.num_seeds} seeds"
        report.save_training_picture(folder / workdir.PICTURES / "training.png", runs, title=title)
    text.append("## Laws\n\n" + ("\n".join(f"- BROKEN: {line}" for line in broken) or "All hold.") + "\n")
    write_text(folder / "tables.md", "\n".join(text))
    write_json(
        folder / workdir.RESULT,
        {
            "gradients": report.quality_records(rows),
            "training": report.training_records(runs),
            "microseconds": {f"{name}, M={m}": value for (name, m), value in costs.items()},
            "broken": broken,
            "seconds": round(time.perf_counter() - started, 1),
            "commit": workdir.commit(),
        },
    )
    logger.info("tables and pictures are in %s (%.0f s)", folder, time.perf_counter() - started)
    if broken:
        for line in broken:
            print(f"error: {line}", file=sys.stderr)
        sys.exit(1)


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
