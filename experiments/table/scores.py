"""Scores of a synthetic table beside its floor, real training rows, its ceiling, independent columns, and a tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.data import Dataset, DatasetSpec, to_cells
from bgan_jax.evaluation import table_forests, table_sdmetrics
from bgan_jax.evaluation.table_copies import table_copies
from bgan_jax.evaluation.table_models import chow_liu_tree, independent_columns
from bgan_jax.evaluation.table_pairs import joint_shares, kept_dependence, mean_of_pairs, pair_distances
from experiments.harness.runs.table_label import label_of

#: Rows of which distances to all training rows are computed.
MOST_COMPARED = 2000
_WORST = 5


class Reference(NamedTuple):
    """What samples are compared with.

    Attributes:
      spec: of the table.
      train: training rows, ``[n, C]``.
      held_out: the others.
      held_out_shares: of their pairs, from ``joint_shares``.
      num_samples: rows of every measurement.
      label: place of the learned column that classifiers predict.
    """

    spec: DatasetSpec
    train: np.ndarray
    held_out: np.ndarray
    held_out_shares: np.ndarray
    num_samples: int
    label: int

    @property
    def names(self) -> list[str]:
        """The names of the learned columns."""
        return [column.name for column in self.spec.columns or () if column.learned]


def reference_of(train: Dataset, held_out: Dataset, *, num_samples: int, label: str | None) -> Reference:
    """Makes the reference of a table.

    Args:
      train: the training rows.
      held_out: the others.
      num_samples: rows of every measurement; at most as many as there are training rows are taken.
      label: as in :func:`label_of`.

    Raises:
      UsageError: there is no learned column of that name.
    """
    spec = train.spec
    rows, others = (split.rows(np.arange(len(split))).astype(np.int64) for split in (train, held_out))
    return Reference(
        spec=spec,
        train=rows,
        held_out=others,
        held_out_shares=joint_shares(others, spec.column_sizes),
        num_samples=min(num_samples, len(rows)),
        label=label_of(spec, label),
    )


def pair_scores(reference: Reference, rows: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """Computes the mean total variation of columns and of pairs of them, and that of every pair, ``[C, C]``."""
    sizes = reference.spec.column_sizes
    distances = pair_distances(joint_shares(rows, sizes), reference.held_out_shares, sizes)
    return {"columns": float(np.diag(distances).mean()), "pairs": mean_of_pairs(distances)}, distances


def library_scores(reference: Reference, rows: np.ndarray) -> dict[str, float]:
    """Computes the scores of ``sdmetrics`` of some rows, against as many held-out rows as there are."""
    real, synthetic = (to_cells(table, spec=reference.spec) for table in (reference.held_out, rows))
    return table_sdmetrics.sdmetrics_scores(real, synthetic, reference.spec.columns or ())


def scores(reference: Reference, rows: np.ndarray, *, forests: bool) -> tuple[dict[str, Any], np.ndarray]:
    """Computes every score of some rows; of classifiers only where ``forests``, of sdmetrics only where installed.

    Returns:
      The scores by name, and the total variation of every pair, ``[C, C]``.
    """
    found, distances = pair_scores(reference, rows)
    compared = rows[np.linspace(0, len(rows) - 1, min(MOST_COMPARED, len(rows))).astype(int)]
    result: dict[str, Any] = {
        **found,
        **table_copies(compared, reference.train, reference.spec.column_sizes)._asdict(),
    }
    if forests:
        result["train_here_test_real"] = table_forests.accuracy_on_real(rows, reference.held_out, label=reference.label)
        result["two_sample"] = table_forests.two_sample_accuracy(rows, reference.held_out)
    if table_sdmetrics.available():
        result["sdmetrics"] = library_scores(reference, rows)
    return result, distances


def real_scores(reference: Reference, *, forests: bool) -> tuple[dict[str, Any], np.ndarray]:
    """Computes the scores of the training rows, as :func:`scores` does; copies are those that held-out rows have."""
    found, distances = scores(reference, reference.train, forests=forests)
    # Training rows are copies of themselves; what held-out rows have is the natural rate.
    compared = reference.held_out[:MOST_COMPARED]
    natural = table_copies(compared, reference.train, reference.spec.column_sizes)
    return found | natural._asdict(), distances


def baselines(reference: Reference, *, forests: bool, seed: int) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Computes the scores of real training rows, a Chow-Liu tree and independent columns, and their pairs."""
    draws = np.random.default_rng(seed)
    tables = {
        "tree": chow_liu_tree(reference.train, reference.spec.column_sizes)(draws, reference.num_samples),
        "independent": independent_columns(reference.train)(draws, reference.num_samples),
    }
    found = {"real": real_scores(reference, forests=forests)}
    found |= {name: scores(reference, rows, forests=forests) for name, rows in tables.items()}
    return {name: values for name, (values, _) in found.items()}, {name: pairs for name, (_, pairs) in found.items()}


def kept(samples: float, baseline: dict[str, Any]) -> float:
    """Computes the share of the dependence between columns that samples keep, of their mean pair distance."""
    return kept_dependence(samples=samples, floor=baseline["real"]["pairs"], ceiling=baseline["independent"]["pairs"])


def worst(reference: Reference, distances: np.ndarray, floor: np.ndarray) -> dict[str, Sequence[dict[str, Any]]]:
    """Lists the columns and the pairs that are farthest above their floor."""
    names, above = reference.names, distances - floor
    columns = np.argsort(-np.diag(above))[:_WORST]
    first, second = np.triu_indices(len(names), k=1)
    pairs = np.argsort(-above[first, second])[:_WORST]
    return {
        "worst_columns": [_entry(names[i], distances[i, i], floor[i, i]) for i in columns],
        "worst_pairs": [
            _entry(f"{names[first[k]]}, {names[second[k]]}", distances[first[k], second[k]], floor[first[k], second[k]])
            for k in pairs
        ],
    }


def _entry(name: str, distance: float, floor: float) -> dict[str, Any]:
    return {"name": name, "distance": round(float(distance), 4), "floor": round(float(floor), 4)}
