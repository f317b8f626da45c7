r"""Pairs of columns of a table: how far their distributions in two sets of rows are apart.

Rows are categories, ``[n, C]``; column c has ``sizes[c]`` of them. The total variation of two distributions,

.. math:: \mathrm{TV}(p, q) = \tfrac12 \sum_{a, b} |p_{ab} - q_{ab}| \in [0, 1],

is 0 where they are the same. Of samples it is above 0 even where the distributions are the same, so it is given beside
that of other real rows, the floor, and beside that of independent columns, the ceiling.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def joint_shares(rows: npt.ArrayLike, sizes: Sequence[int]) -> np.ndarray:
    """Computes the shares of all pairs of categories of all pairs of columns.

    Args:
      rows: ``[n, C]``, integers.
      sizes: categories of every column.

    Returns:
      ``[D, D]`` float64, D the sum of the sizes; the block of two columns is their joint distribution, that of a column
      with itself has its distribution on the diagonal.

    Example:
      >>> joint_shares([[0, 1], [1, 1]], [2, 2]).tolist()
      [[0.5, 0.0, 0.0, 0.5], [0.0, 0.5, 0.0, 0.5], [0.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 1.0]]
    """
    rows = np.asarray(rows)
    total = np.zeros((sum(sizes), sum(sizes)))
    for first in range(0, len(rows), 8192):  # Whole numbers below 2^24 add up exactly in float32.
        part = one_hot_rows(rows[first : first + 8192], sizes)
        total += part.T @ part
    return total / len(rows)


def one_hot_rows(rows: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Encodes rows ``[n, C]`` as one-hot vectors side by side, ``[n, D]`` float32, D the sum of the sizes.

    Example:
      >>> one_hot_rows(np.array([[1, 2]]), [2, 3]).tolist()
      [[0.0, 1.0, 0.0, 0.0, 1.0]]
    """
    encoded = np.zeros((len(rows), sum(sizes)), np.float32)
    np.put_along_axis(encoded, rows.astype(np.int64) + _starts(sizes)[None], 1.0, axis=1)
    return encoded


def independent_shares(shares: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Computes what :func:`joint_shares` would be if the columns were independent, each with its own distribution."""
    own = np.diag(shares)
    joint = np.outer(own, own)
    for start, size in zip(_starts(sizes), sizes, strict=True):
        block = slice(start, start + size)
        joint[block, block] = np.diag(own[block])
    return joint


def pair_distances(shares: np.ndarray, others: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Computes the total variation of every pair of columns, and of every column alone, between two tables.

    Args:
      shares: of one table, from :func:`joint_shares`.
      others: of the other.
      sizes: categories of every column.

    Returns:
      ``[C, C]``, symmetric, with that of single columns on the diagonal.

    Example:
      >>> one, two = (joint_shares(rows, [2, 2]) for rows in ([[0, 0], [1, 1]], [[0, 1], [1, 0]]))
      >>> pair_distances(one, two, [2, 2]).tolist()  # the same columns, the opposite dependence
      [[0.0, 1.0], [1.0, 0.0]]
    """
    starts = _starts(sizes)
    by_row = np.add.reduceat(np.abs(shares - others), starts, axis=0)
    return 0.5 * np.add.reduceat(by_row, starts, axis=1)


def mean_of_pairs(distances: np.ndarray) -> float:
    """Computes the mean over pairs of different columns.

    Example:
      >>> mean_of_pairs(np.array([[0.5, 0.1], [0.1, 0.5]]))
      0.1
    """
    return float(distances[np.triu_indices(len(distances), k=1)].mean())


def kept_dependence(*, samples: float, floor: float, ceiling: float) -> float:
    """Computes the share of the dependence between columns that samples keep.

    Args:
      samples: mean total variation of pairs between samples and held-out rows.
      floor: that of training rows.
      ceiling: that of independent columns.

    Returns:
      1 at the floor, 0 at the ceiling, negative beyond it; NaN where the columns of the data are independent.

    Example:
      >>> round(kept_dependence(samples=0.085, floor=0.070, ceiling=0.195), 2)
      0.88
    """
    return (ceiling - samples) / (ceiling - floor) if ceiling > floor else float("nan")


def _starts(sizes: Sequence[int]) -> np.ndarray:
    """Returns the place of every column's first category."""
    return np.cumsum([0, *sizes[:-1]])
