"""Random choices on the host (shuffles, resamples) from JAX PRNG keys."""

from __future__ import annotations

import jax
import numpy as np


def host_generator(key: jax.Array) -> np.random.Generator:
    """Creates a numpy generator seeded by a PRNG key, for shuffles of host arrays without compiling one per size.

    Args:
      key: typed PRNG key; equal keys give equal generators, split or folded keys independent ones.

    Returns:
      The generator.

    Example:
      >>> bool(host_generator(jax.random.key(0)).random() == host_generator(jax.random.key(0)).random())
      True
    """
    return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
