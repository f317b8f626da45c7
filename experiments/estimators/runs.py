"""The training runs on one target: with exact gradients, against the optimal discriminator, against a trained one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

import jax

from bgan_jax.evaluation.enumerable import EnumerableTarget
from experiments.estimators.gradients import ESTIMATED_LOSSES
from experiments.estimators.training import Curves, TrainingSettings, train_curves

logger = logging.getLogger("bgan_jax")

# Estimators that are also run against a trained discriminator.
TRAINED = ("boundary_seeking", "boundary_seeking_marginal", "boundary_seeking_marginal_plain", "reinforce",
           "reinforce_moving_average", "reinforce_learned_baseline")  # fmt: skip


class Run(NamedTuple):
    """A training run of several seeds.

    Attributes:
      target: name of p.
      discriminator: ``"optimal"``, ``"trained"``, or ``"exact"`` for exact gradients.
      name: the estimator; with exact gradients, the loss.
      curves: exact divergences over the run.
      microseconds: of one step.
    """

    target: str
    discriminator: str
    name: str
    curves: Curves
    microseconds: float


def train_all(
    target: EnumerableTarget, estimators: Sequence[str], *, settings: TrainingSettings, seed: int, num_seeds: int
) -> list[Run]:
    """Trains every run on one target.

    Args:
      target: p.
      estimators: what runs use against the optimal discriminator; a subset also against a trained one.
      settings: of all runs.
      seed: of initial tables and samples.
      num_seeds: seeds of each run.

    Returns:
      The runs: those with exact gradients first, then against the optimal, then against the trained discriminator.
    """
    losses = dict.fromkeys(ESTIMATED_LOSSES[estimator][0] for estimator in estimators)
    plan = [
        *(("exact", loss) for loss in losses),
        *(("optimal", estimator) for estimator in estimators),
        *(("trained", estimator) for estimator in TRAINED if estimator in estimators),
    ]
    runs = []
    for discriminator, name in plan:
        curves, seconds = train_curves(
            jax.random.fold_in(jax.random.key(seed), 1000), target, name, settings=settings,
            discriminator=discriminator, num_seeds=num_seeds,
        )  # fmt: skip
        per_step = 1e6 * seconds / (num_seeds * settings.steps * (1 + 1 / settings.records))
        runs.append(
            Run(target=target.name, discriminator=discriminator, name=name, curves=curves, microseconds=per_step)
        )
    best = min(runs, key=lambda run: run.curves.kl[:, -1].mean())
    logger.info("%s: %d runs, best %s, KL %.4f", target.name, len(runs), best.name, best.curves.kl[:, -1].mean())
    return runs
