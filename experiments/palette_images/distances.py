"""Distances of palette images from held-out ones: of their colours, and of their features."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np

from bgan_jax.data import DatasetSpec
from bgan_jax.evaluation.palette_distance import (
    independent_pixels,
    neighbor_pair_distance,
    palette_histogram_distance,
    pixel_marginal_distance,
)
from experiments.harness.metrics.classifier_score import classifier_input
from experiments.harness.metrics.distances import ReferenceMetric, distances
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.measured_run import open_held_out, reference_metric_of

COLOR_PROTOCOL = (
    "Palette: Jensen-Shannon divergence of the shares of the colours; pixels: total variation of the colours of each "
    "pixel, mean; neighbours: Jensen-Shannon divergence of the pairs of colours of adjacent pixels; all of the same "
    "images as the others."
)


class Reference(NamedTuple):
    """Held-out real images, and the metric of distances from them.

    Attributes:
      metric: of Frechet and kernel distances.
      held_out: palette indices of held-out real images, ``[m, H, W]``.
      spec: the data set.
    """

    metric: ReferenceMetric
    held_out: np.ndarray
    spec: DatasetSpec


def reference_for(experiment: Experiment) -> Reference:
    """Reads the held-out images of the run's data set, and prepares the metric."""
    held_out = open_held_out(experiment)
    metric = reference_metric_of(experiment)
    return Reference(metric=metric, held_out=held_out.rows(np.arange(len(held_out))), spec=held_out.spec)


def palette_distances(x: np.ndarray, *, reference: Reference) -> dict[str, float]:
    """Measures every distance of palette images ``[num_samples, H, W]`` from the reference."""
    held_out, num_colors = reference.held_out, reference.spec.num_values
    histogram = palette_histogram_distance(generated=x, reference=held_out, num_colors=num_colors)
    marginals = pixel_marginal_distance(generated=x, reference=held_out, num_colors=num_colors)
    pairs = neighbor_pair_distance(generated=x, reference=held_out, num_colors=num_colors)
    return {
        "palette_histogram": round(histogram, 5),
        "pixel_marginals": round(marginals, 4),
        "neighbor_pairs": round(pairs, 5),
        **distances(reference.metric, classifier_input(x, reference.spec)),
    }


def baseline_distances(experiment: Experiment, *, reference: Reference) -> dict[str, dict[str, float]]:
    """Measures what samples are compared with: real images, independent pixels, and the generator before training."""
    seed, n = experiment.config.seed, reference.metric.num_samples
    train = experiment.dataset.rows(np.arange(len(experiment.dataset)))
    untrained = experiment.sampler(jax.jit(experiment.initialize)(jax.random.key(seed)).gen_average)
    some = np.random.default_rng(0).permutation(len(train))[:n]
    images = {
        "real": train[some],
        "independent_pixels": independent_pixels(jax.random.key(0), train, num_images=n),
        "untrained": untrained(jax.random.key(seed + 1), n).x,
    }
    return {name: palette_distances(x, reference=reference) for name, x in images.items()}
