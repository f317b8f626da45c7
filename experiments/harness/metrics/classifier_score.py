"""The judge of generated images: a classifier trained on the run's own real data, once, and kept.

Pictures without labels are turned by quarters, and the judge learns by how many: it has to know what is up, and its
features serve distances (Gidaris et al. 2018, https://arxiv.org/abs/1803.07728).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bgan_jax.data import Dataset, DatasetSpec, preprocess, to_images
from bgan_jax.evaluation.classifier import Classifier, accuracy, predict, train_classifier
from bgan_jax.evaluation.classifier_file import load_classifier, save_classifier
from bgan_jax.evaluation.classifier_score import ClassifierReport, classifier_report

logger = logging.getLogger("bgan_jax")

# Memory: a judge learns from at most so many pixels: all of 50,000 images of 32x32, 3,600 of 64x64 in four directions.
MAX_TRAINING_PIXELS = 60_000_000


def real_images(dataset: Dataset, *, at_most: int | None = None) -> np.ndarray:
    """Images of a split as the judge sees them; stochastic ones are drawn once, with a fixed key.

    Args:
      dataset: the split.
      at_most: so many, drawn at random, for the order of a data set may follow its labels; ``None`` takes all as they
        lie.

    Returns:
      The images, ``[N, H, W, C]``.
    """
    return _as_judged(dataset, drawn(dataset, at_most=at_most))


def drawn(dataset: Dataset, *, at_most: int | None) -> np.ndarray:
    """Which examples :func:`real_images` takes."""
    if at_most is None or at_most >= len(dataset):
        return np.arange(len(dataset))
    return np.random.default_rng(0).permutation(len(dataset))[:at_most]


def _as_judged(dataset: Dataset, indices: np.ndarray) -> np.ndarray:
    rows = preprocess(jax.random.key(0), dataset.rows(indices), spec=dataset.spec)
    return judge_form(np.asarray(rows), dataset.spec)


def judge_form(x: np.ndarray, spec: DatasetSpec) -> np.ndarray:
    """Bits as they are; palette indices in their colours, since neighbouring indices are not neighbouring colours."""
    return x if spec.kind == "binary" else to_images(x, spec=spec)


def turned(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Square images, each in all four directions, ``[4 N, ...]``, and by how many quarters they are turned, ``[4 N]``.

    Example:
      >>> pictures, quarters = turned(np.arange(4).reshape(1, 2, 2, 1))
      >>> pictures[..., 0].reshape(4, 4).tolist(), quarters.tolist()
      ([[0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0], [2, 0, 3, 1]], [0, 1, 2, 3])
    """
    directions = [np.rot90(images, quarters, axes=(1, 2)) for quarters in range(4)]
    return np.concatenate(directions), np.repeat(np.arange(4, dtype=np.int32), len(images))


def judge_for(train: Dataset, *, folder: Path, steps: int) -> Classifier:
    """A classifier of the data set's labels, or of turned pictures where there are none.

    Read from the folder if it is there, else trained and put there.

    Args:
      train: the split to learn from; never the one that scores are compared with.
      folder: where judges are kept.
      steps: of training.

    Returns:
      The classifier.
    """
    form = "stochastic" if train.spec.stochastic else train.spec.kind
    task = "labels" if train.labels is not None else "quarters"
    path = folder / f"judge-{form}-{task}-{train.spec.fingerprint[:16]}-{steps}.npz"
    try:
        return load_classifier(path)
    except FileNotFoundError:
        logger.info("training the judge on real images (%d steps)", steps)
    except ValueError as error:
        logger.warning("training the judge again: %s", error)
    directions = 4 if train.labels is None else 1
    some = drawn(train, at_most=MAX_TRAINING_PIXELS // (directions * train.spec.shape[0] * train.spec.shape[1]))
    images = _as_judged(train, some)
    if train.labels is None:
        images, labels = turned(images)
        judge = train_classifier(jax.random.key(0), images, labels, num_classes=4, steps=steps)
    else:
        judge = train_classifier(
            jax.random.key(0), images, train.labels[some], num_classes=train.spec.num_classes, steps=steps
        )
    folder.mkdir(parents=True, exist_ok=True)
    save_classifier(path, judge)
    return judge


def judged(judge: Classifier, samples: np.ndarray, held_out: Dataset) -> dict[str, Any]:
    """The judge's verdict on samples, beside that on held-out real images, with its protocol.

    Args:
      judge: trained on other real images than ``held_out``.
      samples: generated images in the data's own form.
      held_out: real images that the judge has not seen.

    Returns:
      JSON values.
    """
    real_probs = predict(judge, real_images(held_out)).probs
    fake = classifier_report(predict(judge, judge_form(samples, held_out.spec)).probs)
    real = classifier_report(real_probs)
    assert held_out.labels is not None
    return {
        "samples": _as_json(fake),
        "held_out": {**_as_json(real), "judge_accuracy": accuracy(real_probs, held_out.labels)},
        "protocol": (
            f"classifier score exp(E KL(p(y|x) || p(y))) of {fake.num_images} samples, by a classifier trained on "
            f"{judge.num_training_images} real images of the training split; {real.num_images} real images of the "
            f"{held_out.spec.split} split of {held_out.spec.name} beside it"
        ),
    }


def _as_json(report: ClassifierReport) -> dict[str, Any]:
    return {
        "num_images": report.num_images,
        "classifier_score": round(report.score.score, 4),
        "standard_error": round(report.score.standard_error, 4),
        "class_shares": [round(float(share), 4) for share in report.class_shares],
        "smallest_share": round(report.smallest_share, 4),
        "mean_entropy": round(report.mean_entropy, 4),
    }
