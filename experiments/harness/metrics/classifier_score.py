"""Scores of generated images by a classifier of the run's own real data, which is trained once and kept in the cache.

Images without labels are rotated by quarter turns, and the classifier learns by how many (Gidaris et al. 2018,
https://arxiv.org/abs/1803.07728); its features serve distances.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bgan_jax.data import Dataset, DatasetSpec, preprocess, to_images
from bgan_jax.evaluation.classifier import Classifier, accuracy, predict, train_classifier
from bgan_jax.evaluation.classifier_file import load_classifier, save_classifier
from bgan_jax.evaluation.classifier_score import ClassifierReport, classifier_report

logger = logging.getLogger("bgan_jax")

# Memory: pixels that a classifier learns from, at most: 50,000 images of 32x32, 3,600 of 64x64 in four rotations.
MAX_TRAINING_PIXELS = 60_000_000
FEWEST_RIGHT = 0.5  # Share of held-out images that a classifier must name right for its score to be quoted.


def real_images(dataset: Dataset, *, at_most: int | None = None) -> np.ndarray:
    """Returns images of a split as the classifier takes them; stochastic ones are drawn once, with a fixed key.

    Args:
      dataset: the split.
      at_most: number of images, drawn at random because the order of a data set may follow its labels; ``None`` takes
        all in their order.

    Returns:
      The images, ``[N, H, W, C]``.
    """
    return _classifier_inputs(dataset, subset_indices(dataset, at_most=at_most))


def subset_indices(dataset: Dataset, *, at_most: int | None) -> np.ndarray:
    """Returns the indices of the examples that :func:`real_images` takes."""
    if at_most is None or at_most >= len(dataset):
        return np.arange(len(dataset))
    return np.random.default_rng(0).permutation(len(dataset))[:at_most]


def _classifier_inputs(dataset: Dataset, indices: np.ndarray) -> np.ndarray:
    rows = preprocess(jax.random.key(0), dataset.rows(indices), spec=dataset.spec)
    return classifier_input(np.asarray(rows), dataset.spec)


def classifier_input(x: np.ndarray, spec: DatasetSpec) -> np.ndarray:
    """Converts examples to what the classifier takes: bits stay, palette indices become colours.

    Neighbouring palette indices are not neighbouring colours.
    """
    return x if spec.kind == "binary" else to_images(x, spec=spec)


def rotated(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotates images by every number of quarter turns that keeps their shape: four if they are square, else two.

    Args:
      images: ``[N, H, W, C]``.

    Returns:
      Images ``[T N, H, W, C]``, and the index of the turn of each, ``[T N]``; T is :func:`num_turns`.

    Example:
      >>> images, quarters = rotated(np.arange(4).reshape(1, 2, 2, 1))
      >>> images[..., 0].reshape(4, 4).tolist(), quarters.tolist()
      ([[0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0], [2, 0, 3, 1]], [0, 1, 2, 3])
    """
    turns = num_turns(images.shape[1:])
    directions = [np.rot90(images, 4 // turns * index, axes=(1, 2)) for index in range(turns)]
    return np.concatenate(directions), np.repeat(np.arange(turns, dtype=np.int32), len(images))


def num_turns(shape: tuple[int, ...]) -> int:
    """Returns the number of rotations that keep the shape ``(H, W, ...)`` of an image: 4 if it is square, else 2."""
    return 4 if shape[0] == shape[1] else 2


def train_or_load_classifier(train: Dataset, *, folder: Path, steps: int) -> Classifier:
    """Loads the classifier of a data set, or trains it and saves it, where the folder can be written.

    It classifies the data set's labels, or rotations where there are none.

    Args:
      train: the split to learn from; not the one that scores are compared with.
      folder: of saved classifiers.
      steps: of training.

    Returns:
      The classifier.
    """
    form = "stochastic" if train.spec.stochastic else train.spec.kind
    task = "labels" if train.labels is not None else "quarters"
    path = folder / f"judge-{form}-{task}-{train.spec.fingerprint[:16]}-{steps}.npz"
    try:
        return load_classifier(path)
    except OSError:  # it is not there, or the folder cannot be read
        logger.info("training the classifier on real images (%d steps)", steps)
    except ValueError as error:
        logger.warning("training the classifier again: %s", error)
    directions = num_turns(train.spec.shape) if train.labels is None else 1
    some = subset_indices(
        train, at_most=MAX_TRAINING_PIXELS // (directions * train.spec.shape[0] * train.spec.shape[1])
    )
    images = _classifier_inputs(train, some)
    if train.labels is None:
        images, labels = rotated(images)
        classifier = train_classifier(jax.random.key(0), images, labels, num_classes=directions, steps=steps)
    else:
        classifier = train_classifier(
            jax.random.key(0), images, train.labels[some], num_classes=train.spec.num_classes, steps=steps
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_classifier(path, classifier)
    except OSError as error:
        logger.warning("the classifier could not be kept as %s: %s", path, error.strerror or error)
    return classifier


def classifier_scores(classifier: Classifier, held_out: Dataset) -> Callable[[np.ndarray], dict[str, Any]]:
    """Returns the function that computes the classifier score of samples, beside that of held-out real images.

    A classifier that names fewer than half of the held-out images right does not know the classes: its score of the
    samples is left out, with a warning.

    Args:
      classifier: trained on other real images than ``held_out``.
      held_out: labelled real images.

    Returns:
      A function of generated images, as a sampler returns them, to JSON values with their protocol.

    Raises:
      ValueError: the held-out images have no labels.
    """
    if held_out.labels is None:
        raise ValueError(f"{held_out.spec.name} has no labels, which the classifier score needs")
    names = held_out.spec.class_names
    real_probs = predict(classifier, real_images(held_out)).probs
    real, right = classifier_report(real_probs), accuracy(real_probs, held_out.labels)
    if right < FEWEST_RIGHT:
        logger.warning(
            "the classifier names only %.0f %% of the held-out images right: its score of the samples would say "
            "nothing and is left out; more --judge_steps, or more images of each class, help", 100 * right,
        )  # fmt: skip

    def score(samples: np.ndarray) -> dict[str, Any]:
        fake = classifier_report(predict(classifier, classifier_input(samples, held_out.spec)).probs)
        return {
            "samples": _as_json(fake, names) if right >= FEWEST_RIGHT else {"num_images": fake.num_images},
            "held_out": {**_as_json(real, names), "judge_accuracy": right},
            "protocol": (
                f"classifier score exp(E KL(p(y|x) || p(y))) of {fake.num_images} samples, by a classifier trained on "
                f"{classifier.num_training_images} real images of the training split; {real.num_images} real images of "
                f"the {held_out.spec.split} split of {held_out.spec.name} beside it"
            ),
        }

    return score


def _as_json(report: ClassifierReport, names: Sequence[str]) -> dict[str, Any]:
    return {
        "num_images": report.num_images,
        "classifier_score": round(report.score.score, 4),
        "standard_error": round(report.score.standard_error, 4),
        "class_shares": {name: round(float(share), 4) for name, share in zip(names, report.class_shares, strict=True)},
        "smallest_share": round(report.smallest_share, 4),
        "smallest_class": names[int(np.argmin(report.class_shares))],
        "mean_entropy": round(report.mean_entropy, 4),
    }
