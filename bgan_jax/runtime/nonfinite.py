"""The error of a run whose numbers are not finite, and the check of a state before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

#: Names in a message; further ones are only hinted at.
MAX_NAMES = 3


class NonFiniteError(RuntimeError):
    """A metric or a state of a run is not finite."""


def nonfinite_message(step: int, names: Sequence[str]) -> str:
    """Returns the message that names what was not finite.

    Example:
      >>> nonfinite_message(7, [with_seeds("bound", [4])])
      'at step 7 these were not finite: bound (seed 4)'
    """
    return f"at step {step} these were not finite: {', '.join(names)}"


def with_seeds(name: str, seeds: Sequence[int]) -> str:
    """Appends seeds to the name of a metric or leaf; none in a run of one seed.

    Example:
      >>> with_seeds("bound", [4, 5]), with_seeds("bound", [])
      ('bound (seeds 4, 5)', 'bound')
    """
    if not seeds:
        return name
    return f"{name} (seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))})"


def check_finite(state: Any, *, step: int, seeds: Sequence[int] = ()) -> None:
    """Checks that a state is finite: even finite metrics may have led to one that is not.

    Args:
      state: a tree of numpy arrays.
      step: number of finished steps.
      seeds: the seeds along the first axis of every array; empty where arrays have no axis of seeds.

    Raises:
      NonFiniteError: names the leaves that hold a number that is not finite, and their seeds.
    """
    names = [
        with_seeds(jax.tree_util.keystr(path), [seed for i, seed in enumerate(seeds) if not np.isfinite(leaf[i]).all()])
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
        if np.issubdtype(leaf.dtype, np.floating) and not np.isfinite(leaf).all()
    ]
    if names:
        raise NonFiniteError(nonfinite_message(step, names[:MAX_NAMES]) + (" ..." if names[MAX_NAMES:] else ""))
