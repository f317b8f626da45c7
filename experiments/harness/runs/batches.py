"""Feeds the compiled step: with batches gathered from device memory, or sent by the host."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax import data
from bgan_jax.runtime import parallel
from bgan_jax.runtime.batch_loading import Load, resident_load, streamed_load
from bgan_jax.runtime.platform import Platform
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.seeds import seeds_of


class Feed(NamedTuple):
    """The data argument of the compiled step, and how the step loads a batch from it.

    Attributes:
      load_for: ``seed -> load``.
      batches_from: ``start_step -> iterator`` of the data argument, for every step after ``start_step`` steps.
      sharded: whether it is split over the devices.
      seed_axis: its axis of seeds; ``None`` where all seeds read the same data.
    """

    load_for: Callable[[Any], Load]
    batches_from: Callable[[int], Iterator[Any]]
    sharded: bool
    seed_axis: int | None


def host_slice(batch_size: int, *, platform: Platform) -> slice:
    """Returns this host's part of the global batch."""
    return data.host_slice(batch_size, process_index=platform.process_index, process_count=platform.process_count)


def open_feed(experiment: Experiment) -> Feed:
    """Opens the batches of a run, resident or streamed as its flags and the size of its data say."""
    backend = data.choose_backend(experiment.dataset, backend=experiment.config.data_backend)
    return _resident_feed(experiment) if backend == "resident" else _streamed_feed(experiment)


def _resident_feed(experiment: Experiment) -> Feed:
    config, dataset = experiment.config, experiment.dataset
    resident = parallel.replicate(
        functools.partial(data.aligned, spec=dataset.spec),
        np.asarray(dataset.packed),
        dataset.labels,
        launcher=experiment.launcher,
    )
    return Feed(
        load_for=lambda seed: resident_load(
            spec=dataset.spec, batch_size=config.batch_size, minibatches=config.disc_steps, seed=seed
        ),
        batches_from=lambda start_step: itertools.repeat(resident),
        sharded=False,
        seed_axis=None,
    )


def _streamed_feed(experiment: Experiment) -> Feed:
    config, dataset = experiment.config, experiment.dataset

    def batches_from(start_step: int) -> Iterator[jax.Array]:
        streams = [
            data.stream(
                dataset,
                batch_size=config.batch_size,
                seed=seed,
                start_step=start_step * config.disc_steps,
                host_slice=host_slice(config.batch_size, platform=experiment.launcher.platform),
            )
            for seed in seeds_of(config)
        ]
        return _batches_of(streams, disc_steps=config.disc_steps, launcher=experiment.launcher)

    return Feed(
        load_for=lambda seed: streamed_load(spec=dataset.spec), batches_from=batches_from, sharded=True, seed_axis=1
    )


def _batches_of(
    streams: Sequence[Iterator[data.Batch]], *, disc_steps: int, launcher: parallel.Launcher
) -> Iterator[jax.Array]:
    """Yields the rows of one step of all seeds, ``[N, minibatches, ...]``, or ``[N, S, minibatches, ...]``, sharded."""
    while True:
        per_seed = [np.stack([next(stream).rows for _ in range(disc_steps)], axis=1) for stream in streams]
        rows = per_seed[0] if len(streams) == 1 else np.stack(per_seed, axis=1)
        yield parallel.shard(rows, launcher=launcher)
