"""Loads a batch inside the compiled step: gathers it from device memory, or takes the rows that the host has sent."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.conditionals.keys import data_key, example_keys
from bgan_jax.data import DatasetSpec, ResidentData, batch_indices, gather, preprocess

#: ``(data, key, step, example_index) -> real``, where ``real`` is ``[minibatches, N, ...]``.
Load = Callable[[Any, jax.Array, jax.Array, jax.Array], jax.Array]


def resident_load(*, spec: DatasetSpec, batch_size: int, minibatches: int, seed: Any) -> Load:
    """Makes a load of batches that are gathered and unpacked inside the compiled step, in the order of ``data.order``.

    Args:
      spec: of the data set. Static.
      batch_size: global batch size, over all devices of all hosts. Static.
      minibatches: batches per step, one for every discriminator update. Static.
      seed: of the order of examples. Static, or a traced uint32 scalar.

    Returns:
      ``load(data, key, step, example_index) -> [minibatches, N, ...]``, preprocessed; ``data`` is a ``ResidentData``.
    """

    def load(data: ResidentData, key: jax.Array, step: jax.Array, example_index: jax.Array) -> jax.Array:
        def minibatch(i: int) -> jax.Array:
            batch_number = step.astype(jnp.uint32) * np.uint32(minibatches) + np.uint32(i)
            indices = batch_indices(
                batch_number,
                batch_size=batch_size,
                num_examples=data.num_examples,
                seed=seed,
                within=example_index.astype(jnp.uint32),
            )
            return _preprocessed(gather(data, indices), key, i, example_index, spec=spec)

        return jnp.stack([minibatch(i) for i in range(minibatches)])

    return load


def streamed_load(*, spec: DatasetSpec) -> Load:
    """Makes a load of batches that the host sends.

    Args:
      spec: of the data set. Static.

    Returns:
      ``load(data, key, step, example_index) -> [minibatches, N, ...]``, preprocessed; ``data`` has rows of this device,
      ``[N, minibatches, ...]``.
    """

    def load(data: jax.Array, key: jax.Array, step: jax.Array, example_index: jax.Array) -> jax.Array:
        del step
        return jnp.stack([_preprocessed(data[:, i], key, i, example_index, spec=spec) for i in range(data.shape[1])])

    return load


def _preprocessed(
    rows: jax.Array, key: jax.Array, minibatch: int, example_index: jax.Array, *, spec: DatasetSpec
) -> Any:
    if not spec.stochastic:
        return preprocess(None, rows, spec=spec)
    keys = example_keys(data_key(key, minibatch), example_index)
    return jax.vmap(functools.partial(preprocess, spec=spec))(keys, rows)
