"""Simple models of tables: independent columns, and the Chow-Liu tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bgan_jax.evaluation.table_pairs import joint_shares

#: ``sample(generator, n)``: rows, ``[n, C]`` integers.
TableSampler = Callable[[np.random.Generator, int], np.ndarray]
_SMOOTHING = 1e-12


def independent_columns(rows: np.ndarray) -> TableSampler:
    """Fits independent columns: every column is drawn from its own values in the training rows.

    Example:
      >>> sample = independent_columns(np.array([[0, 5], [1, 5]]))
      >>> sample(np.random.default_rng(0), 100).mean(axis=0).round(1).tolist()
      [0.5, 5.0]
    """
    rows = np.asarray(rows)

    def sample(generator: np.random.Generator, n: int) -> np.ndarray:
        chosen = generator.integers(0, len(rows), (n, rows.shape[1]))
        return np.take_along_axis(rows, chosen, axis=0)

    return sample


def chow_liu_tree(rows: np.ndarray, sizes: Sequence[int]) -> TableSampler:
    r"""Fits the tree of columns that has the highest likelihood, each column given one other.

    It is the spanning tree of the largest mutual information,

    .. math:: I_{ij} = \sum_{a, b} p_{ab} \log \frac{p_{ab}}{p_a p_b},

    of Chow and Liu 1968 (https://doi.org/10.1109/TIT.1968.1054142), with the shares of the training rows as they are:
    a pair of categories that no row has is never drawn along the tree.

    Args:
      rows: training rows, ``[n, C]``, integers.
      sizes: categories of every column.

    Returns:
      The sampler.

    Example:
      >>> generator = np.random.default_rng(0)
      >>> first = generator.integers(0, 2, 100)
      >>> sample = chow_liu_tree(np.stack([first, 1 - first, first], axis=1), [2, 2, 2])
      >>> drawn = sample(generator, 50)
      >>> bool((drawn[:, 0] == 1 - drawn[:, 1]).all() and (drawn[:, 0] == drawn[:, 2]).all())
      True
    """
    shares = joint_shares(rows, sizes)
    starts = np.cumsum([0, *sizes])
    blocks = [slice(starts[i], starts[i + 1]) for i in range(len(sizes))]
    information = _mutual_information(shares, starts[:-1])
    order = _spanning_tree(information)
    root_shares = np.diag(shares)[blocks[0]]
    conditionals = {child: shares[blocks[parent], blocks[child]] for parent, child in order}

    def sample(generator: np.random.Generator, n: int) -> np.ndarray:
        drawn = np.zeros((n, len(sizes)), np.int64)
        drawn[:, 0] = generator.choice(sizes[0], size=n, p=root_shares / root_shares.sum())
        for parent, child in order:
            cumulative = np.cumsum(conditionals[child], axis=1)[drawn[:, parent]]
            threshold = generator.random(n) * cumulative[:, -1]
            drawn[:, child] = np.sum(threshold[:, None] >= cumulative[:, :-1], axis=1)
        return drawn

    return sample


def _mutual_information(shares: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Computes the mutual information of every pair of columns in nats, ``[C, C]``."""
    own = np.diag(shares)
    ratio = np.log(np.maximum(shares, _SMOOTHING)) - np.log(np.maximum(np.outer(own, own), _SMOOTHING))
    by_row = np.add.reduceat(shares * ratio, starts, axis=0)
    return np.add.reduceat(by_row, starts, axis=1)


def _spanning_tree(weights: np.ndarray) -> list[tuple[int, int]]:
    """Returns the edges (parent, child) of the heaviest spanning tree from column 0, parents first (Prim)."""
    best, parent = weights[0].copy(), np.zeros(len(weights), np.int64)
    outside, edges = set(range(1, len(weights))), []
    while outside:
        child = max(outside, key=lambda column: best[column])
        outside.remove(child)
        edges.append((int(parent[child]), child))
        closer = weights[child] > best
        best[closer], parent[closer] = weights[child][closer], child
    return edges
