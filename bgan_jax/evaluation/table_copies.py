"""Copies in synthetic tables: how near rows are to the nearest training row, beside held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bgan_jax.evaluation.table_pairs import one_hot_rows

_BATCH = 1024  # Rows in one matrix product.


class TableCopies(NamedTuple):
    """How near rows are to the training rows, in columns that differ.

    Attributes:
      copied_share: share of the rows that are equal to a training row.
      mean_distance: mean over the rows of the number of columns in which they differ from the nearest training row.
      fifth_percentile: of that number; a few copies in many rows show here first.
    """

    copied_share: float
    mean_distance: float
    fifth_percentile: float


def nearest_differences(rows: np.ndarray, train: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Computes in how many columns every row differs from the training row that is nearest to it.

    Args:
      rows: ``[n, C]``, integers.
      train: training rows, ``[m, C]``.
      sizes: categories of every column.

    Returns:
      ``[n]``, integers in 0 .. C; 0 for a copy.

    Example:
      >>> nearest_differences(np.array([[0, 1], [2, 0]]), np.array([[0, 1], [0, 0]]), [3, 2]).tolist()
      [0, 1]
    """
    encoded_train = one_hot_rows(np.asarray(train), sizes)
    equal = [
        np.max(one_hot_rows(np.asarray(rows[first : first + _BATCH]), sizes) @ encoded_train.T, axis=1)
        for first in range(0, len(rows), _BATCH)
    ]
    return len(sizes) - np.concatenate(equal).astype(np.int64)


def table_copies(rows: np.ndarray, train: np.ndarray, sizes: Sequence[int]) -> TableCopies:
    """Summarises :func:`nearest_differences`.

    Example:
      >>> table_copies(np.array([[0, 1], [2, 0]]), np.array([[0, 1], [0, 0]]), [3, 2]).copied_share
      0.5
    """
    distances = nearest_differences(rows, train, sizes)
    return TableCopies(
        copied_share=float(np.mean(distances == 0)),
        mean_distance=float(distances.mean()),
        fifth_percentile=float(np.quantile(distances, 0.05)),
    )
