"""A run on continuous images whose samples are measured during training: distances at every sample grid and at the end.

Commands that train one such run, or many, call :func:`train_and_measure`.
"""

from __future__ import annotations

import logging
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from bgan_jax.atomic_files import write_json
from bgan_jax.data import Dataset
from bgan_jax.runtime import workdir
from bgan_jax.runtime.platform import Platform
from bgan_jax.sampling.sampler import Sampler
from experiments.harness.cli import flags
from experiments.harness.cli.flags import flag
from experiments.harness.cli.needs import none_of, one_of
from experiments.harness.errors import UsageError
from experiments.harness.metrics.copies import MAX_SAMPLES, copied_images
from experiments.harness.metrics.distances import (
    ReferenceMetric,
    check_features,
    classifier_extractor,
    held_out_features,
    make_reference_metric,
    sample_distances,
)
from experiments.harness.metrics.extractors import CLASSIFIER, LEGAL, extractor_for, load_reference
from experiments.harness.runs import continuous
from experiments.harness.runs.continuous import ContinuousConfig
from experiments.harness.runs.experiment import Experiment, Measure, Outcome
from experiments.harness.runs.folders import cache_folder
from experiments.harness.runs.run import run
from experiments.harness.runs.run_config import open_split
from experiments.harness.runs.seed_results import result_over_seeds

logger = logging.getLogger("bgan_jax")

# Two disjoint subsets of two each, which the kernel distance averages over.
FEWEST_IMAGES = 4
# Names of splits that generators do not learn from, the better one first.
HELD_OUT = ("test", "validation", "valid", "val")


@flags.config()
class ReferenceMetricFlags:
    """Flags of every command that measures distances of images."""

    judged_samples: int = flag(2000, "Samples of every measurement.", group="evaluation", minimum=4, may_change=True)
    features: str = flag(
        CLASSIFIER, "What distances compare. judge is a small classifier trained on the real set; EfficientNet-Lite0's "
        "weights come with bgan_jax[features]; inception:FILE takes the file that pytorch-fid reads; a function of "
        "your own takes uint8 images [N, H, W, C] and gives [N, D].", group="evaluation", legal=LEGAL,
    )  # fmt: skip
    judge_steps: int = flag(
        1000, "Training steps of the classifier whose features are compared.", group="evaluation", minimum=1,
        may_change=True, needs=[one_of("features", CLASSIFIER)],
    )  # fmt: skip
    reference_features: str | None = flag(
        None, "An npz file with the features [images, D] of the reference, in place of the held-out split's.",
        group="evaluation", needs=[none_of("features", CLASSIFIER)],
    )  # fmt: skip


@flags.config()
class MeasuredConfig(ReferenceMetricFlags, ContinuousConfig):
    """Flags of a run on continuous images whose samples are measured."""


def prepare(config: MeasuredConfig, platform: Platform) -> Experiment:
    """Prepares a run as :func:`continuous.prepare` does, and checks the flags of the measurement.

    Raises:
      UsageError: a wrong flag, file or folder.
    """
    experiment = continuous.prepare(config, platform)
    check_reference_metric(experiment)
    return experiment


def check_reference_metric(experiment: Experiment) -> None:
    """Refuses flags and data that no reference metric can be made of.

    Raises:
      UsageError: an unknown extractor, features that cannot be read or are not the extractor's, no held-out split, or
        too few images.
    """
    config: Any = experiment.config
    train, extractor = experiment.dataset, extractor_for(config.features)
    if config.reference_features is None:
        check_images(experiment)
    elif extractor is None:
        raise UsageError(
            "--reference_features needs --features: the default features are of a classifier that the run itself trains"
        )
    else:
        reference = load_reference(config.reference_features)
        check_features(extractor, train, reference=reference, reference_name=Path(config.reference_features).name)


def check_images(experiment: Experiment) -> None:
    """Refuses images that no distance can be computed of.

    Raises:
      UsageError: there are too few, or no held-out ones.
    """
    name = experiment.config.dataset
    counts = {"training": len(experiment.dataset), "held-out": len(open_held_out(experiment))}
    few = [f"{number} {split}" for split, number in counts.items() if number < FEWEST_IMAGES]
    if few:
        raise UsageError(
            f"--dataset={name} has {' and '.join(few)} images, and distances need at least {FEWEST_IMAGES} of each"
        )


def open_held_out(experiment: Experiment) -> Dataset:
    """Opens the split of the run's data set that its generator does not learn from.

    Raises:
      UsageError: there is none.
    """
    config, splits = experiment.config, experiment.dataset.spec.splits
    held_out = next((split for split in HELD_OUT if split in splits), None)
    if held_out is None:
        raise UsageError(
            f"--dataset={config.dataset} has no held-out split: it has {', '.join(splits)}, and one of "
            f"{', '.join(HELD_OUT)} is needed"
        )
    try:
        return open_split(config, held_out)
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error


def reference_metric_of(experiment: Experiment) -> ReferenceMetric:
    """Makes the metric of ``--judged_samples`` samples of a run, in ``--features``.

    Raises:
      UsageError: see :func:`check_reference_metric`; or the reference's features are not the extractor's.
    """
    config: Any = experiment.config
    extractor = extractor_for(config.features) or classifier_extractor(
        experiment.dataset, folder=cache_folder(config), steps=config.judge_steps
    )
    if config.reference_features is None:
        reference, name = held_out_features(extractor, open_held_out(experiment))
    else:
        reference, name = load_reference(config.reference_features), Path(config.reference_features).name
    return make_reference_metric(
        experiment.dataset,
        extractor=extractor,
        reference=reference,
        reference_name=name,
        num_samples=config.judged_samples,
    )


def make_measure(reference_metric: ReferenceMetric) -> Measure:
    """Returns the function that ``run.run`` calls with every sample grid, to measure distances of samples."""

    def measure(experiment: Experiment, step: int, sample: Sampler) -> dict[str, Any]:
        samples = sample(jax.random.key(experiment.config.seed + 1), reference_metric.num_samples)
        found = sample_distances(reference_metric, samples.x, spec=experiment.dataset.spec)
        logger.info("step %d: Frechet distance %.2f (real pictures: %.2f)", step, found["frechet"],
                    reference_metric.floor["frechet"])  # fmt: skip
        return found

    return measure


def copies_counter(experiment: Experiment) -> Callable[[Outcome], dict[str, Any]]:
    """Returns the function that counts the samples of a trained generator, of any seed, that copy training images."""
    count = copied_images(train=experiment.dataset, held_out=open_held_out(experiment))

    def copies_of(outcome: Outcome) -> dict[str, Any]:
        config = typing.cast(Any, outcome.experiment.config)
        return count(outcome.sample(jax.random.key(config.seed + 1), min(MAX_SAMPLES, config.judged_samples)).x)

    return copies_of


def train_and_measure(
    experiment: Experiment, folder: Path, *, reference_metric: ReferenceMetric | None, **facts: Any
) -> tuple[Outcome, dict[str, Any] | None]:
    """Trains to the last step and writes ``result.json``; distances during the run go to ``measurements.jsonl``.

    Args:
      experiment: of a :class:`MeasuredConfig`.
      folder: its workdir.
      reference_metric: measures samples; ``None`` on processes that do not report.
      **facts: JSON values that join the result.

    Returns:
      The outcome, and the result: ``None`` where the run was stopped by a signal, or the process does not report.
    """
    config: Any = experiment.config
    outcome = run(experiment, folder, measure=make_measure(reference_metric) if reference_metric is not None else None)
    if outcome.step < config.steps or reference_metric is None:
        return outcome, None

    # Where the reference is a file of features, there may be no other real images to compare copies with.
    copies_of = None if config.reference_features else copies_counter(experiment)

    def finish(one: Outcome) -> dict[str, Any]:
        result = {
            "objective": config.objective,
            "divergence": config.divergence,
            "samples": one.measured,
            "floor": reference_metric.floor,
            "protocol": reference_metric.protocol,
            **({"copies": copies_of(one)} if copies_of is not None else {}),
            "seed": one.experiment.config.seed,
            "steps": one.step,
            "training_seconds": round(one.seconds, 1),
            "commit": workdir.commit(),
            **facts,
        }
        write_json(one.folder / workdir.RESULT, result)
        return result

    return outcome, result_over_seeds(outcome, finish)
