"""Scores of generated images by what the real ones offer: a classifier of their labels, or distances of features."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.data import Dataset
from experiments.harness.metrics.classifier_score import classifier_scores, train_or_load_classifier
from experiments.harness.metrics.copies import copied_images
from experiments.harness.metrics.distances import (
    classifier_extractor,
    held_out_features,
    make_reference_metric,
    sample_distances,
)

logger = logging.getLogger("bgan_jax")

Scores = Callable[[np.ndarray], dict[str, Any]]


def image_scores(train: Dataset, held_out: Dataset, *, folder: Path, steps: int, num_samples: int) -> Scores:
    """Returns the function that scores the samples of a generator, and logs what it finds.

    What it needs of the real images is computed once, for the samples of all seeds.

    Args:
      train: what the generator learned from; its labels, where there are any, are what a classifier learns.
      held_out: real images that it did not learn from.
      folder: of saved classifiers.
      steps: of the classifier's training.
      num_samples: samples that are scored.

    Returns:
      A function of samples, as a sampler returns them, to JSON values with their protocol.
    """
    measure = _by_distances if train.labels is None or held_out.labels is None else _by_classifier
    scores = measure(train, held_out, folder=folder, steps=steps, num_samples=num_samples)
    copies = copied_images(train=train, held_out=held_out)

    def score(samples: np.ndarray) -> dict[str, Any]:
        return {**scores(samples), "copies": copies(samples)}

    return score


def _by_classifier(train: Dataset, held_out: Dataset, *, folder: Path, steps: int, num_samples: int) -> Scores:
    scores = classifier_scores(train_or_load_classifier(train, folder=folder, steps=steps), held_out)

    def score(samples: np.ndarray) -> dict[str, Any]:
        result = scores(samples)
        fake, real = result["samples"], result["held_out"]
        if "classifier_score" in fake:
            logger.info(
                "classifier score %.2f +- %.2f on %d samples (held-out real images: %.2f); smallest share of a class "
                "%.1f %%, of %s",
                fake["classifier_score"], fake["standard_error"], fake["num_images"], real["classifier_score"],
                100 * fake["smallest_share"], fake["smallest_class"],
            )  # fmt: skip
        return result

    return score


def _by_distances(train: Dataset, held_out: Dataset, *, folder: Path, steps: int, num_samples: int) -> Scores:
    extractor = classifier_extractor(train, folder=folder, steps=steps)
    reference, name = held_out_features(extractor, held_out)
    metric = make_reference_metric(
        train, extractor=extractor, reference=reference, reference_name=name, num_samples=num_samples
    )

    def score(samples: np.ndarray) -> dict[str, Any]:
        found = sample_distances(metric, samples[: metric.num_samples], spec=train.spec)
        logger.info(
            "Frechet distance %.2f of %d samples (real images: %.2f), in features of %s",
            found["frechet"], metric.num_samples, metric.floor["frechet"], extractor.name,
        )  # fmt: skip
        return {"samples": found, "floor": metric.floor, "protocol": metric.protocol}

    return score
