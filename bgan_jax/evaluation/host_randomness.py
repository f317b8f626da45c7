"""Random choices on the host (shuffles, resamples) from the same keys as everything else."""

from __future__ import annotations

import jax
import numpy as np


def host_generator(key: jax.Array) -> np.random.Generator:
    """A numpy generator seeded by a key. For shuffles of host arrays: compiling one for every size would cost more.

    Args:
      key: typed PRNG key; equal keys give equal generators, split or folded keys independent ones.

    Returns:
      The generator.

    Example:
      >>> bool(host_generator(jax.random.key(0)).random() == host_generator(jax.random.key(0)).random())
      True
    """
    return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
