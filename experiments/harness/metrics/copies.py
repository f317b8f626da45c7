"""Warns of samples that copy training examples."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bgan_jax.data import Dataset
from bgan_jax.evaluation.copies import HELD_OUT_SHARE, copy_reference, copy_report
from experiments.harness.metrics.classifier_score import MAX_TRAINING_PIXELS, classifier_input, real_images

logger = logging.getLogger("bgan_jax")

#: Share of copies above which a run is warned of.
WARN_ABOVE = 0.1
# Time: the examples that are compared; MAX_TRAINING_PIXELS limits the memory.
MAX_SAMPLES, MAX_TRAINING = 1_000, 50_000


def copied_images(*, train: Dataset, held_out: Dataset) -> Callable[[np.ndarray], dict[str, Any]]:
    """Returns the function that counts the samples that are copies of training images, and warns where they are many.

    Args:
      train: what the generator learned from; at most 50,000 are compared, fewer of large images.
      held_out: a split that it did not learn from.

    Returns:
      A function of generated images, as a sampler returns them, of which at most 1,000 are compared, to JSON values
      with their protocol.
    """
    spec = train.spec
    reference = copy_reference(
        training=real_images(train, at_most=min(MAX_TRAINING, MAX_TRAINING_PIXELS // math.prod(spec.shape[:2]))),
        held_out=real_images(held_out, at_most=MAX_SAMPLES),
    )

    def count(samples: np.ndarray) -> dict[str, Any]:
        report = copy_report(classifier_input(samples[:MAX_SAMPLES], spec), reference=reference)
        warn_of_copies(report.copied_share, usual=HELD_OUT_SHARE)
        return {
            "copied_share": round(report.copied_share, 4),
            "identical_share": round(report.identical_share, 4),
            "protocol": (
                f"copies: of {report.num_samples} samples, those nearer to one of {report.num_training} training "
                f"images, by the Euclidean distance of their pixels, than {100 * (1 - HELD_OUT_SHARE):.0f} % of "
                f"{report.num_held_out} held-out images are"
            ),
        }

    return count


def warn_of_copies(share: float, *, usual: float) -> None:
    """Logs a warning if a share of copies is high.

    Args:
      share: of the samples that copy training examples.
      usual: the share of held-out real examples that do.
    """
    if share > max(WARN_ABOVE, 2 * usual):
        logger.warning(
            "%.0f %% of the samples copy training examples (held-out real ones: %.0f %%): the generator repeats its "
            "data; more data, a smaller network or fewer steps help", 100 * share, 100 * usual,
        )  # fmt: skip
