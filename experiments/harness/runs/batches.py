"""Feeds the compiled step: with batches gathered from device memory, or sent by the host."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax import data
from bgan_jax.runtime import parallel
from bgan_jax.runtime.batch_loading import Load, resident_load, streamed_load
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.seeds import seeds_of


class Feed(NamedTuple):
    """The data argument of the compiled step, and how the step loads a batch from it.

    Attributes:
      load_for: ``seed -> load``.
      batches: the data argument, for every step.
      sharded: whether it is split over the devices.
      seed_axis: its axis of seeds; ``None`` where all seeds read the same data.
    """

    load_for: Callable[[Any], Load]
    batches: Iterator[Any]
    sharded: bool
    seed_axis: int | None


def host_slice(batch_size: int) -> slice:
    """Returns this host's part of the global batch."""
    return data.host_slice(batch_size, process_index=jax.process_index(), process_count=jax.process_count())


def open_feed(experiment: Experiment, start_step: int) -> Feed:
    """Opens the batches of a run from a step on, resident or streamed as its flags and its size say."""
    backend = data.choose_backend(experiment.dataset, backend=experiment.config.data_backend)
    return _resident_feed(experiment) if backend == "resident" else _streamed_feed(experiment, start_step)


def _resident_feed(experiment: Experiment) -> Feed:
    config, dataset = experiment.config, experiment.dataset
    resident = parallel.replicate(parallel.identity, data.resident(dataset), parallel=config.parallel)
    return Feed(
        load_for=lambda seed: resident_load(
            spec=dataset.spec, batch_size=config.batch_size, minibatches=config.disc_steps, seed=seed
        ),
        batches=itertools.repeat(resident),
        sharded=False,
        seed_axis=None,
    )


def _streamed_feed(experiment: Experiment, start_step: int) -> Feed:
    config, dataset = experiment.config, experiment.dataset
    streams = [
        data.stream(
            dataset,
            batch_size=config.batch_size,
            seed=seed,
            start_step=start_step * config.disc_steps,
            host_slice=host_slice(config.batch_size),
        )
        for seed in seeds_of(config)
    ]

    def batches() -> Iterator[jax.Array]:
        while True:
            per_seed = [np.stack([next(rows).rows for _ in range(config.disc_steps)], axis=1) for rows in streams]
            rows = per_seed[0] if len(streams) == 1 else np.stack(per_seed, axis=1)
            yield parallel.shard(rows, parallel=config.parallel)

    return Feed(load_for=lambda seed: streamed_load(spec=dataset.spec), batches=batches(), sharded=True, seed_axis=1)
