"""Restores a run: the checkpoint that process 0 finds becomes the state on every device of every host."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from bgan_jax.algorithms.state import TrainState
from bgan_jax.conditionals.keys import retry_key
from bgan_jax.runtime import hosts, parallel
from bgan_jax.runtime.checkpoints import Checkpoints
from bgan_jax.runtime.parallel import Launcher

#: What a run does when a number is not finite.
NAN_POLICIES = ("stop", "restore")
#: How often a run may restore its last checkpoint before it stops.
MAX_RESTORES = 3


def restore_on_all(
    checkpoints: Checkpoints | None, like: TrainState, *, launcher: Launcher, retry: int = 0
) -> tuple[int, TrainState] | None:
    """Restores the newest good checkpoint that process 0 finds, on all devices. All processes call it together.

    Args:
      checkpoints: of the run, on process 0; ``None`` on the others.
      like: a state of the run; only its shapes are read, so it may have been donated.
      launcher: of the run.
      retry: number of this retry after a failure, from 1; it changes the root key, so that the run does not repeat
        the same numbers. 0 keeps the key.

    Returns:
      The number of finished steps and the state, replicated; ``None`` when there is no checkpoint.

    Raises:
      ValueError: there are checkpoints, and all are damaged.
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
        return tree.replace(key=retry_key(key, attempt=retry) if retry else key)

    return step, parallel.replicate(typed, tree, launcher=launcher)
