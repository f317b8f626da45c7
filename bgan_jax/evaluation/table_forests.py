"""Scores of synthetic tables by random forests of scikit-learn, an extra."""

from __future__ import annotations

import importlib.util

import numpy as np

_TREES = 100


def available() -> bool:
    """Returns whether scikit-learn is installed: ``pip install 'bgan_jax[tables]'``."""
    return importlib.util.find_spec("sklearn") is not None


def accuracy_on_real(rows: np.ndarray, held_out: np.ndarray, *, label: int, seed: int = 0) -> float:
    """Computes how well a classifier that is trained on some rows predicts a column of held-out real ones.

    "Train on synthetic, test on real", where the rows are synthetic.

    Args:
      rows: to train on, ``[n, C]``, integers: categories in their own order.
      held_out: real rows, ``[m, C]``.
      label: the column that is predicted from all others.
      seed: of the forest.

    Returns:
      The share of the held-out rows that are predicted rightly.
    """
    forest = _forest(seed)
    forest.fit(np.delete(rows, label, axis=1), rows[:, label])
    return float(np.mean(forest.predict(np.delete(held_out, label, axis=1)) == held_out[:, label]))


def two_sample_accuracy(rows: np.ndarray, held_out: np.ndarray, *, seed: int = 0) -> float:
    """Computes how well a classifier tells rows from held-out real ones: 0.5 if it cannot.

    As many rows of each are used, half of them to train on and half to test with (Lopez-Paz and Oquab 2017,
    https://arxiv.org/abs/1610.06545). The accuracy has a standard error of about ``0.5 / sqrt(min(n, m))``.

    Args:
      rows: ``[n, C]``, integers.
      held_out: real rows, ``[m, C]``.
      seed: of the choice of rows and of the forest.

    Returns:
      The accuracy on rows that the classifier was not trained on.
    """
    draws = np.random.default_rng(seed)
    size = min(len(rows), len(held_out)) // 2 * 2
    sides = [side[draws.permutation(len(side))[:size]] for side in (rows, held_out)]
    labels = np.repeat([0, 1], size // 2)
    train, test = (np.concatenate([side[half::2] for side in sides]) for half in (0, 1))
    forest = _forest(seed)
    forest.fit(train, labels)
    return float(np.mean(forest.predict(test) == labels))


def _forest(seed: int):
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=_TREES, random_state=seed, n_jobs=1)
