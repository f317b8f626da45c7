"""Trains all seeds of one objective in one compiled step."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.continuous import ContinuousGame, continuous_step
from bgan_jax.algorithms.state import TrainState
from bgan_jax.evaluation.planar import PlanarTarget, sample_planar
from bgan_jax.losses import GENERATOR_OBJECTIVES
from bgan_jax.runtime.nonfinite import NonFiniteError
from experiments.harness.metrics.mean_and_sd import mean_and_sd
from experiments.toy2d import figures
from experiments.toy2d.measurement import Observe, make_take_snapshot

logger = logging.getLogger("bgan_jax")


def make_advance(
    game: ContinuousGame, target: PlanarTarget, *, batch_size: int, steps: int
) -> Callable[[TrainState], tuple[TrainState, dict[str, jax.Array]]]:
    """Compiles ``steps`` training steps of all seeds; dense layers are faster inside the scan.

    Args:
      game: networks, optimizers and settings.
      target: the distribution to learn.
      batch_size: data points, and latents, per step.
      steps: training steps per call.

    Returns:
      ``states -> (states, metrics of every step)``; takes over the memory of its argument.
    """

    def one_seed(state: TrainState) -> tuple[TrainState, dict[str, jax.Array]]:
        # A stream of keys of its own: the step folds in small numbers, so a large one cannot collide with them.
        data_key = jax.random.fold_in(jax.random.fold_in(state.key, state.step), 0x0DA7A)
        real = sample_planar(data_key, target, num_samples=game.settings.disc_steps * batch_size)
        real = real.reshape(game.settings.disc_steps, batch_size, 2)
        return continuous_step(state, real, jnp.arange(batch_size), game=game)

    @functools.partial(jax.jit, donate_argnums=0)
    def advance(states: TrainState) -> tuple[TrainState, dict[str, jax.Array]]:
        return jax.lax.scan(lambda states, _: jax.vmap(one_seed)(states), states, None, length=steps)

    return advance


def train_objective(
    game: ContinuousGame,
    target: PlanarTarget,
    *,
    start: TrainState,
    observe: Observe,
    batch_size: int,
    steps: int,
    frames: int,
) -> tuple[figures.Column, dict[str, Any]]:
    """Trains all seeds of one objective.

    Args:
      game: networks, optimizers and settings, the objective among them.
      target: the distribution to learn.
      start: states of all seeds at step 0, the same for every objective.
      observe: from :func:`make_observe`.
      batch_size: data points, and latents, per step.
      steps: training steps, a multiple of ``frames``.
      frames: snapshots after the first.

    Returns:
      The objective's column of the figure, and its row of the table.

    Raises:
      NonFiniteError: a metric was not finite.
    """
    objective = game.settings.objective
    began = time.monotonic()
    states = jax.tree.map(jnp.array, start)  # a copy, because ``advance`` takes over its memory
    advance = make_advance(game, target, batch_size=batch_size, steps=steps // frames)
    take_snapshot = make_take_snapshot(game, observe)
    snapshots = [take_snapshot(states)]
    for _ in range(frames):
        states, metrics = advance(states)
        bad = sorted(name for name, value in metrics.items() if not np.isfinite(value).all())
        snapshots.append(take_snapshot(states))
        if bad:
            raise NonFiniteError(
                f"{objective}: by step {snapshots[-1].frame.step} these were not finite: {', '.join(bad)}"
            )
    modes, quality = (
        np.stack([getattr(snapshot.coverage, name) for snapshot in snapshots], axis=1).astype(float)
        for name in ("modes_covered", "high_quality_fraction")
    )
    column = figures.Column(
        title=figures.column_title(objective),
        boundary=GENERATOR_OBJECTIVES[game.settings.objective].boundary,
        frames=[snapshot.frame for snapshot in snapshots],
        steps=np.array([snapshot.frame.step for snapshot in snapshots]),
        modes=modes,
        quality=quality,
    )
    last = snapshots[-1]
    row: dict[str, Any] = {"objective": objective, "penalty_form": game.settings.penalty_form}
    for name, values in {
        "modes_covered": modes[:, -1],
        "high_quality_fraction": quality[:, -1],
        "share_divergence": last.coverage.share_divergence,
        "mean_logit": last.logits.mean(axis=1),
        "logit_deviation": last.logits.std(axis=1),
    }.items():
        row[name], row[f"{name}_sd"] = mean_and_sd(np.asarray(values, float).tolist()).rounded(4)
    row["seconds"] = round(time.monotonic() - began, 1)
    logger.info(
        "%s: modes covered %.1f of %d, high quality %.3f, over %d seeds, %.0f s", objective, modes[:, -1].mean(),
        len(target.centers), quality[:, -1].mean(), len(modes), row["seconds"],
    )  # fmt: skip
    return column, row
