"""Trains a boundary-seeking GAN on binarised digits.

    python -m experiments.discrete_mnist --workdir=runs/mnist

Trains on real handwritten digits that ship with the package, then scores 10,000 samples by a classifier of real
digits. --preset=mnist_theano and --preset=mnist_cortex run the authors' networks and settings. For images of your own,
``experiments.binary_images`` is the same command under another name, with the same flags.

docs/results/discrete_mnist.md has the measurements, docs/model_card.md the model's limits, and docs/digits_search.md
why these settings. What decides is how many updates fit into the time: a small network, small batches, and the control
variate instead of many samples; and latents that choose a category, without which a generator makes shapes between
digits.
"""

from __future__ import annotations

from typing import Any

from experiments import binary_images
from experiments.binary_images import SMOKE, main
from experiments.harness.cli import command, flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.shared_flags import PresetFlag

# EXPERIMENTS of the paper: the settings of the authors' Theano and PyTorch code.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "mnist_theano": {
        "network": "mnist_theano", "divergence": "gan", "num_samples": 20, "disc_fakes_per_latent": 20,
        "estimator": "boundary_seeking_plain", "batch_size": 64, "learning_rate_gen": 1e-4, "learning_rate_disc": 1e-4,
        "penalty": 0.0, "average_decay": 0.0, "control_variate": False, "latent_categories": 0, "adam_b1": 0.5,
        "steps": 2400,
    },
    "mnist_cortex": {
        "network": "mnist_cortex", "divergence": "jensen_shannon", "num_samples": 10, "disc_fakes_per_latent": 10,
        "estimator": "boundary_seeking_plain", "batch_size": 64, "learning_rate_gen": 1e-3, "learning_rate_disc": 1e-3,
        "penalty": 5.0, "penalty_stride": 1, "average_decay": 0.0,
        "control_variate": False, "latent_categories": 0, "adam_b1": 0.5, "steps": 2400,
    },
}  # fmt: skip


@flags.config(preset=flags.override(choices=tuple(PRESETS)))
class Config(PresetFlag, binary_images.Config):
    """The flags of this experiment."""


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE, presets=PRESETS)

if __name__ == "__main__":
    command.run(COMMAND)
