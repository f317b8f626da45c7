"""One compiled call of a run: fetch the batch, take the step, add the metrics up, all on the device."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.conditionals.keys import data_key, example_keys
from bgan_jax.data import DatasetSpec, ResidentData, gather, preprocess, shuffled_indices

Load = Callable[[Any, jax.Array, jax.Array, jax.Array], jax.Array]


class Totals(NamedTuple):
    """Metrics since the last report. They stay on the device until somebody reads them.

    Attributes:
      num_steps: number of steps added up, int32.
      sums: sum of every metric.
      first_nonfinite: for every metric the first step at which it was not finite, -1 if there was none, int32.
    """

    num_steps: jax.Array
    sums: dict[str, jax.Array]
    first_nonfinite: dict[str, jax.Array]


def empty_totals(names: tuple[str, ...]) -> Totals:
    """Totals of no step yet, for metrics of these names; numpy, so that no backend is needed."""
    return Totals(
        num_steps=np.zeros((), np.int32),  # type: ignore[arg-type]
        sums={name: np.zeros((), np.float32) for name in names},  # type: ignore[misc]
        first_nonfinite={name: np.full((), -1, np.int32) for name in names},  # type: ignore[misc]
    )


def add(totals: Totals, metrics: dict[str, jax.Array], step: jax.Array) -> Totals:
    """Totals with one more step's metrics."""

    def first(name: str) -> jax.Array:
        newly = (totals.first_nonfinite[name] < 0) & ~jnp.isfinite(metrics[name])
        return jnp.where(newly, step, totals.first_nonfinite[name])

    return Totals(
        num_steps=totals.num_steps + 1,
        sums={name: totals.sums[name] + metrics[name] for name in metrics},
        first_nonfinite={name: first(name) for name in metrics},
    )


def resident_load(*, spec: DatasetSpec, batch_size: int, minibatches: int, seed: Any) -> Load:
    """Batches gathered and unpacked inside the compiled step, by the stateless order of ``bgan_jax.data.order``.

    Args:
      spec: what the data set is. Static.
      batch_size: global batch size, over all devices of all hosts. Static.
      minibatches: batches per step, one for every discriminator update. Static.
      seed: of the order of examples. Static, or a traced uint32 scalar.

    Returns:
      ``load(data, key, step, example_index) -> [minibatches, N, ...]`` in the data's own form.
    """

    def load(data: ResidentData, key: jax.Array, step: jax.Array, example_index: jax.Array) -> jax.Array:
        def minibatch(i: int) -> jax.Array:
            batch_number = step.astype(jnp.uint32) * np.uint32(minibatches) + np.uint32(i)
            positions = batch_number * np.uint32(batch_size) + example_index.astype(jnp.uint32)
            indices = shuffled_indices(positions, num_examples=data.num_examples, seed=seed)
            return _device_form(gather(data, indices), key, i, example_index, spec=spec)

        return jnp.stack([minibatch(i) for i in range(minibatches)])

    return load


def streamed_load(*, spec: DatasetSpec) -> Load:
    """Batches that the host has sent: ``[N, minibatches, ...]``, the first axis split over the devices."""

    def load(data: jax.Array, key: jax.Array, step: jax.Array, example_index: jax.Array) -> jax.Array:
        del step
        return jnp.stack([_device_form(data[:, i], key, i, example_index, spec=spec) for i in range(data.shape[1])])

    return load


def _device_form(
    rows: jax.Array, key: jax.Array, minibatch: int, example_index: jax.Array, *, spec: DatasetSpec
) -> Any:
    if not spec.stochastic:
        return preprocess(None, rows, spec=spec)
    keys = example_keys(data_key(key, minibatch), example_index)
    return jax.vmap(functools.partial(preprocess, spec=spec))(keys, rows)


def make_advance(step_fn: Callable[..., Any], load: Load) -> Callable[..., Any]:
    """Composes a step with its data and its metrics.

    Args:
      step_fn: ``(state, real, example_index, *, axis_name) -> (state, metrics)``.
      load: ``(data, key, step, example_index) -> real``.

    Returns:
      ``advance(state, totals, data, example_index, *, axis_name) -> (state, totals)``, for ``parallel.on_devices``.
    """

    def advance(
        state: Any, totals: Totals, data: Any, example_index: jax.Array, *, axis_name: str | None = None
    ) -> tuple[Any, Totals]:
        real = load(data, jax.random.fold_in(state.key, state.step), state.step, example_index)
        next_state, metrics = step_fn(state, real, example_index, axis_name=axis_name)
        return next_state, add(totals, metrics, state.step)

    return advance
