"""Samples that meet a condition, by rejection: draw, and keep those that do."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from bgan_jax.sampling.sampler import Sampler, Samples

#: Samples of one round.
ROUND = 5000


def sample_where(
    key: jax.Array, sample: Sampler, accept: Callable[[np.ndarray], np.ndarray], n: int, *, most: int = 2_000_000
) -> Samples:
    """Draws samples until n of them meet a condition: exactly the generator's distribution given the condition.

    Args:
      key: PRNG key.
      sample: the generator's sampler.
      accept: samples, ``[m, ...]`` -> which of them meet the condition, bool ``[m]``.
      n: number of samples to keep.
      most: how many are drawn at most.

    Returns:
      The first n that meet it.

    Raises:
      ValueError: fewer than n of ``most`` meet it; says how many.

    Example:
      >>> coin = lambda key, n: Samples(x=np.asarray(jax.random.bernoulli(key, 0.5, (n,))), probs=None)
      >>> sample_where(jax.random.key(0), coin, lambda x: x, 3).x.tolist()
      [True, True, True]
    """
    parts: list[np.ndarray] = []
    drawn = kept = 0
    while kept < n:
        if drawn >= most:
            raise ValueError(
                f"{kept:,} of {drawn:,} samples meet the condition, and {n:,} are wanted; choose a condition that is "
                "more frequent, or fewer samples"
            )
        x = sample(jax.random.fold_in(key, drawn // ROUND), ROUND).x
        parts.append(x[accept(x)])
        drawn, kept = drawn + ROUND, kept + len(parts[-1])
    return Samples(x=np.concatenate(parts)[:n], probs=None)
