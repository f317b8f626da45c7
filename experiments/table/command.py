"""Trains a boundary-seeking GAN on a table, and writes rows like its own.

    python -m experiments.table --workdir=runs/commute
    python -m experiments.table --workdir=runs/mine --dataset=csv:MINE.csv
    python -m experiments.sample --workdir=runs/mine --num=10000 --out=synthetic.csv

The table is a CSV file, also compressed, or Parquet; what its columns hold is inferred and shown, and
``docs/own_data.md`` says how. Every column is a categorical variable of its own size, missing values and bins of
numbers included, so nothing is relaxed. One column is given, --given_column: its categories are drawn by their shares,
and both networks are conditional on it. Every fifth row is held out, and samples are compared with those:

- columns and pairs of columns, by total variation; pairs.png shows every pair, result.md the worst;
- a classifier that is trained on samples and predicts --label of held-out rows, and one that tells samples from
  held-out rows (extra: tables);
- the quality report of sdmetrics (extra: sdmetrics), whose trends leave out pairs of weak association;
- copies of training rows, beside those that held-out rows have by chance.

Beside them are the scores of real training rows (the floor), of a Chow-Liu tree, and of independent columns (the
ceiling). The one number is the share of the dependence between columns that samples keep.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import jax

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.evaluation import table_forests
from bgan_jax.runtime import hosts, workdir
from bgan_jax.runtime.platform import Platform
from bgan_jax.sampling.sampler import Sampler
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.needs import one_of
from experiments.harness.runs import discrete
from experiments.harness.runs.experiment import Experiment, Measure, Outcome
from experiments.harness.runs.measured_run import open_held_out
from experiments.harness.runs.run import run
from experiments.harness.runs.seed_results import result_over_seeds
from experiments.harness.runs.start import start
from experiments.harness.runs.table_label import label_of
from experiments.table.figures import save_pairs
from experiments.table.scores import Reference, baselines, kept, pair_scores, reference_of, scores, worst
from experiments.table.table import scores_table

logger = logging.getLogger("bgan_jax")

SMOKE = {
    "steps": 4, "batch_size": 16, "num_samples": 3, "penalty_stride": 2, "width": 8,
    "report_every": 2, "checkpoint_every": 2, "picture_every": 2, "judged_samples": 200,
}  # fmt: skip


@flags.config(
    dataset=flags.override("commute", legal="commute or csv:FILE"),
    network=flags.override("residual_mlp", choices=("residual_mlp", "mlp")),
    steps=6000,
    batch_size=256,
    num_samples=4,
    learning_rate_gen=4e-3,
    learning_rate_disc=4e-3,
    learning_rate_half_life=2000,
    control_variate=True,
    penalty=0.5,
    penalty_stride=4,
    average_decay=0.999,
    picture_every=1000,
    checkpoint_every=1000,
    report_every=100,
)
class Config(discrete.DiscreteConfig):
    """The flags of this experiment."""

    given_column: str | None = flags.flag(
        None, "Column that both networks are conditional on: its categories are drawn by their shares, and the other "
        "columns are learned given them. Empty: the one that is --label by default; none: no column.", group="networks",
        legal="a learned column's name, or none", needs=[one_of("network", "residual_mlp")],
    )  # fmt: skip
    match_shares: bool = flags.flag(
        False, "Move the generator's last bias, in the average that samples are drawn with, until every column has the "
        "shares of the training rows; for large tables, where it moves little. Training does not see it.",
        group="evaluation", may_change=True, needs=[one_of("network", "residual_mlp")],
    )  # fmt: skip
    judged_samples: int = flags.flag(
        20000, "Rows that are scored; at most as many as there are training rows.", group="evaluation", minimum=2,
        may_change=True,
    )  # fmt: skip
    label: str | None = flags.flag(
        None, "Column that classifiers predict. Empty: one called class, label or target, else the first category.",
        group="evaluation", legal="a learned column's name", may_change=True,
    )  # fmt: skip


def prepare(config: Config, platform: Platform) -> Experiment:
    """Prepares a run as :func:`discrete.prepare` does, and refuses data other than tables.

    Raises:
      UsageError: a wrong flag, file or folder; data of another kind.
    """
    experiment = discrete.prepare(config, platform, kinds=["table"])
    open_held_out(experiment)
    label_of(experiment.dataset.spec, config.label)
    return experiment


def make_reference(experiment: Experiment) -> Reference:
    """Makes what samples are compared with."""
    config: Any = experiment.config
    return reference_of(
        experiment.dataset, open_held_out(experiment), num_samples=config.judged_samples, label=config.label
    )


def finish(outcome: Outcome, *, reference: Reference, beside: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    """Measures a trained generator and writes ``pairs.png``, ``result.json`` and ``result.md``."""
    config, folder = outcome.experiment.config, outcome.folder
    rows = outcome.sample(jax.random.key(config.seed + 1), reference.num_samples).x.astype(int)
    found, distances = scores(reference, rows, forests=table_forests.available())
    baseline, panels = beside
    share = kept(found["pairs"], baseline)
    result = {
        "dataset": reference.spec.name,
        "kept_dependence": share,
        "samples": found,
        **baseline,
        **worst(reference, distances, panels["real"]),
        "label": reference.names[reference.label],
        "num_samples": reference.num_samples,
        "seed": config.seed,
        "steps": outcome.step,
        "training_seconds": round(outcome.seconds, 1),
        "commit": workdir.commit(),
    }
    write_json(folder / workdir.RESULT, result)
    write_text(folder / "result.md", scores_table(result))
    save_pairs(
        folder / "pairs.png",
        {"real training rows": panels["real"], "samples": distances, "independent columns": panels["independent"]},
        names=reference.names,
        title=f"{share:.0%} of the dependence between columns is kept",
    )
    logger.info("%.1f %% of the dependence between columns is kept", 100 * share)
    return result


def make_measure(reference: Reference) -> Measure:
    """Returns the function that ``run`` calls with every picture, to compare pairs of columns."""
    floor, _ = pair_scores(reference, reference.train)

    def measure(experiment: Experiment, step: int, sample: Sampler) -> dict[str, Any]:
        rows = sample(jax.random.key(experiment.config.seed + 1), reference.num_samples).x.astype(int)
        found, _ = pair_scores(reference, rows)
        logger.info(
            "step %d: total variation %.3f of columns, %.3f of pairs (real rows: %.3f, %.3f)",
            step, found["columns"], found["pairs"], floor["columns"], floor["pairs"],
        )  # fmt: skip
        return {name: round(value, 4) for name, value in found.items()}

    return measure


def main(config: Config) -> dict[str, Any] | None:
    """Trains, samples, measures; the result goes to ``result.json`` and ``result.md``."""
    experiment, folder = start(config, prepare)
    reference = make_reference(experiment) if hosts.is_first() else None  # Only process 0 measures.
    outcome = run(experiment, folder, measure=None if reference is None else make_measure(reference))
    if outcome.step < config.steps or reference is None:
        return None
    if not table_forests.available():
        logger.warning("no scores by classifiers, which need an extra: pip install 'bgan_jax[tables]'")
    beside = baselines(reference, forests=table_forests.available(), seed=config.seed)
    result = result_over_seeds(
        outcome, functools.partial(finish, reference=reference, beside=beside), table_of=scores_table
    )
    logger.info("rows, curves, pairs.png, result.md and result.json are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
