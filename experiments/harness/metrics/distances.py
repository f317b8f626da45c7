"""How far samples are from held-out real pictures, in features: of a small network trained on the real set, or others.

The number depends on the features, the reference and both counts, so a record of all of them goes with it, and beside
it the *floor*: what real pictures score by the same protocol. It is never called FID: that is one Inception network's.
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
from experiments.harness.cli.errors import UsageError
from experiments.harness.metrics.classifier_score import judge_for, judge_form, real_images
from experiments.harness.metrics.extractors import Extractor

logger = logging.getLogger("bgan_jax")

# Memory: 10,000 images of 64x64 are half a gigabyte where the judge reads them.
MAX_REFERENCE = 10_000


class Yardstick(NamedTuple):
    """What distances are measured by.

    Attributes:
      extractor: pictures as the judge sees them, ``[N, H, W, C]``, to features ``[N, D]``.
      reference: features of held-out real pictures, ``[m, D]``.
      floor: :func:`distances` of as many real pictures as samples will be.
      reference_name: data set and split of the reference.
      num_samples: how many samples a measurement takes: the bias of a Frechet distance depends on it.
    """

    extractor: Extractor
    reference: np.ndarray
    floor: dict[str, float]
    reference_name: str
    num_samples: int

    @property
    def protocol(self) -> str:
        """In words, for the result's own record."""
        return (
            f"squared Frechet distance, and unbiased kernel distance, of {self.num_samples} samples from "
            f"{len(self.reference)} real images ({self.reference_name}); features: {self.extractor.name}; floor: as "
            "many images of the training split"
        )


def judge_extractor(train: Dataset, *, folder: Path, steps: int) -> Extractor:
    """The penultimate layer of a small network, which is read from the folder, or trained and put there.

    Args:
      train: the split that generators learn from.
      folder: where judges are kept.
      steps: of its training.

    Returns:
      The extractor.
    """
    judge = judge_for(train, folder=folder, steps=steps)
    task = "labels" if train.labels is not None else "by how many quarters a picture is turned"
    return Extractor(
        name=f"penultimate layer of a network taught {task} of {train.spec.name}, {steps} steps, seed 0",
        extract=lambda images: predict(judge, images).features,
    )


def held_out_features(extractor: Extractor, held_out: Dataset) -> tuple[np.ndarray, str]:
    """Features of real pictures that no generator learns from, and what to call them in a record."""
    images = real_images(held_out, at_most=MAX_REFERENCE)
    return extractor.extract(images), f"{held_out.spec.name}, {held_out.spec.split} split"


def yardstick_for(
    train: Dataset, *, extractor: Extractor, reference: np.ndarray, reference_name: str, num_samples: int
) -> Yardstick:
    """Measures the floor.

    Args:
      train: the split that generators learn from.
      extractor: of features.
      reference: features of other real pictures, ``[m, D]``.
      reference_name: what they are.
      num_samples: how many samples a measurement takes, at most as many as ``train`` has.

    Returns:
      The yardstick.

    Raises:
      UsageError: the reference's features are not the extractor's.
    """
    num_samples = min(num_samples, len(train))
    features = extractor.extract(real_images(train, at_most=num_samples))
    dimensions = features.shape[1]
    if reference.shape[1] != dimensions:
        raise UsageError(
            f"the features of {reference_name} have {reference.shape[1]} dimensions, and {extractor.name}, {dimensions}"
        )
    if min(num_samples, len(reference)) <= dimensions:
        logger.warning(
            "%d samples and %d real pictures are few for features of %d dimensions: the Frechet distance is far too "
            "high, and the kernel distance is the one to read", num_samples, len(reference), dimensions,
        )  # fmt: skip
    yardstick = Yardstick(
        extractor=extractor,
        reference=reference,
        floor={},
        reference_name=reference_name,
        num_samples=num_samples,
    )
    return yardstick._replace(floor=_from_reference(yardstick, features))


def sample_distances(yardstick: Yardstick, x: np.ndarray, *, spec: DatasetSpec) -> dict[str, float]:
    """Distances of samples in the data's own form, ``[num_samples, ...]``: see :func:`distances`."""
    return distances(yardstick, judge_form(x, spec))


def distances(yardstick: Yardstick, images: np.ndarray) -> dict[str, float]:
    """Distances of pictures from the reference.

    Args:
      yardstick: what to measure by.
      images: ``[num_samples, H, W, C]``, as the judge sees them.

    Returns:
      ``frechet``, and ``kernel`` with its ``kernel_standard_error``.

    Raises:
      ValueError: another number of pictures than the yardstick's.
    """
    if len(images) != yardstick.num_samples:
        raise ValueError(f"got {len(images)} pictures, and this yardstick takes {yardstick.num_samples}")
    return _from_reference(yardstick, yardstick.extractor.extract(images))


def _from_reference(yardstick: Yardstick, features: np.ndarray) -> dict[str, float]:
    names: dict[str, Any] = {
        "features_name": yardstick.extractor.name, "reference_name": yardstick.reference_name,
    }  # fmt: skip
    frechet = frechet_distance(
        reference=feature_moments(yardstick.reference), generated=feature_moments(features), **names
    )
    subset = min(len(features), len(yardstick.reference), 1000) // 2
    kernel = kernel_distance(
        jax.random.key(0), reference=yardstick.reference, generated=features, subset_size=subset, **names
    )
    return {
        "frechet": round(frechet.value, 4),
        "kernel": round(kernel.value, 6),
        "kernel_standard_error": round(kernel.standard_error, 6),
    }
