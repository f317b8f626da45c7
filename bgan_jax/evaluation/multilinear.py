r"""The multilinear extension of a function of discrete states, an exact discriminator of relaxed samples.

The multilinear extension of a table of values is its mean under independent coordinates,

.. math:: F(\pi) = \sum_x F(x) \prod_i \pi_{i, x_i},

the only function that agrees with the table on every state and is linear in each coordinate. At the generator's own
probabilities it is :math:`E_g[F]`, so the error of a relaxation comes from its noise alone, not from the extension.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp


def multilinear_extension(values: jax.Array, coordinate_probs: jax.Array) -> jax.Array:
    r"""Evaluates the multilinear extension of a table at points between the states.

    Args:
      values: the table over all states in counting order (last coordinate fastest), ``[K ** D]``. Differentiated.
      coordinate_probs: weights of the K symbols in each of D coordinates, ``[B, D, K]``. Differentiated; one-hot rows
        select a state. Rows need not be normalised.

    Returns:
      ``[B]``.

    Raises:
      ValueError: the table's size is not ``K ** D``.

    Example:
      >>> exclusive_or = jnp.array([0.0, 1.0, 1.0, 0.0])
      >>> multilinear_extension(exclusive_or, jnp.array([[[0.0, 1.0], [1.0, 0.0]], [[0.5, 0.5], [0.2, 0.8]]])).tolist()
      [1.0, 0.5]
    """
    batch, num_coordinates, num_symbols = coordinate_probs.shape
    if values.shape != (num_symbols**num_coordinates,):
        raise ValueError(
            f"values must be [{num_symbols}^{num_coordinates}], one per state, got the shape {list(values.shape)}"
        )
    # The table is a matrix, first half of the coordinates by second half: one matrix product for the whole batch, and
    # the memory per point is the square root of the number of states.
    half = num_coordinates // 2
    left = _products(coordinate_probs[:, :half])
    right = _products(coordinate_probs[:, half:])
    matrix = values.reshape(left.shape[1], right.shape[1])
    return jnp.sum(jnp.matmul(left, matrix, precision="highest") * right, axis=1)


def _products(factors: jax.Array) -> jax.Array:
    """Computes all products of one weight per coordinate, ``[B, d, K] -> [B, K ** d]``, in counting order."""
    batch, num_coordinates, num_symbols = factors.shape
    products = jnp.ones((batch, 1))
    for i in range(num_coordinates):
        products = (products[:, :, None] * factors[:, None, i]).reshape(batch, num_symbols ** (i + 1))
    return products


def coordinate_probs(statistics: jax.Array, *, event_ndims: int, num_symbols: int) -> jax.Array:
    """Converts sufficient statistics, or means of them, to weights of every symbol in every coordinate.

    Args:
      statistics: bits or their probabilities ``[B, ...]``, or one-hot vectors or their means ``[B, ..., K]``.
      event_ndims: trailing dims of one example's statistics. Static.
      num_symbols: K; 2 means bits. Static.

    Returns:
      ``[B, D, K]``.

    Example:
      >>> coordinate_probs(jnp.array([[1.0, 0.25]]), event_ndims=1, num_symbols=2).tolist()
      [[[0.0, 1.0], [0.75, 0.25]]]
    """
    batch = statistics.shape[: statistics.ndim - event_ndims]
    if num_symbols == 2:
        bits = statistics.reshape(*batch, math.prod(statistics.shape[len(batch) :]))
        return jnp.stack([1.0 - bits, bits], axis=-1)
    return statistics.reshape(*batch, -1, num_symbols)
