"""Metrics added up on the devices between two reports, and read back as means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.runtime import parallel
from bgan_jax.runtime.nonfinite import NonFiniteError, nonfinite_message, with_seeds


@flax.struct.dataclass
class Totals:
    """Metrics added up since the last report; they stay on the devices until they are read.

    They are one array, so that a step takes one argument for all metrics and a report copies them at once. In a run of
    several seeds the array has a leading axis of seeds.

    Attributes:
      packed: int32 ``[1 + 2 K]`` or ``[S, 1 + 2 K]``: the number of steps added up, the bits of the float32 sums of K
        metrics, and the step, counted from 0, at which each was first not finite, -1 if there was none.
      names: of the K metrics, in order; static.
    """

    packed: Any
    names: tuple[str, ...] = flax.struct.field(pytree_node=False)


def empty_totals(names: Sequence[str], *, num_seeds: int | None = None) -> Totals:
    """Returns the totals of no steps, as a numpy array, so that no backend is started.

    Args:
      names: of the metrics.
      num_seeds: S; ``None`` in a run of one seed, whose metrics are scalars.

    Example:
      >>> empty_totals(["bound"], num_seeds=2).packed
      array([[ 0,  0, -1],
             [ 0,  0, -1]], dtype=int32)
    """
    one = np.array([0, *[0] * len(names), *[-1] * len(names)], np.int32)
    return Totals(one if num_seeds is None else np.tile(one, (num_seeds, 1)), tuple(names))


def add_metrics(totals: Totals, metrics: Mapping[str, jax.Array], *, step: jax.Array) -> Totals:
    """Adds one step's metrics to the totals; traceable.

    Args:
      totals: of the steps before.
      metrics: of one step, float32 scalars, or ``[S]``.
      step: number of finished steps before this one, int32, scalar or ``[S]``.

    Returns:
      The new totals.
    """
    count, sums, first = jnp.split(totals.packed, [1, 1 + len(totals.names)], axis=-1)
    added = jnp.stack([metrics[name] for name in totals.names], axis=-1)
    newly = (first < 0) & ~jnp.isfinite(added)
    sums = jax.lax.bitcast_convert_type(jax.lax.bitcast_convert_type(sums, jnp.float32) + added, jnp.int32)
    first = jnp.where(newly, step[..., None], first)
    return Totals(jnp.concatenate([count + 1, sums, first], axis=-1), totals.names)


def read_totals(totals: Totals, *, seeds: Sequence[int] = ()) -> dict[str, np.ndarray]:
    """Copies totals from the devices, in one transfer, and averages them over their steps.

    Args:
      totals: replicated.
      seeds: the seeds along the metrics' axis; empty in a run of one seed.

    Returns:
      The mean of every metric by name, float64 ``[S]``, where S = 1 in a run of one seed. Empty if there was no step.

    Raises:
      NonFiniteError: a metric was not finite at some step; names the first such step, its metrics and their seeds.
    """
    packed = np.atleast_2d(parallel.to_host(totals).packed)
    names, count = totals.names, packed[0, 0]
    sums, first_nonfinite = packed[:, 1 : 1 + len(names)].copy().view(np.float32), packed[:, 1 + len(names) :]
    _check_finite(dict(zip(names, first_nonfinite.T, strict=True)), seeds=seeds)
    return {name: column.astype(np.float64) / count for name, column in zip(names, sums.T, strict=True) if count}


def _check_finite(first_nonfinite: Mapping[str, np.ndarray], *, seeds: Sequence[int]) -> None:
    steps_of = dict(sorted(first_nonfinite.items()))
    found = [step for steps in steps_of.values() for step in steps.tolist() if step >= 0]
    if not found:
        return
    first = min(found)
    names = [
        with_seeds(name, [seed for i, seed in enumerate(seeds) if steps[i] == first])
        for name, steps in steps_of.items()
        if (steps == first).any()
    ]
    raise NonFiniteError(nonfinite_message(first + 1, names))


def split_seeds(metrics: Mapping[str, np.ndarray]) -> list[dict[str, float]]:
    """Splits metrics with an axis of seeds into the metrics of each seed.

    Example:
      >>> split_seeds({"bound": np.array([0.5, 0.25])})
      [{'bound': 0.5}, {'bound': 0.25}]
    """
    columns = {name: values.tolist() for name, values in metrics.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
