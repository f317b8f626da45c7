"""Labelled images on the device, reduced in size where that is asked for, and the batches of a step from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.classification import LabelledBatch
from bgan_jax.data import Dataset, DatasetSpec, batch_indices, to_images
from bgan_jax.data.resident import fill_up


class LabelledImages(NamedTuple):
    """A split as arrays: images ``[n, height, width, channels]`` uint8, labels ``[n]`` int32."""

    images: Any
    labels: Any

    def evenly_spaced(self, count: int) -> LabelledImages:
        """Returns ``count`` examples, or all, evenly spaced: files sorted by class keep their balance."""
        kept = np.linspace(0, len(self.labels) - 1, min(count, len(self.labels)), dtype=np.int64)
        return LabelledImages(self.images[kept], self.labels[kept])


def as_rows(split: LabelledImages) -> LabelledImages:
    """Returns a split whose images are rows ``[n, width]`` for the devices; traceable.

    A gather of images ``[n, height, width, channels]`` would lay out all of them again at every step on a TPU.
    """
    return split._replace(images=fill_up(split.images.reshape(len(split.images), -1)))


class Stream(NamedTuple):
    """A training split in rows, and the first epoch of a run in its order, a uint32 scalar; a pytree of arrays."""

    split: LabelledImages
    first_epoch: Any


def labelled_images(dataset: Dataset, *, reduction: int) -> LabelledImages:
    """Reads a split of images, and averages every square of ``reduction`` pixels a side into one.

    Bits are black and white, and indices of a palette their colours.

    Sides are first filled up to a multiple of 16 pixels of the result, with the pixels at the edge: digits of 28x28
    become 32x32 and then, with a reduction of 2, 16x16.

    Raises:
      ValueError: the data are text, or have no labels.
    """
    spec = dataset.spec
    if spec.kind == "text":
        raise ValueError(f"dataset {spec.name} is text; a classifier here takes images; choose another --dataset")
    if dataset.labels is None or spec.num_classes < 2:
        raise ValueError(f"dataset {spec.name} has no labels; a classifier needs them, at least two kinds")
    rows = _intensities(dataset.rows(np.arange(len(dataset))), spec)
    missing = [-side % (16 * reduction) for side in spec.shape[:2]]
    filled = np.pad(rows, [(0, 0), *((short // 2, short - short // 2) for short in missing), (0, 0)], mode="edge")
    n, height, width, channels = filled.shape
    squares = filled.reshape(n, height // reduction, reduction, width // reduction, reduction, channels)
    return LabelledImages(np.rint(squares.mean(axis=(2, 4))).astype(np.uint8), np.asarray(dataset.labels, np.int32))


def _intensities(rows: np.ndarray, spec: DatasetSpec) -> np.ndarray:
    """Converts stored rows to intensities 0..255, ``[n, height, width, channels]`` uint8."""
    # Continuous data and bits that are drawn on the device are stored as intensities.
    return np.asarray(rows) if spec.kind == "continuous" or spec.stochastic else to_images(rows, spec=spec)


def intensities(images: jax.Array) -> jax.Array:
    """Converts bytes to what the networks take: float32 in [-1, 1]."""
    return jnp.asarray(images, jnp.float32) / 127.5 - 1.0


def labelled_load(
    *, num_examples: int, shape: tuple[int, ...], batch_size: int, minibatches: int
) -> Callable[..., Any]:
    """Returns the function that gathers batches inside the compiled step, in the order of ``bgan_jax.data.order``.

    Args:
      num_examples: of the split. Static.
      shape: of an image. Static.
      batch_size: global batch size, over all devices. Static.
      minibatches: batches per step. Static.

    Returns:
      ``load(stream, key, step, example_index) -> LabelledBatch``. Runs of other seeds begin elsewhere in the same order
      of epochs, so one compiled program serves them all.
    """

    def load(stream: Stream, key: jax.Array, step: jax.Array, example_index: jax.Array) -> LabelledBatch:
        del key
        indices = jnp.stack(
            [
                batch_indices(
                    step.astype(jnp.uint32) * np.uint32(minibatches) + np.uint32(i),
                    batch_size=batch_size,
                    num_examples=num_examples,
                    seed=0,
                    within=example_index.astype(jnp.uint32),
                    first_epoch=stream.first_epoch,
                )
                for i in range(minibatches)
            ]
        )
        rows = jnp.take(stream.split.images, indices, axis=0, mode="clip")[..., : math.prod(shape)]
        images = rows.reshape(*indices.shape, *shape)
        return LabelledBatch(intensities(images), jnp.take(stream.split.labels, indices, axis=0, mode="clip"))

    return load
