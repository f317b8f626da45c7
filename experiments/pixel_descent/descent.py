"""Gradient descent on the pixels of generated images."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.continuous import ContinuousGame, ContinuousSettings, point_gradients
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.state import Pair, TrainState
from bgan_jax.data import DatasetSpec
from bgan_jax.networks import Networks
from experiments.harness.metrics.distances import ReferenceMetric, sample_distances

logger = logging.getLogger("bgan_jax")

# Steps at which images are kept, the start among them.
MOMENTS = 6


class Descent(NamedTuple):
    """The descent of a batch of images on one objective.

    Attributes:
      objective: the loss whose gradient is followed.
      rate: step size: pixels move by it times the gradient.
      logits: F of every image before every step and after the last, nats, ``[steps + 1, N]``.
      drift: Euclidean distance of every image from its start, in pixels' units, ``[steps + 1, N]``.
      moments: steps at which images were kept, from 0 to the last.
      pictures: the kept images, ``[moments, N, H, W, C]``.
      frechet: their Frechet distances, ``[moments]``.
    """

    objective: str
    rate: float
    logits: np.ndarray
    drift: np.ndarray
    moments: list[int]
    pictures: np.ndarray
    frechet: list[float]


def moments_of(steps: int) -> list[int]:
    """Returns some of the steps from 0 to the last, closer together at the start.

    Example:
      >>> moments_of(100)
      [0, 2, 5, 14, 38, 100]
    """
    later = np.geomspace(max(steps / 50, 1.0), steps, MOMENTS - 1).round().astype(int)
    return [0, *sorted({int(step) for step in later})]


def training_samples(
    state: TrainState, key: jax.Array, *, networks: Networks, num_samples: int, batch_size: int
) -> np.ndarray:
    """Generates images as the discriminator saw them in training: by the newest generator, normalised by their batch.

    Args:
      state: of the run.
      key: PRNG key.
      networks: both players.
      num_samples: a multiple of ``batch_size``.
      batch_size: images that are normalised together.

    Returns:
      Images in [-1, 1], ``[num_samples, H, W, C]``.
    """
    draw = jax.jit(lambda key, index: generate(state, key, index, networks=networks).logits)
    starts = range(0, num_samples, batch_size)
    return np.concatenate([np.asarray(draw(key, start + jnp.arange(batch_size))) for start in starts])


def descend(
    state: TrainState, start: np.ndarray, *, game: ContinuousGame, rate: float, steps: int, batch_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Takes gradient steps on images, :math:`x \leftarrow \mathrm{clip}(x - \eta \nabla_x L(F(x)))`.

    Args:
      state: a run's state; its discriminator is used as in training and is not changed.
      start: images, ``[N, H, W, C]`` in [-1, 1], N a multiple of ``batch_size``.
      game: networks and objective.
      rate: the step size eta.
      steps: number of steps.
      batch_size: images whose batch statistics the discriminator takes together.

    Returns:
      F ``[steps + 1, N]``, drift ``[steps + 1, N]``, and the images at :func:`moments_of` the steps,
      ``[moments, N, H, W, C]``.
    """

    @jax.jit
    def step(state: TrainState, points: jax.Array, first: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        slopes, _, logits = point_gradients(state, points, game=game)
        drift = jnp.sqrt(jnp.sum(jnp.square(points - first), axis=(1, 2, 3)))
        return jnp.clip(points - rate * slopes, -1.0, 1.0), logits, drift

    moments = moments_of(steps)
    courses = []
    for place in range(0, len(start), batch_size):
        points = first = jnp.asarray(start[place : place + batch_size])
        course: list[tuple[Any, Any]] = []
        kept = []
        for number in range(steps + 1):
            if number in moments:
                kept.append(np.asarray(points))
            points, logits, drift = step(state, points, first)
            course.append((logits, drift))
        courses.append((*(np.stack(series) for series in zip(*course, strict=True)), np.stack(kept)))
    logits, drift, pictures = (np.concatenate(parts, axis=1) for parts in zip(*courses, strict=True))
    return logits, drift, pictures


def descend_all(
    state: TrainState,
    start: np.ndarray,
    *,
    objectives: Sequence[str],
    rates: Sequence[float],
    divergence: str,
    networks: Networks,
    optimizers: Pair,
    steps: int,
    batch_size: int,
    spec: DatasetSpec,
    reference_metric: ReferenceMetric,
) -> list[Descent]:
    """Descends on every objective at every rate, from the same images.

    Args:
      state: a run's state.
      start: images, ``[N, H, W, C]`` in [-1, 1].
      objectives: names of generator objectives.
      rates: step sizes.
      divergence: what trained F.
      networks: both players.
      optimizers: of both players; not used by the descent.
      steps: of each descent.
      batch_size: as in training.
      spec: the data set.
      reference_metric: measures the kept images.

    Returns:
      The descents, objectives within rates.
    """
    moments, found = moments_of(steps), []
    for rate in rates:
        for name in objectives:
            settings = ContinuousSettings(objective=name, divergence=divergence, penalty=0.0)
            game = ContinuousGame(networks=networks, optimizers=optimizers, settings=settings)
            logits, drift, kept = descend(state, start, game=game, rate=rate, steps=steps, batch_size=batch_size)
            frechet = [sample_distances(reference_metric, pictures, spec=spec)["frechet"] for pictures in kept]
            found.append(Descent(name, rate, logits, drift, moments, kept, frechet))
            logger.info("%s at rate %g: mean F from %+.2f to %+.2f, drift %.2f, Frechet distance from %.2f to %.2f",
                        name, rate, logits[0].mean(), logits[-1].mean(), drift[-1].mean(), frechet[0],
                        frechet[-1])  # fmt: skip
    return found
