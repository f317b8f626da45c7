"""Trains the discriminator alone, after both players, while the generator stays fixed."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from bgan_jax.algorithms.continuous import ContinuousGame, ContinuousSettings, Metrics, train_discriminator
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.state import TrainState
from bgan_jax.paths import path_of
from bgan_jax.runtime import parallel
from experiments.harness.runs import continuous
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.folders import open_folder
from experiments.harness.runs.measured_run import MeasuredConfig
from experiments.harness.runs.run import run
from experiments.harness.runs.run_config import optimizers_for, settings_from

# Folder of the discriminator's own run, in the workdir.
FOLDER = "discriminator"


def discriminator_step(
    state: TrainState, real: jax.Array, example_index: jax.Array, *, game: ContinuousGame, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """Updates the discriminator once and leaves the generator as it is; arguments as those of ``continuous_step``."""
    fakes = generate(state, jax.random.fold_in(state.key, state.step), example_index, networks=game.networks)
    state, metrics = train_discriminator(state, real[0], fakes, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), metrics


def train_discriminator_alone(
    config: MeasuredConfig, trained: TrainState, experiment: Experiment, folder: Path, *, steps: int
) -> TrainState | None:
    """Trains the discriminator of a finished run, as a run of its own in a subfolder.

    Args:
      config: flags of the finished run.
      trained: its last state.
      experiment: the finished run.
      folder: its workdir.
      steps: discriminator updates.

    Returns:
      The last state; ``None`` when the run was stopped by a signal.
    """
    alone = dataclasses.replace(
        config, workdir=str(folder / FOLDER), steps=steps, disc_steps=1, gen_steps=1, picture_every=0,
        checkpoint_every=steps,
    )  # fmt: skip
    settings = settings_from(ContinuousSettings, alone)
    host = parallel.to_host(trained)

    def step_over(axis_name: str | None) -> Any:
        platform = experiment.launcher.platform
        networks = continuous.networks_for(
            vars(config), experiment.dataset.spec, platform=platform.name, axis_name=axis_name
        )
        game = ContinuousGame(
            networks=networks, optimizers=optimizers_for(config), settings=settings, flat_mean=platform.on_cpu
        )
        return functools.partial(discriminator_step, game=game)

    open_folder(alone)
    outcome = run(
        experiment._replace(
            config=alone,
            initialize=lambda key: jax.tree.map(jnp.asarray, host.replace(key=jax.random.wrap_key_data(host.key))),
            step_over=step_over,
            title=f"{config.dataset}, the discriminator alone",
        ),
        path_of(alone.workdir),
    )
    return outcome.state if outcome.step == alone.steps else None
