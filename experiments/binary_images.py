"""Trains a boundary-seeking GAN on images of two colours: digits, or any images of your own.

    python -m experiments.binary_images --workdir=runs/drawings --dataset=images:FOLDER_OR_ARCHIVE --resolution=28
    python -m experiments.binary_images --workdir=runs/bits --dataset=npz:BITS.npz

``experiments.discrete_mnist`` is this command for digits, with the authors' settings. Images with labels are scored by
a classifier that learns them, and images without labels by distances of features from held-out images, Frechet and
kernel, in a small network that learns by how many quarters an image is rotated. Both count the samples that copy
training images.

Grey and colour images are binarised: a pixel is 1 above half of the largest intensity, or, with
--binarization=stochastic, with a probability equal to its intensity, drawn again in every step.
"""

from __future__ import annotations

import logging
from typing import Any

import jax

from bgan_jax.atomic_files import write_json
from bgan_jax.runtime import hosts, workdir
from bgan_jax.runtime.platform import Platform
from experiments.harness.cli import command, flags
from experiments.harness.cli.command import Command
from experiments.harness.metrics.image_scores import image_scores
from experiments.harness.runs import discrete
from experiments.harness.runs.experiment import Experiment, Outcome
from experiments.harness.runs.folders import cache_folder
from experiments.harness.runs.measured_run import check_images, open_held_out
from experiments.harness.runs.run import run
from experiments.harness.runs.seed_results import result_over_seeds
from experiments.harness.runs.start import start

logger = logging.getLogger("bgan_jax")

# Those of images whose pixels have logits.
NETWORKS = (
    "dcgan28_tiny", "dcgan28_small", "mnist_theano", "mnist_cortex", "dcgan32_small", "dcgan32_categorical", "mlp",
    "mlp_tanh",
)  # fmt: skip

SMOKE = {
    "steps": 4, "batch_size": 16, "num_samples": 3, "penalty_stride": 2,
    "report_every": 2, "checkpoint_every": 2, "picture_every": 2, "judged_samples": 200, "judge_steps": 60,
}  # fmt: skip


@flags.config()
class ClassifierStepsFlag:
    """How long the classifier of real images learns."""

    judge_steps: int = flags.flag(
        1400, "Training steps of the classifier.", group="evaluation", minimum=1, may_change=True
    )


@flags.config(
    dataset=flags.override(legal="a name, npz:PATH or images:PATH"),
    network=flags.override("dcgan28_tiny", choices=NETWORKS),
    latent_categories=32,
    adam_b1=0.0,
    steps=9000,
    batch_size=32,
    num_samples=4,
    control_variate=True,
    learning_rate_gen=6e-3,
    learning_rate_disc=3e-3,
    penalty=0.5,
    penalty_stride=4,
    average_decay=0.998,
)
class Config(ClassifierStepsFlag, discrete.DiscreteConfig):
    """The flags of this experiment."""

    judged_samples: int = flags.flag(10000, "Samples that are scored.", group="evaluation", minimum=2, may_change=True)


def prepare(config: Config, platform: Platform) -> Experiment:
    """Prepares a run as :func:`discrete.prepare` does, and refuses data that samples cannot be compared with.

    Raises:
      UsageError: a wrong flag, file or folder; data of another kind; no held-out images.
    """
    experiment = discrete.prepare(config, platform, kinds=["binary"])
    if experiment.dataset.labels is None or open_held_out(experiment).labels is None:
        check_images(experiment)
    return experiment


def main(config: Config) -> dict[str, Any] | None:
    """Trains, samples, scores the samples; the result goes to ``result.json``."""
    experiment, folder = start(config, prepare)
    outcome = run(experiment, folder)
    if outcome.step < config.steps or not hosts.is_first():
        return None
    scores = image_scores(
        experiment.dataset,
        open_held_out(experiment),
        folder=cache_folder(config),
        steps=config.judge_steps,
        num_samples=config.judged_samples,
    )

    def finish(one: Outcome) -> dict[str, Any]:
        seed = one.experiment.config.seed
        samples = one.sample(jax.random.key(seed + 1), config.judged_samples)
        result = {
            **scores(samples.x),
            "seed": seed,
            "steps": one.step,
            "training_seconds": round(one.seconds, 1),
            "commit": workdir.commit(),
        }
        write_json(one.folder / workdir.RESULT, result)
        return result

    result = result_over_seeds(outcome, finish)
    logger.info("pictures, curves, metrics, checkpoints and result.json are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)

if __name__ == "__main__":
    command.run(COMMAND)
