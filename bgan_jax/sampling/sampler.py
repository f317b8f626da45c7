"""Samplers of trained generators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.passes import draw_latents
from bgan_jax.conditionals import Conditional, latent_and_sample_keys
from bgan_jax.networks import Networks


class Samples(NamedTuple):
    """Samples of a generator.

    Attributes:
      x: the samples, ``[n, ...]``: integers, uint8 (uint16 beyond 256 symbols), or float32 for continuous data.
      probs: the probabilities they were drawn from, ``[n, ...]``, float32: of a 1 for bits, of every symbol otherwise;
        ``None`` for continuous data, whose generators are deterministic, and for families without an exact mean.
    """

    x: np.ndarray
    probs: np.ndarray | None


#: ``sample(key, n)``. Sample i depends only on the key and on i, so the first samples do not depend on n.
Sampler = Callable[[jax.Array, int], Samples]


# A run makes a sampler for every image grid. The compiled function is cached, so that it is compiled only once, which
# takes seconds and megabytes of memory.
@functools.lru_cache(maxsize=8)
def _discrete_batch(networks: Networks, conditional: Conditional) -> Callable[..., tuple[jax.Array, jax.Array | None]]:
    @jax.jit
    def sample_batch(variables: Any, key: jax.Array, index: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        latent_keys, sample_keys = latent_and_sample_keys(key, index)
        logits, _ = networks.gen.apply(variables, draw_latents(latent_keys, networks=networks), train=False)
        probs = conditional.mean(logits) if conditional.linear else None
        return jax.vmap(conditional.sample)(sample_keys, logits), probs

    return sample_batch


@functools.lru_cache(maxsize=8)
def _point_batch(networks: Networks) -> Callable[..., jax.Array]:
    @jax.jit
    def sample_batch(variables: Any, key: jax.Array, index: jax.Array) -> jax.Array:
        latent_keys, _ = latent_and_sample_keys(key, index)
        return networks.gen.apply(variables, draw_latents(latent_keys, networks=networks), train=False)[0]

    return sample_batch


def make_sampler(networks: Networks, conditional: Conditional, variables: Any, *, batch_size: int = 250) -> Sampler:
    """Creates a sampler of a generator of discrete data: one draw from the conditional of each new latent.

    Args:
      networks: both players; only the generator is used.
      conditional: the generator's conditional family.
      variables: the generator's variables, such as ``TrainState.gen_average``.
      batch_size: samples per call of the network. The samples do not depend on it.

    Returns:
      The sampler.
    """
    sample_batch = _discrete_batch(networks, conditional)

    def sample(key: jax.Array, n: int) -> Samples:
        batches = []
        for start in range(0, max(n, 1), batch_size):
            batch = sample_batch(variables, key, start + jnp.arange(batch_size))
            batches.append(jax.tree.map(np.asarray, batch))
        whole = jax.tree.map(lambda *parts: np.concatenate(parts)[:n], *batches)
        return Samples(*whole)

    return sample


def make_point_sampler(networks: Networks, variables: Any, *, batch_size: int = 250) -> Sampler:
    """Creates a sampler of a generator of continuous data: its outputs for new latents.

    Args:
      networks: both players; only the generator is used.
      variables: the generator's variables, such as ``TrainState.gen_average``.
      batch_size: samples per call of the network. The samples do not depend on it.

    Returns:
      The sampler.
    """
    sample_batch = _point_batch(networks)

    def sample(key: jax.Array, n: int) -> Samples:
        starts = range(0, max(n, 1), batch_size)
        batches = [np.asarray(sample_batch(variables, key, start + jnp.arange(batch_size))) for start in starts]
        return Samples(x=np.concatenate(batches)[:n], probs=None)

    return sample
