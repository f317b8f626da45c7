"""Going on from a checkpoint: the same state on every device of every host, from what process 0 finds."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from bgan_jax.algorithms.state import TrainState
from bgan_jax.conditionals.keys import retry_key
from bgan_jax.runtime import hosts, parallel
from bgan_jax.runtime.checkpoints import Checkpoints

#: What to do about a number that is not finite.
NAN_POLICIES = ("stop", "restore")
#: How often a run may go back before it stops.
MAX_RESTORES = 3


def restore_on_all(
    checkpoints: Checkpoints | None, like: TrainState, *, launcher: str, turn: int = 0
) -> tuple[int, TrainState] | None:
    """The newest good checkpoint that process 0 finds, on all devices. Called by all processes together.

    Args:
      checkpoints: the run's, on process 0; ``None`` on the others.
      like: a state of the run; only its shapes are read, so it may have been donated.
      launcher: ``"pmap"`` or ``"shard_map"``.
      turn: above 0 it changes the root key, so that what went wrong does not happen again number by number.

    Returns:
      The number of finished steps and the state, replicated; ``None`` when there is no checkpoint.

    Raises:
      ValueError: there are checkpoints, and none is whole.
    """
    shapes = jax.eval_shape(lambda tree: tree.replace(key=jax.random.key_data(tree.key)), like)
    found = hosts.on_first(lambda: checkpoints.restore(shapes) if checkpoints is not None else None)
    step = int(hosts.from_first(np.int32(-1 if found is None else found.step)))
    if step < 0:
        return None
    empty = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    tree = hosts.from_first(empty if found is None else found.tree)

    def typed(tree: Any) -> TrainState:
        key = jax.random.wrap_key_data(tree.key)
        return tree.replace(key=retry_key(key, attempt=turn) if turn else key)

    return step, parallel.replicate(typed, tree, parallel=launcher)
