"""Metrics added up on the devices between two reports, and read back as means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.runtime import parallel
from bgan_jax.runtime.nonfinite import NonFiniteError, nonfinite_message, with_seeds


class Totals(NamedTuple):
    """Metrics added up since the last report; they stay on the devices until they are read.

    In a run of several seeds every metric is an array ``[S]``, one number per seed; in a run of one it is a scalar.

    Attributes:
      num_steps: number of steps added up, int32 scalar.
      sums: sum of every metric by name, float32.
      first_nonfinite: the step, counted from 0, at which each metric was first not finite, -1 if there was none, int32.
    """

    num_steps: jax.Array
    sums: dict[str, jax.Array]
    first_nonfinite: dict[str, jax.Array]


def empty_totals(names: Sequence[str], *, num_seeds: int | None = None) -> Totals:
    """Returns the totals of no steps, as numpy arrays, so that no backend is started.

    Args:
      names: of the metrics.
      num_seeds: S; ``None`` in a run of one seed, whose metrics are scalars.

    Example:
      >>> empty_totals(["bound"], num_seeds=2).sums
      {'bound': array([0., 0.], dtype=float32)}
    """
    shape = () if num_seeds is None else (num_seeds,)
    return Totals(
        num_steps=np.zeros((), np.int32),  # type: ignore[arg-type]
        sums={name: np.zeros(shape, np.float32) for name in names},  # type: ignore[misc]
        first_nonfinite={name: np.full(shape, -1, np.int32) for name in names},  # type: ignore[misc]
    )


def add_metrics(totals: Totals, metrics: Mapping[str, jax.Array], *, step: jax.Array) -> Totals:
    """Adds one step's metrics to the totals; traceable.

    Args:
      totals: of the steps before.
      metrics: of one step, scalars, or ``[S]``.
      step: number of finished steps before this one, int32, scalar or ``[S]``.

    Returns:
      The new totals.
    """

    def first(name: str) -> jax.Array:
        newly = (totals.first_nonfinite[name] < 0) & ~jnp.isfinite(metrics[name])
        return jnp.where(newly, step, totals.first_nonfinite[name])

    return Totals(
        num_steps=totals.num_steps + 1,
        sums={name: totals.sums[name] + metrics[name] for name in metrics},
        first_nonfinite={name: first(name) for name in metrics},
    )


def read_totals(totals: Totals, *, seeds: Sequence[int] = ()) -> dict[str, np.ndarray]:
    """Copies totals from the devices and averages them over their steps.

    Args:
      totals: replicated.
      seeds: the seeds along the metrics' axis; empty in a run of one seed.

    Returns:
      The mean of every metric by name, float64 ``[S]``, where S = 1 in a run of one seed. Empty if there was no step.

    Raises:
      NonFiniteError: a metric was not finite at some step; names the first such step, its metrics and their seeds.
    """
    fetched: Totals = parallel.to_host(totals)
    _check_finite(fetched.first_nonfinite, seeds=seeds)
    count = int(fetched.num_steps)
    return {name: np.atleast_1d(sums).astype(np.float64) / count for name, sums in fetched.sums.items() if count}


def _check_finite(first_nonfinite: Mapping[str, Any], *, seeds: Sequence[int]) -> None:
    steps_of = {name: np.atleast_1d(steps) for name, steps in sorted(first_nonfinite.items())}
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
