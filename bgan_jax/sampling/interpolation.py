"""Samples of given latents, at other temperatures, and along interpolations between latents."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.passes import draw_latents
from bgan_jax.conditionals import Conditional, latent_and_sample_keys
from bgan_jax.networks import Networks
from bgan_jax.sampling.sampler import Sampler, Samples

#: ``decode(keys, latents)``: the samples of n latents, ``[n, latent_dim]``, with a key for each.
Decoder = Callable[[jax.Array, jax.Array], Samples]


def make_decoder(
    networks: Networks,
    conditional: Conditional | None,
    variables: Any,
    *,
    temperature: float = 1.0,
    batch_size: int = 250,
) -> Decoder:
    r"""Creates a function that maps latents to samples of a trained generator.

    For discrete data a sample is drawn from :math:`g_T(x \mid z) \propto g(x \mid z)^{1/T}`, coordinate by coordinate:
    T = 1 is the generator, T towards 0 gives the most probable bits or symbols, T above 1 more noise. For continuous
    data the output is deterministic, and T must be 1 here; see :func:`draw_tempered_latents`.

    Args:
      networks: both players; only the generator is used.
      conditional: the generator's conditional family; ``None`` for continuous data.
      variables: the generator's variables, such as ``TrainState.gen_average``.
      temperature: T, positive.
      batch_size: latents per call of the network. The samples do not depend on it.

    Returns:
      The decoder.

    Raises:
      ValueError: the temperature is not positive, or it is not 1 for continuous data.
    """
    if not temperature > 0.0:
        raise ValueError(f"temperature={temperature} must be positive; values near 0 give the most probable samples")
    if conditional is None and temperature != 1.0:
        raise ValueError(f"temperature={temperature} must be 1 for continuous data, where the output is deterministic")

    @jax.jit
    def decode_batch(variables: Any, keys: jax.Array, latents: jax.Array) -> tuple[jax.Array, jax.Array | None]:
        logits, _ = networks.gen.apply(variables, latents, train=False)
        if conditional is None:
            return logits, None
        logits = logits / temperature
        return jax.vmap(conditional.sample)(keys, logits), conditional.mean(logits)

    def decode(keys: jax.Array, latents: jax.Array) -> Samples:
        count, batches = len(latents), []
        for start in range(0, max(count, 1), batch_size):
            # The last batch is padded by repetition, so that one shape is compiled.
            index = jnp.minimum(start + jnp.arange(batch_size), count - 1)
            batches.append(jax.tree.map(np.asarray, decode_batch(variables, keys[index], latents[index])))
        x = np.concatenate([x for x, _ in batches])[:count]
        return Samples(x=x, probs=None if conditional is None else np.concatenate([p for _, p in batches])[:count])

    return decode


def draw_tempered_latents(keys: jax.Array, *, networks: Networks, temperature: float = 1.0) -> jax.Array:
    """Draws latents of the prior and scales their deviation from its mean by T: T = 1 is the prior, T = 0 its mean.

    A coordinate that chooses a category stays as it is.

    Args:
      keys: one per latent, ``[n]``.
      networks: their prior is used.
      temperature: T, not negative.

    Returns:
      Latents, ``[n, latent_dim]``.
    """
    latents = draw_latents(keys, networks=networks)
    mean = 0.5 if networks.latent_prior == "uniform" else 0.0
    if temperature == 1.0:
        return latents
    tempered = mean + temperature * (latents - mean)
    return tempered.at[:, 0].set(latents[:, 0]) if networks.latent_categories else tempered


def make_tempered_sampler(
    networks: Networks, conditional: Conditional | None, variables: Any, *, temperature: float
) -> Sampler:
    """Creates a sampler at a temperature; at T = 1 its samples are exactly those of the run's sampler.

    Args:
      networks: both players; only the generator is used.
      conditional: the generator's conditional family; ``None`` for continuous data, whose latents are then tempered.
      variables: the generator's variables.
      temperature: T, positive.

    Returns:
      ``sample(key, n)``.

    Raises:
      ValueError: the temperature is not positive.
    """
    of_latents = temperature if conditional is None else 1.0
    decode = make_decoder(networks, conditional, variables, temperature=1.0 if conditional is None else temperature)

    def sample(key: jax.Array, n: int) -> Samples:
        latent_keys, sample_keys = latent_and_sample_keys(key, jnp.arange(n))
        return decode(sample_keys, draw_tempered_latents(latent_keys, networks=networks, temperature=of_latents))

    return sample


def interpolate_latents(first: jax.Array, last: jax.Array, *, num: int, prior: str) -> jax.Array:
    r"""Interpolates between two latents, both included.

    Normal latents lie near a sphere, so the interpolation is spherical:
    :math:`\sin((1-t)\theta)/\sin\theta \; a + \sin(t\theta)/\sin\theta \; b` with the angle :math:`\theta` between
    them. Uniform latents fill a cube, and the interpolation is linear.

    Args:
      first: a, ``[d]``.
      last: b, ``[d]``.
      num: number of latents, at least 2. Static.
      prior: ``"normal"`` or ``"uniform"``. Static.

    Returns:
      Latents, ``[num, d]``.

    Raises:
      ValueError: ``num`` is below 2.

    Example:
      >>> interpolate_latents(jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]), num=3, prior="normal").round(3)
      Array([[1.   , 0.   ],
             [0.707, 0.707],
             [0.   , 1.   ]], dtype=float32)
    """
    if num < 2:
        raise ValueError(f"num={num} must be at least 2, the two ends")
    share = jnp.linspace(0.0, 1.0, num)[:, None]
    first, last = first[None, :], last[None, :]
    if prior == "uniform":
        return (1.0 - share) * first + share * last
    cosine = jnp.sum(first * last) / (jnp.linalg.norm(first) * jnp.linalg.norm(last))
    angle = jnp.clip(jnp.arccos(jnp.clip(cosine, -1.0, 1.0)), 1e-4, jnp.pi - 1e-4)
    return (jnp.sin((1.0 - share) * angle) * first + jnp.sin(share * angle) * last) / jnp.sin(angle)


def interpolations(
    key: jax.Array, *, networks: Networks, num_pairs: int, num_steps: int
) -> tuple[jax.Array, jax.Array]:
    """Draws pairs of latents and interpolates between them, with one sampling key for all steps of a pair.

    The key is shared so that only the latent changes along an interpolation. Where the first coordinate of a latent
    chooses a category, both ends of a pair have the same: there is no path from one category to another.

    Args:
      key: PRNG key.
      networks: their prior is used.
      num_pairs: number of interpolations.
      num_steps: latents of each, both ends included.

    Returns:
      Sampling keys ``[num_pairs * num_steps]`` and latents ``[num_pairs * num_steps, d]``, grouped by pair.
    """
    end_key, sample_key = jax.random.split(key)
    ends = draw_latents(jax.random.split(end_key, 2 * num_pairs), networks=networks)
    between = functools.partial(interpolate_latents, num=num_steps, prior=networks.latent_prior)
    latents = jax.vmap(between)(ends[:num_pairs], ends[num_pairs:])
    if networks.latent_categories:
        latents = latents.at[:, :, 0].set(ends[:num_pairs, :1])
    keys = jnp.repeat(jax.random.split(sample_key, num_pairs), num_steps, axis=0)
    return keys, latents.reshape(num_pairs * num_steps, -1)
