r"""Copies: generated examples that are nearer to a training example than real examples of another split are.

A generator that repeats its training data looks perfect and has learned nothing. Whether a sample is a copy is a
question of scale, which held-out examples answer: of them, a known share is as near to the training data by chance.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

#: Share of the held-out examples that count as copies.
HELD_OUT_SHARE = 0.01
_BATCH = 2048  # Examples of the reference in one matrix product.


class CopyReport(NamedTuple):
    """How near samples are to the training data, beside held-out examples.

    Attributes:
      num_samples: samples that were compared.
      num_training: training examples that they were compared with.
      num_held_out: held-out examples that give the threshold.
      threshold: distance to the nearest training example below which an example is a copy, the
        ``HELD_OUT_SHARE`` quantile of the held-out examples' distances; in the units of the points.
      copied_share: share of the samples that are copies.
      identical_share: share of the samples that are equal to a training example.
    """

    num_samples: int
    num_training: int
    num_held_out: int
    threshold: float
    copied_share: float
    identical_share: float


def nearest_distances(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Computes the Euclidean distance of every point from the nearest one of a reference.

    Args:
      points: ``[n, ...]``, numbers.
      reference: ``[m, ...]``, of the same data dims, m at least 1.

    Returns:
      Distances, ``[n]`` float32; 0 where the points differ by less than a thousandth of their norms, which rounding
      hides.

    Example:
      >>> nearest_distances(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0], [30.0, 40.0]])).tolist()
      [0.0, 5.0]
    """
    flat = jnp.asarray(points.reshape(len(points), -1), jnp.float32)
    smallest = jnp.full(len(flat), jnp.inf, jnp.float32)
    for start in range(0, len(reference), _BATCH):
        batch = reference[start : start + _BATCH].reshape(-1, flat.shape[1])
        smallest = jnp.minimum(smallest, _smallest_squares(flat, jnp.asarray(batch, jnp.float32)))
    return np.sqrt(np.asarray(smallest))


@jax.jit
def _smallest_squares(points: jax.Array, reference: jax.Array) -> jax.Array:
    """Computes the squared distance of every point from the nearest one of a batch."""
    products = jnp.matmul(points, reference.T, precision="highest")
    squares = jnp.sum(jnp.square(points), axis=1, keepdims=True) + jnp.sum(jnp.square(reference), axis=1)[None]
    differences = squares - 2 * products
    return jnp.min(jnp.where(differences < 2.0**-20 * squares, 0.0, differences), axis=1)


class CopyReference(NamedTuple):
    """Real examples that samples are compared with, and the distance at which a sample is a copy.

    Attributes:
      training: what the generator learned from, ``[m, ...]``.
      num_held_out: held-out examples that give the threshold.
      threshold: as in :class:`CopyReport`.
    """

    training: np.ndarray
    num_held_out: int
    threshold: float


def copy_reference(*, training: np.ndarray, held_out: np.ndarray) -> CopyReference:
    """Computes the distance below which examples are copies, once for all samples that are compared.

    Args:
      training: what the generator learned from, ``[m, ...]``, numbers.
      held_out: real examples that it did not learn from, ``[k, ...]``.

    Raises:
      ValueError: an array is empty, or their data dims differ.
    """
    _check_shapes(training=training, held_out=held_out)
    threshold = float(np.quantile(nearest_distances(held_out, training), HELD_OUT_SHARE))
    return CopyReference(training=training, num_held_out=len(held_out), threshold=threshold)


def copy_report(samples: np.ndarray, *, reference: CopyReference) -> CopyReport:
    """Counts the samples that are copies of training examples.

    Args:
      samples: generated, ``[n, ...]``, numbers.
      reference: from :func:`copy_reference`.

    Returns:
      The report. A generator that has learned the distribution has a ``copied_share`` of about ``HELD_OUT_SHARE``.

    Raises:
      ValueError: there are no samples, or their data dims are not those of the reference.

    Example:
      >>> real = np.random.default_rng(0).normal(size=(300, 5))
      >>> report = copy_report(real[:50], reference=copy_reference(training=real[:200], held_out=real[200:]))
      >>> report.copied_share, report.identical_share
      (1.0, 1.0)
    """
    training = reference.training
    _check_shapes(samples=samples, training=training)
    nearest = nearest_distances(samples, training)
    known = {row.tobytes() for row in training}
    return CopyReport(
        num_samples=len(samples),
        num_training=len(training),
        num_held_out=reference.num_held_out,
        threshold=reference.threshold,
        copied_share=float(np.mean(nearest < reference.threshold)),
        identical_share=float(np.mean([row.tobytes() in known for row in samples.astype(training.dtype)])),
    )


def _check_shapes(**arrays: np.ndarray) -> None:
    shapes = {name: array.shape for name, array in arrays.items()}
    if len({shape[1:] for shape in shapes.values()}) > 1 or not all(shape[0] for shape in shapes.values()):
        raise ValueError(f"expected arrays [n, ...] of the same data dims, n at least 1; found {shapes}")
