"""Frechet and kernel distances of samples from held-out real images, in features.

A distance depends on the features, the reference and both counts, so its protocol names all of them. It is reported
with its *floor*: the distance of real images by the same protocol. It is called FID only in the features of the
Inception network of that metric.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax.data import Dataset, DatasetSpec
from bgan_jax.evaluation.classifier import predict
from bgan_jax.evaluation.frechet import frechet_distance
from bgan_jax.evaluation.kernel_distance import kernel_distance
from bgan_jax.evaluation.moments import feature_moments
from experiments.harness.errors import UsageError
from experiments.harness.metrics.classifier_score import classifier_input, real_images, train_or_load_classifier
from experiments.harness.metrics.extractors import Extractor

logger = logging.getLogger("bgan_jax")

# Memory: 10,000 images of 64x64 are half a gigabyte as input of the classifier.
MAX_REFERENCE = 10_000


class ReferenceMetric(NamedTuple):
    """Features, reference and number of samples of a distance.

    Attributes:
      extractor: images as the classifier takes them, ``[N, H, W, C]``, to features ``[N, D]``.
      reference: features of held-out real images, ``[m, D]``.
      floor: :func:`distances` of ``num_samples`` real images.
      reference_name: data set and split of the reference.
      num_samples: samples of a measurement, which the bias of a Frechet distance depends on.
    """

    extractor: Extractor
    reference: np.ndarray
    floor: dict[str, float]
    reference_name: str
    num_samples: int

    @property
    def protocol(self) -> str:
        """Description for the result."""
        return (
            f"squared Frechet distance, and unbiased kernel distance, of {self.num_samples} samples from "
            f"{len(self.reference)} real images ({self.reference_name}); features: {self.extractor.name}; floor: as "
            "many images of the training split"
        )


def classifier_extractor(train: Dataset, *, folder: Path, steps: int) -> Extractor:
    """Returns the penultimate layer of a small classifier, which is loaded from the folder, or trained and saved there.

    Args:
      train: the split that generators learn from.
      folder: of saved classifiers.
      steps: of its training.

    Returns:
      The extractor.
    """
    classifier = train_or_load_classifier(train, folder=folder, steps=steps)
    task = "labels" if train.labels is not None else "by how many quarters a picture is turned"
    return Extractor(
        name=f"penultimate layer of a network taught {task} of {train.spec.name}, {steps} steps, seed 0",
        extract=lambda images: predict(classifier, images).features,
    )


def held_out_features(extractor: Extractor, held_out: Dataset) -> tuple[np.ndarray, str]:
    """Returns features of real images that no generator learns from, and their name for the protocol."""
    images = real_images(held_out, at_most=MAX_REFERENCE)
    return extractor.extract(images), f"{held_out.spec.name}, {held_out.spec.split} split"


def make_reference_metric(
    train: Dataset, *, extractor: Extractor, reference: np.ndarray, reference_name: str, num_samples: int
) -> ReferenceMetric:
    """Makes a reference metric and measures its floor.

    Args:
      train: the split that generators learn from.
      extractor: of features.
      reference: features of other real images, ``[m, D]``.
      reference_name: their name in the protocol.
      num_samples: samples of a measurement; reduced to the size of ``train``.

    Returns:
      The :class:`ReferenceMetric`.

    Raises:
      UsageError: the reference's features are not the extractor's.
    """
    num_samples = min(num_samples, len(train))
    features = extractor.extract(real_images(train, at_most=num_samples))
    dimensions = features.shape[1]
    _check_dimensions(extractor, features, reference=reference, reference_name=reference_name)
    if min(num_samples, len(reference)) <= dimensions:
        logger.warning(
            "%d samples and %d real pictures are few for features of %d dimensions: the Frechet distance is far too "
            "high, and the kernel distance is the one to read", num_samples, len(reference), dimensions,
        )  # fmt: skip
    reference_metric = ReferenceMetric(
        extractor=extractor,
        reference=reference,
        floor={},
        reference_name=reference_name,
        num_samples=num_samples,
    )
    return reference_metric._replace(floor=_from_reference(reference_metric, features))


def check_features(extractor: Extractor, train: Dataset, *, reference: np.ndarray, reference_name: str) -> None:
    """Refuses features that are not the extractor's, by those of two images.

    Raises:
      UsageError: their numbers of dimensions differ.
    """
    features = extractor.extract(real_images(train, at_most=2))
    _check_dimensions(extractor, features, reference=reference, reference_name=reference_name)


def _check_dimensions(
    extractor: Extractor, features: np.ndarray, *, reference: np.ndarray, reference_name: str
) -> None:
    if reference.shape[1] != features.shape[1]:
        raise UsageError(
            f"the features of {reference_name} have {reference.shape[1]} dimensions, and {extractor.name}, "
            f"{features.shape[1]}"
        )


def sample_distances(reference_metric: ReferenceMetric, x: np.ndarray, *, spec: DatasetSpec) -> dict[str, float]:
    """Computes :func:`distances` of samples as a sampler returns them, ``[num_samples, ...]``."""
    return distances(reference_metric, classifier_input(x, spec))


def distances(reference_metric: ReferenceMetric, images: np.ndarray) -> dict[str, float]:
    """Computes the distances of images from the reference.

    Args:
      reference_metric: features and reference.
      images: ``[num_samples, H, W, C]``, as the classifier takes them.

    Returns:
      ``frechet``, and ``kernel`` with its ``kernel_standard_error``.

    Raises:
      ValueError: the number of images is not ``num_samples``.
    """
    if len(images) != reference_metric.num_samples:
        raise ValueError(f"got {len(images)} images, and this metric takes {reference_metric.num_samples}")
    return _from_reference(reference_metric, reference_metric.extractor.extract(images))


def _from_reference(reference_metric: ReferenceMetric, features: np.ndarray) -> dict[str, float]:
    names: dict[str, Any] = {
        "features_name": reference_metric.extractor.name, "reference_name": reference_metric.reference_name,
    }  # fmt: skip
    frechet = frechet_distance(
        reference=feature_moments(reference_metric.reference), generated=feature_moments(features), **names
    )
    subset = min(len(features), len(reference_metric.reference), 1000) // 2
    kernel = kernel_distance(
        jax.random.key(0), reference=reference_metric.reference, generated=features, subset_size=subset, **names
    )
    return {
        "frechet": round(frechet.value, 4),
        "kernel": round(kernel.value, 6),
        "kernel_standard_error": round(kernel.standard_error, 6),
    }
