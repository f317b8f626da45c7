"""Over-trains the generator, five updates for every one of the discriminator, by three objectives.

    python -m experiments.stability --workdir=runs/stability

Section 3 of the paper: a DCGAN with Roth's gradient-norm penalty, the generator's updates outnumbering the
discriminator's, by the variational lower bound (minimax), the proxy (non_saturating), and boundary seeking. First every
objective runs from the same seeds (curves.png, samples.png), then once for every learning rate and ratio of a map
(map.png). Every trial is a run of its own in cells/, as by experiments.continuous_images: rerun the same command to
resume after a stop, or with more seeds, ratios or rates to add runs. All trials take as many discriminator updates, so
a higher ratio means more generator updates, not fewer of the discriminator's.

About 17 minutes of two CPU cores. docs/results/stability.md has the measurements.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.losses import GENERATOR_OBJECTIVES
from bgan_jax.paths import path_of
from bgan_jax.runtime import workdir
from bgan_jax.runtime.platform import this_process
from experiments import continuous_images
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.compilation_cache import enable_compilation_cache
from experiments.harness.cli.flags import flag
from experiments.harness.cli.lists import names_of, split_list
from experiments.harness.cli.needs import given
from experiments.harness.cli.shared_flags import SmokeFlag, WorkdirFlag
from experiments.harness.errors import UsageError
from experiments.harness.metrics.distances import ReferenceMetric
from experiments.harness.runs import continuous, measured_run
from experiments.harness.runs.folders import check_workdir, open_folder
from experiments.harness.runs.measured_run import ReferenceMetricFlags, reference_metric_of
from experiments.harness.runs.run_flags import (
    CompilationFlags,
    ImageFlags,
    LengthFlags,
    NetworkFlags,
    PenaltyFlag,
)
from experiments.stability.figures import save_figures
from experiments.stability.results import read_curves, summarize_objectives, trial_row, trials_table
from experiments.stability.sweep import FOLDER, Sweep, Trial, run_trial, updates_per_step

logger = logging.getLogger("bgan_jax")

SMOKE = {
    "objectives": "minimax,boundary_seeking", "learning_rates": "1e-3", "ratio": "1:1", "ratios": "1:1", "seeds": 1,
    "steps": 4, "batch_size": 16, "width": 4, "pictures": 2, "judged_samples": 100, "judge_steps": 5,
}  # fmt: skip
REPORTS = 20


@flags.config(
    dataset=flags.override("emoji32", legal="a name of images of 32x32 pixels, such as cifar10, or images:PATH"),
    steps=flags.override(300, may_change=False),
    network=flags.override("dcgan32_cortex", choices=continuous.IMAGE_NETWORKS),
    width=16,
    judged_samples=flags.override(1000, may_change=False),
)
class Config(
    SmokeFlag, CompilationFlags, ReferenceMetricFlags, PenaltyFlag, NetworkFlags, LengthFlags, ImageFlags, WorkdirFlag
):
    """The flags of this experiment."""

    objectives: str = flag(
        "minimax,non_saturating,boundary_seeking", "What generators minimise; the names separated by commas.",
        group="generator", common=True, legal=", ".join(GENERATOR_OBJECTIVES), may_change=True,
    )  # fmt: skip
    ratio: str = flag(
        "5:1", "Generator updates to discriminator updates of the curves.", group="curves", common=True, may_change=True
    )
    learning_rate: float = flag(
        1e-3, "Adam's step size, of both players, of the curves.", group="curves", common=True, minimum=0.0,
        may_change=True,
    )  # fmt: skip
    seeds: int = flag(
        2, "Number of runs of each objective, with the seed 0 and those after it.", group="curves", common=True,
        minimum=1, may_change=True,
    )  # fmt: skip
    ratios: str = flag(
        "1:1,5:1", "Ratios of the map, separated by commas; empty: no map.", group="map", common=True, may_change=True,
        needs=[given("learning_rates")],
    )  # fmt: skip
    learning_rates: str = flag(
        "1e-3,5e-3", "Step sizes of the map, separated by commas; empty: no map.", group="map", common=True,
        may_change=True, needs=[given("ratios")],
    )  # fmt: skip
    pictures: int = flag(4, "Moments of a run at which samples are shown and measured.", group="evaluation", minimum=1)


def sweep_of(config: Config) -> Sweep:
    """Lists the trials that the flags ask for.

    Raises:
      UsageError: a list holds something that is not legal.
    """
    objectives = names_of("objectives", config.objectives, legal=GENERATOR_OBJECTIVES)
    ratios = split_list(config.ratios)
    for ratio in [config.ratio, *ratios]:
        updates_per_step(ratio)
    try:
        learning_rates = [float(text) for text in split_list(config.learning_rates)]
    except ValueError as error:
        raise UsageError(f"--learning_rates={config.learning_rates} holds something that is not a number") from error
    if not all(0.0 < rate < 1.0 for rate in learning_rates):
        raise UsageError(f"--learning_rates={config.learning_rates}: step sizes lie between 0 and 1")
    return Sweep(
        objectives=objectives,
        learning_rates=learning_rates,
        ratios=ratios,
        curves=[
            Trial(objective, config.learning_rate, config.ratio, seed)
            for seed in range(config.seeds)
            for objective in objectives
        ],
        map=[
            Trial(objective, rate, ratio, 0) for ratio in ratios for rate in learning_rates for objective in objectives
        ],
    )


def run_config(config: Config, trial: Trial) -> continuous_images.Config:
    """Returns the flags of a trial's run."""
    gen_steps, disc_steps = updates_per_step(trial.ratio)
    shared = ("dataset", "data_dir", "cache_dir", "download", "resolution", "value_range", "steps", "batch_size",
              "network", "width", "penalty", "judged_samples", "judge_steps", "features", "reference_features",
              "compilation_cache")  # fmt: skip
    return continuous_images.Config(
        **{name: getattr(config, name) for name in shared},
        workdir=str(path_of(config.workdir) / FOLDER / trial.name),
        objective=trial.objective,
        penalty_form="gradient_norm" if GENERATOR_OBJECTIVES[trial.objective].uses_divergence else "unweighted",
        learning_rate_gen=trial.learning_rate,
        learning_rate_disc=trial.learning_rate,
        gen_steps=gen_steps,
        disc_steps=disc_steps,
        seed=trial.seed,
        # The newest generator, not an average over the steps, which would hide how unsteady they are.
        average_decay=0.0,
        report_every=max(config.steps // REPORTS, 1),
        picture_every=max(config.steps // config.pictures, 1),
        checkpoint_every=config.steps,
        keep_checkpoints=1,
    )


def open_sweep(config: Config, sweep: Sweep) -> tuple[Path, ReferenceMetric]:
    """Checks every trial's flags, opens the workdir, and prepares the measurement of samples.

    Raises:
      UsageError: a wrong flag, file or folder; nothing has been overwritten.
    """
    check_workdir(config, holds="the results and every run of the sweep go there")
    platform = this_process()
    experiments = [measured_run.prepare(run_config(config, trial), platform) for trial in sweep.trials]
    folder, first = open_folder(config), experiments[0]
    return folder, reference_metric_of(first)


def main(config: Config) -> dict[str, Any] | None:
    """Runs the trials that are not finished, then writes figures and tables; ``None`` when stopped by a signal."""
    sweep = sweep_of(config)
    if config.compilation_cache:
        enable_compilation_cache()
    folder, reference_metric = open_sweep(config, sweep)
    rows, curves = [], {}
    for number, trial in enumerate(sweep.trials, start=1):
        logger.info("run %d of %d: %s", number, len(sweep.trials), trial.name)
        result = run_trial(run_config(config, trial), trial, reference_metric)
        if result is None:
            return None
        curves[trial] = read_curves(folder / FOLDER / trial.name)
        rows.append(trial_row(trial, result, curves[trial]))
    results = {
        "over_trained": summarize_objectives(rows, sweep),
        "cells": rows,
        "floor": reference_metric.floor,
        "protocol": reference_metric.protocol,
        "commit": workdir.commit(),
    }
    floor, title = reference_metric.floor["frechet"], config.dataset.split("/")[-1]
    save_figures(folder, sweep, rows, curves, floor=floor, title=title)
    write_text(folder / "result.md", trials_table(rows, floor=floor))
    write_json(folder / workdir.RESULT, results)
    logger.info("map.png, curves.png, samples.png, result.md and result.json are in %s", folder)
    return results


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
