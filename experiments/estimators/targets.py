"""The target distributions of the estimator laboratory, by name."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from bgan_jax.evaluation.enumerable import (
    EnumerableTarget,
    ising_target,
    product_mixture_target,
    random_markov_chain_target,
    random_target,
)
from bgan_jax.evaluation.host_randomness import host_generator


def _mixture(key: jax.Array) -> EnumerableTarget:
    logits = host_generator(key).normal(scale=2.5, size=(4, 12))
    return product_mixture_target(np.full(4, 0.25), logits)


# Name -> target of a key. The six bits are the setting of the table that the per-latent bias is best known from:
# five latents, random logits, heavy weights.
TARGETS: dict[str, Callable[[jax.Array], EnumerableTarget]] = {
    "bits6": lambda key: random_target(key, num_bits=6, spread=1.5),
    "mixture": _mixture,
    "random": lambda key: random_target(key, num_bits=12, spread=1.0),
    "chain": random_markov_chain_target,
    "ising": lambda key: ising_target(side=4),
}
# Targets inside the generator's own family: training must bring the divergence to zero.
ATTAINABLE = ("mixture",)


def target_of(name: str, *, seed: int) -> EnumerableTarget:
    """Builds a target.

    Args:
      name: a key of ``TARGETS``.
      seed: of what is random in it.

    Returns:
      The target.
    """
    return TARGETS[name](jax.random.fold_in(jax.random.key(seed), list(TARGETS).index(name)))
