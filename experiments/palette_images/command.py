"""Trains a boundary-seeking GAN on palette images: 32x32 pixels, each with a categorical distribution over 16 colours.

    python -m experiments.palette_images --workdir=runs/emoji
    python -m experiments.palette_images --workdir=runs/faces --dataset=images:FOLDER_OR_ARCHIVE
    python -m experiments.palette_images --workdir=runs/celeba --preset=celeba16

Trains on emoji that ship with the package, on pictures of your own (cut to 32x32, in 16 colours that are chosen for
them), or on CelebA with the authors' networks and settings. Samples are then measured beside held-out real images:

- colours: shares of the palette, colours of each pixel, colours of neighbouring pixels (``palette_distance``);
- Frechet and kernel distances in the features of a small network that classifies the labels, or rotations where there
  are none (``harness/metrics/distances.py``).

Beside them are the distances of other real images (the floor), of images whose pixels have the right distribution and
are independent, and of the generator before training.

About 8 minutes of one CPU core. docs/results/palette_images.md has the measurements, and what one sees.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable
from typing import Any

import jax

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.runtime import hosts, workdir
from bgan_jax.runtime.platform import Platform
from bgan_jax.sampling.sampler import Sampler
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.shared_flags import PresetFlag
from experiments.harness.runs import discrete
from experiments.harness.runs.experiment import Experiment, Measure, Outcome
from experiments.harness.runs.measured_run import (
    ReferenceMetricFlags,
    check_reference_metric,
    copies_counter,
)
from experiments.harness.runs.run import run
from experiments.harness.runs.seed_results import result_over_seeds
from experiments.harness.runs.start import start
from experiments.palette_images.distances import Reference, baseline_distances, palette_distances, reference_for
from experiments.palette_images.figures import save_comparison, save_over_time
from experiments.palette_images.table import distances_table

logger = logging.getLogger("bgan_jax")

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # The authors' Theano code: 100 epochs of 162,770 faces, palette and dither of Pillow.
    "celeba16": {
        "dataset": "celeba16", "quantizer": "median_cut", "dither": "floyd_steinberg", "network": "dcgan32_categorical",
        "divergence": "gan", "num_samples": 20, "disc_fakes_per_latent": 20, "sample_chunk": 20,
        "estimator": "boundary_seeking_plain", "batch_size": 64, "learning_rate_gen": 1e-3, "learning_rate_disc": 1e-3,
        "adam_b1": 0.5, "penalty": 0.0, "average_decay": 0.0, "steps": 254300,
        "width": None, "latent_categories": 0, "control_variate": False, "judged_samples": 10000,
    },
}  # fmt: skip

SMOKE = {
    "steps": 4, "batch_size": 16, "num_samples": 3, "penalty_stride": 2, "width": 4,
    "report_every": 2, "checkpoint_every": 2, "picture_every": 2, "judged_samples": 100, "judge_steps": 5,
}  # fmt: skip


@flags.config(
    dataset=flags.override("emoji16", legal="a name, images:PATH or npz:PATH"),
    # Whatever the data set, its images are in a palette.
    quantizer=flags.override(needs=[]),
    dither=flags.override(needs=[]),
    network=flags.override("dcgan32_small", choices=("dcgan32_small", "dcgan32_categorical")),
    width=16,
    latent_categories=32,
    steps=3000,
    batch_size=32,
    num_samples=4,
    control_variate=True,
    learning_rate_gen=3e-3,
    learning_rate_disc=2e-3,
    penalty=4.0,
    penalty_stride=4,
    average_decay=0.998,
    preset=flags.override(choices=tuple(PRESETS)),
)
class Config(PresetFlag, ReferenceMetricFlags, discrete.DiscreteConfig):
    """The flags of this experiment."""


def in_palette(config: Config) -> Config:
    """Sets resolution 32 and a palette of 16 colours for images of the user, unless flags give others."""
    if not config.dataset.startswith("images:"):
        return config
    return dataclasses.replace(config, resolution=config.resolution or 32, palette=config.palette or 16)


def prepare(config: Config, platform: Platform) -> Experiment:
    """Prepares a run as :func:`discrete.prepare` does, and refuses data other than palette images."""
    experiment = discrete.prepare(config, platform, kinds=["categorical"])
    check_reference_metric(experiment)
    return experiment


def finish(outcome: Outcome, *, reference: Reference, copies_of: Callable[[Outcome], dict[str, Any]]) -> dict[str, Any]:
    """Measures a trained generator and writes pictures, ``result.json`` and ``result.md``."""
    config, folder, spec = outcome.experiment.config, outcome.folder, outcome.experiment.dataset.spec
    samples = outcome.sample(jax.random.key(config.seed + 1), 64)
    save_comparison(folder / "comparison.png", samples, reference.held_out, spec=spec)
    grids = sorted((folder / workdir.PICTURES).glob("samples_*.png"))
    save_over_time(folder / "over_time.png", grids, side=2 * (spec.shape[0] + 1))
    result = {
        "dataset": spec.name,
        "samples": outcome.measured,
        **baseline_distances(outcome.experiment, reference=reference),
        "protocol": reference.metric.protocol,
        "copies": copies_of(outcome),
        "seed": config.seed,
        "steps": outcome.step,
        "training_seconds": round(outcome.seconds, 1),
        "commit": workdir.commit(),
    }
    write_json(folder / workdir.RESULT, result)
    write_text(folder / "result.md", distances_table(result))
    return result


def make_measure(reference: Reference) -> Measure:
    """Returns the function that ``run`` calls with every sample grid, to measure distances of samples."""

    def measure(experiment: Experiment, step: int, sample: Sampler) -> dict[str, Any]:
        key = jax.random.key(experiment.config.seed + 1)
        found = palette_distances(sample(key, reference.metric.num_samples).x, reference=reference)
        logger.info(
            "step %d: Frechet distance %.2f (real: %.2f), neighbouring colours %.3f bits",
            step, found["frechet"], reference.metric.floor["frechet"], found["neighbor_pairs"],
        )  # fmt: skip
        return found

    return measure


def main(config: Config) -> dict[str, Any] | None:
    """Trains, samples, measures; ``result.json``, ``result.md`` and pictures go to the workdir."""
    config = in_palette(config)
    experiment, folder = start(config, prepare)
    # Only process 0 measures.
    reference = reference_for(experiment) if hosts.is_first() else None
    outcome = run(experiment, folder, measure=None if reference is None else make_measure(reference))
    if outcome.step < config.steps or reference is None:
        return None
    finish_one = functools.partial(finish, reference=reference, copies_of=copies_counter(experiment))
    result = result_over_seeds(outcome, finish_one, table_of=distances_table)
    logger.info("comparison.png, over_time.png, curves.png, result.md and result.json are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE, presets=PRESETS)
