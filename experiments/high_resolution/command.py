"""Trains on faces, bedrooms and ImageNet at 64 and 128 pixels: residual networks, gradient-norm penalty.

    python -m experiments.high_resolution --workdir=runs/faces --dataset=images:FOLDER
    python -m experiments.high_resolution --workdir=runs/celeba64 --preset=celeba64 --data_dir=D

Nothing of this size ships with the package: name a data set (celeba64, lsun_bedroom64, imagenet64, and 128), or give a
folder or tar archive of your own pictures, which are cut to their central square and resized to --resolution. The
defaults are a short run of narrow networks, meant for two CPU cores; --preset runs the authors' settings and is written
for an accelerator. --cost_only counts a configuration's arithmetic and stops; it needs no data.
progress.png holds the Frechet distance over the run and the samples beside it.

The first command: about 13 minutes of one CPU core. docs/results/high_resolution.md has the measurements. No preset has
been run; by --cost_only celeba64 takes 2 hours of an accelerator that sustains 40 TFLOP/s, imagenet64 5, celeba128 12,
an estimate.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

from bgan_jax.algorithms.continuous import ContinuousGame, ContinuousSettings, continuous_step
from bgan_jax.algorithms.state import init_state
from bgan_jax.atomic_files import write_json
from bgan_jax.data import DatasetSpec
from bgan_jax.runtime import hosts, workdir
from bgan_jax.runtime.metrics import read_metrics
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.flags import flag
from experiments.harness.cli.shared_flags import PresetFlag
from experiments.harness.errors import UsageError
from experiments.harness.runs import continuous, measured_run
from experiments.harness.runs.cost import Cost, cost_of
from experiments.harness.runs.folders import cache_folder
from experiments.harness.runs.measured_run import MeasuredConfig, reference_metric_of, train_and_measure
from experiments.harness.runs.run_config import optimizers_for, settings_from
from experiments.harness.runs.start import start
from experiments.high_resolution.figures import save_progress
from experiments.high_resolution.smoke_pictures import write_smoke_pictures

logger = logging.getLogger("bgan_jax")

NETWORKS = ("resnet64", "resnet128", "resnet64_roth", "resnet128_roth", "dcgan64", "dcgan128")
# The settings of the authors' code. How long their runs were is not known: CelebA is given the 30 epochs that the code
# has as its default, larger sets as many steps as seemed affordable.
_AUTHORS: dict[str, Any] = {
    "width": None, "batch_size": 64, "learning_rate_gen": 1e-4, "learning_rate_disc": 1e-4, "penalty": 1.0,
    "average_decay": 0.999, "judged_samples": 5000, "judge_steps": 5000, "picture_every": 5000,
    "checkpoint_every": 5000, "report_every": 100,
}  # fmt: skip
_STEPS = {"celeba": 95000, "lsun_bedroom": 200000, "imagenet": 200000}
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    **{
        f"{name}{side}": {**_AUTHORS, "dataset": f"{name}{side}", "network": f"resnet{side}", "steps": steps}
        for name, steps in _STEPS.items()
        for side in (64, 128)
    },
}
SMOKE = {
    "steps": 4, "batch_size": 8, "network": "dcgan64", "width": 2, "report_every": 2, "checkpoint_every": 4,
    "picture_every": 1,
    "judged_samples": 16, "judge_steps": 3,
}  # fmt: skip


@flags.config(
    dataset=flags.override("", legal="a name of images of 64x64 or 128x128 pixels, or images:PATH; must be given"),
    network=flags.override("resnet64", choices=NETWORKS),
    width=8,
    steps=800,
    batch_size=16,
    learning_rate_gen=5e-4,
    learning_rate_disc=5e-4,
    picture_every=100,
    judged_samples=1000,
    judge_steps=800,
    preset=flags.override(choices=tuple(PRESETS)),
)
class Config(PresetFlag, MeasuredConfig):
    """The flags of this experiment."""

    cost_only: bool = flag(
        False, "Count the arithmetic of the run, say how long it would take, and stop.", common=True, may_change=True
    )


def side_of(network: str) -> int:
    """Returns the side of a network's images, from its name.

    Example:
      >>> side_of("resnet128_roth")
      128
    """
    return 128 if "128" in network else 64


def cost_of_config(config: Config) -> Cost:
    """Counts the cost of a run with these flags; no data are needed.

    Raises:
      UsageError: settings that contradict each other.
    """
    side = side_of(config.network)
    try:
        spec = DatasetSpec(name="any", kind="continuous", shape=(side, side, 3), num_values=256)
        networks = continuous.networks_for(vars(config), spec, platform="cpu", axis_name=None)
        settings = settings_from(ContinuousSettings, config)
    except ValueError as error:
        raise UsageError(str(error)) from error
    optimizers = optimizers_for(config)
    game = ContinuousGame(networks=networks, optimizers=optimizers, settings=settings)
    of_one_seed = cost_of(
        lambda state, real, index: continuous_step(state, real, index, game=game),
        lambda key: init_state(key, networks=networks, optimizers=optimizers),
        shape=spec.shape,
        batch_size=config.batch_size,
        disc_steps=config.disc_steps,
        steps=config.steps,
    )
    return of_one_seed._replace(step_flops=config.seeds * of_one_seed.step_flops)


def main(config: Config) -> dict[str, Any] | None:
    """Trains, samples, measures; the result goes to ``result.json``, distances over the run to measurements.jsonl."""
    if config.cost_only:
        cost = cost_of_config(config)
        logger.info("%s, width %s, batch %d: %s", config.network, config.width or "of the preset", config.batch_size,
                    cost.in_words())  # fmt: skip
        return cost.as_json()
    if not config.dataset and config.smoke:
        pictures = write_smoke_pictures(cache_folder(config), side=side_of(config.network))
        config = dataclasses.replace(config, dataset=f"npz:{pictures}")
    if not config.dataset:
        raise UsageError(
            "--dataset is needed, since no pictures of this size ship with the package: --dataset=images:PATH for a "
            "folder or tar archive of your own, or celeba64, lsun_bedroom64, imagenet64 (also 128) with --data_dir"
        )
    if config.dataset.startswith("images:") and config.resolution is None:
        config = dataclasses.replace(config, resolution=side_of(config.network))
    experiment, folder = start(config, measured_run.prepare)
    reference_metric = reference_metric_of(experiment) if hosts.is_first() else None
    cost = cost_of_config(config)
    if hosts.is_first():
        logger.info("%s", cost.in_words())
    outcome, result = train_and_measure(experiment, folder, reference_metric=reference_metric, cost=cost.as_json())
    if result is None or reference_metric is None:
        return None
    measured = read_metrics(folder / workdir.MEASUREMENTS)
    result |= {"course": [{name: line[name] for name in ("step", "frechet", "kernel")} for line in measured]}
    write_json(folder / workdir.RESULT, result)
    for one in outcome.per_seed or [outcome]:
        save_progress(
            one.folder / "progress.png",
            read_metrics(one.folder / workdir.MEASUREMENTS),
            pictures=one.folder / workdir.PICTURES,
            floor=reference_metric.floor["frechet"],
            title=f"{Path(config.dataset).name}, {experiment.title.split(', ', 1)[1]}, width {config.width}",
        )
    logger.info("progress.png, pictures, curves, %s and result.json are in %s", workdir.MEASUREMENTS, folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE, presets=PRESETS)
