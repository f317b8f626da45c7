"""The named streams of PRNG keys: what each random draw of a run is keyed by.

A run has one root key, never advanced. Step t uses ``fold_in(root, t)``; a round of the step (one update of a player)
``fold_in(step_key, i)``; an example ``fold_in(round_key, example_index)`` by its index in the global batch, so that a
run draws the same numbers on any number of devices. An example's key splits into its latent's key and its samples' key,
and sample m is drawn with ``fold_in(sample_key, m)``. Every other stream has a function here:

=======================  ================================================================================
stream                   key
=======================  ================================================================================
:func:`data_key`         the step's key, a number that no round reaches, the minibatch
:func:`penalty_keys`     the sample key and M, which is one more than the last sample's index
:func:`position_keys`    the penalty's key and 1
:func:`baseline_key`     the root key before it is split, and 3
:func:`retry_key`        the root key, a number that no run of this length reaches, plus the attempt
=======================  ================================================================================
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

_DATA_STREAM, _RETRY_STREAM = 0x0DA7A, 0xBAD


def example_keys(key: jax.Array, example_index: jax.Array) -> jax.Array:
    """Returns one key per example, by the example's index in the global batch.

    Keys depend on the index alone, not on the device that holds the example, so a run draws the same numbers on one
    device, on eight, or on many hosts.

    Args:
      key: the step's key.
      example_index: index of every example in the global batch, ``[N]``, integer.

    Returns:
      Keys, ``[N]``.

    Example:
      >>> example_keys(jax.random.key(0), jnp.arange(3)).shape
      (3,)
    """
    return jax.vmap(lambda index: jax.random.fold_in(key, index))(example_index)


def latent_and_sample_keys(key: jax.Array, example_index: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the key of each example's latent, and the key of the samples drawn for it.

    Args:
      key: the round's key.
      example_index: index of every example in the global batch, ``[N]``, integer.

    Returns:
      Two arrays of keys, ``[N]`` each.

    Example:
      >>> latent_keys, sample_keys = latent_and_sample_keys(jax.random.key(0), jnp.arange(3))
      >>> latent_keys.shape, sample_keys.shape
      ((3,), (3,))
    """
    latent_keys, sample_keys = jnp.unstack(jax.vmap(jax.random.split)(example_keys(key, example_index)), axis=1)
    return latent_keys, sample_keys


def data_key(step_key: jax.Array, minibatch: int) -> jax.Array:
    """Returns the key of what is random in a minibatch of data, such as stochastic binarisation."""
    return jax.random.fold_in(jax.random.fold_in(step_key, _DATA_STREAM), minibatch)


def penalty_keys(sample_keys: jax.Array, *, num_samples: int) -> jax.Array:
    """Returns the key of each example's penalty, ``[N]``; samples 0 to M - 1 have the keys before it."""
    return jax.vmap(lambda key: jax.random.fold_in(key, num_samples))(sample_keys)


def position_keys(keys: jax.Array) -> jax.Array:
    """Returns the key of the position that each example's penalty is taken at, ``[N]``."""
    return jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys)


def baseline_key(key: jax.Array) -> jax.Array:
    """Returns the key of a learned baseline's initial parameters, from the key that the run starts with."""
    # The three keys that this one is split into are the players' and the run's root key.
    return jax.random.fold_in(key, 3)


def retry_key(root: jax.Array, *, attempt: int) -> jax.Array:
    """Returns the root key of a run's ``attempt``-th retry from a checkpoint, so that it draws other numbers."""
    return jax.random.fold_in(root, _RETRY_STREAM + attempt)
