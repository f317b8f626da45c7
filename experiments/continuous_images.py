"""Trains on images of real-valued pixels, by any of the generator objectives that the paper compares.

    python -m experiments.continuous_images --workdir=runs/images
    python -m experiments.continuous_images --workdir=runs/proxy --objective=non_saturating
    python -m experiments.continuous_images --workdir=runs/minimax --objective=minimax

Trains a DCGAN on emoji that ship with the package, then measures Frechet and kernel distances of samples from held-out
pictures, in the features of a small network trained on the real set, beside the floor, the distance of real pictures.
The same trainer takes every objective, every divergence for F, every regulariser, n discriminator and m generator
updates. --preset=cifar_overtrain, celeba64 and resnet64 run the settings of the authors' code.

--features takes EfficientNet-Lite0, the Inception network of FID or a function of your own in place of the small
network.

About 12 minutes of two CPU cores. docs/results/continuous_images.md has the measurements.
"""

from __future__ import annotations

import logging
from typing import Any

from bgan_jax.runtime import hosts, workdir
from experiments.harness.cli import command, flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.shared_flags import PresetFlag
from experiments.harness.runs import continuous, measured_run
from experiments.harness.runs.measured_run import MeasuredConfig, reference_metric_of, train_and_measure
from experiments.harness.runs.start import start

logger = logging.getLogger("bgan_jax")

# EXPERIMENTS of the paper: settings of the authors' Theano and PyTorch code.
_AUTHORS: dict[str, Any] = {
    "batch_size": 64, "learning_rate_gen": 1e-4, "learning_rate_disc": 1e-4, "average_decay": 0.0, "width": None,
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "cifar_overtrain": {
        **_AUTHORS, "dataset": "cifar10", "network": "dcgan32_cortex", "gen_steps": 5, "penalty": 1.0, "steps": 78000,
    },
    "celeba64": {
        **_AUTHORS, "dataset": "celeba64", "network": "dcgan64", "objective": "boundary_seeking_centered",
        "penalty": 0.0, "steps": 127000,
    },
    "resnet64": {**_AUTHORS, "dataset": "celeba64", "network": "resnet64", "penalty": 1.0, "steps": 95000},
}  # fmt: skip

SMOKE = {
    "steps": 4, "batch_size": 16, "width": 4, "report_every": 2, "checkpoint_every": 2, "picture_every": 2,
    "judged_samples": 100, "judge_steps": 5,
}  # fmt: skip


@flags.config(
    dataset=flags.override("emoji32", legal="a name, npz:PATH or images:PATH"),
    network=flags.override("dcgan32_cortex", choices=continuous.IMAGE_NETWORKS),
    width=32,
    steps=3000,
    learning_rate_gen=5e-4,
    learning_rate_disc=5e-4,
    average_decay=0.995,
    preset=flags.override(choices=tuple(PRESETS)),
)
class Config(PresetFlag, MeasuredConfig):
    """The flags of this experiment."""


def main(config: Config) -> dict[str, Any] | None:
    """Trains, samples, measures; the result goes to ``result.json``, distances over the run to measurements.jsonl."""
    experiment, folder = start(config, measured_run.prepare)
    reference_metric = reference_metric_of(experiment) if hosts.is_first() else None
    _, result = train_and_measure(experiment, folder, reference_metric=reference_metric)
    if result is not None:
        logger.info("pictures, curves, %s and result.json are in %s", workdir.MEASUREMENTS, folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE, presets=PRESETS)

if __name__ == "__main__":
    command.run(COMMAND)
