"""How far samples are from held-out real pictures, in the features of a small network trained on the real set.

The number depends on the features, the reference and both counts, so a record of all of them goes with it, and beside
it the *floor*: what real pictures score by the same protocol. It is never called FID: that is one Inception network's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax.data import Dataset, DatasetSpec
from bgan_jax.evaluation.classifier import Classifier, predict
from bgan_jax.evaluation.frechet import frechet_distance
from bgan_jax.evaluation.kernel_distance import kernel_distance
from bgan_jax.evaluation.moments import feature_moments
from experiments.harness.judging import judge_for, judge_form, real_images

# Memory: 10,000 images of 64x64 are half a gigabyte where the judge reads them.
MAX_REFERENCE = 10_000


class Yardstick(NamedTuple):
    """What distances are measured by.

    Attributes:
      judge: the network whose penultimate layer gives the features.
      reference: features of held-out real pictures, ``[m, D]``.
      floor: :func:`distances` of as many real pictures as samples will be.
      features_name: the extractor and its training.
      reference_name: data set and split of the reference.
      num_samples: how many samples a measurement takes: the bias of a Frechet distance depends on it.
    """

    judge: Classifier
    reference: np.ndarray
    floor: dict[str, float]
    features_name: str
    reference_name: str
    num_samples: int

    @property
    def protocol(self) -> str:
        """In words, for the result's own record."""
        return (
            f"squared Frechet distance, and unbiased kernel distance, of {self.num_samples} samples from "
            f"{len(self.reference)} real images ({self.reference_name}); features: {self.features_name}; floor: as "
            "many images of the training split"
        )


def yardstick_for(train: Dataset, held_out: Dataset, *, folder: Path, steps: int, num_samples: int) -> Yardstick:
    """Trains, or reads, the features' network, and measures the floor.

    Args:
      train: the split that generators learn from; the network too.
      held_out: other real pictures.
      folder: where judges are kept.
      steps: of the network's training.
      num_samples: how many samples a measurement takes, at most as many as ``train`` has.

    Returns:
      The yardstick.
    """
    judge = judge_for(train, folder=folder, steps=steps)
    task = "labels" if train.labels is not None else "by how many quarters a picture is turned"
    num_samples = min(num_samples, len(train))
    yardstick = Yardstick(
        judge=judge,
        reference=predict(judge, real_images(held_out, at_most=MAX_REFERENCE)).features,
        floor={},
        features_name=f"penultimate layer of a network taught {task} of {train.spec.name}, {steps} steps, seed 0",
        reference_name=f"{held_out.spec.name}, {held_out.spec.split} split",
        num_samples=num_samples,
    )
    return yardstick._replace(floor=distances(yardstick, real_images(train, at_most=num_samples)))


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
    features = predict(yardstick.judge, images).features
    names: dict[str, Any] = {
        "features_name": yardstick.features_name, "reference_name": yardstick.reference_name,
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
