"""How a run's batches reach its compiled step: gathered on the devices, or sent by the host."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from bgan_jax import data
from bgan_jax.runtime import parallel
from bgan_jax.runtime.compiled_step import Load, resident_load, streamed_load
from experiments.harness.runs import population

if TYPE_CHECKING:
    from experiments.harness.runs.run import Experiment


class Feed(NamedTuple):
    """How the compiled step gets its batches.

    Attributes:
      load_for: ``seed -> load``.
      batches: what ``load`` takes as its data, for every step.
      sharded: whether that is split over the devices.
      axis_of_seeds: in it; ``None`` where all seeds read the same.
    """

    load_for: Callable[[Any], Load]
    batches: Iterator[Any]
    sharded: bool
    axis_of_seeds: int | None


def host_slice(batch_size: int) -> slice:
    """This host's part of the global batch."""
    return data.host_slice(batch_size, process_index=jax.process_index(), process_count=jax.process_count())


def open_feed(experiment: Experiment, start_step: int) -> Feed:
    """The batches of a run from a step on: from the devices' memory, or sent by the host, as its flags and size say."""
    config, dataset = experiment.config, experiment.dataset
    if data.choose_backend(dataset, backend=config.data_backend) == "resident":
        resident = parallel.replicate(parallel.identity, data.resident(dataset), parallel=config.parallel)
        return Feed(
            load_for=lambda seed: resident_load(
                spec=dataset.spec, batch_size=config.batch_size, minibatches=config.disc_steps, seed=seed
            ),
            batches=itertools.repeat(resident),
            sharded=False,
            axis_of_seeds=None,
        )

    streams = [
        data.stream(
            dataset,
            batch_size=config.batch_size,
            seed=seed,
            start_step=start_step * config.disc_steps,
            host_slice=host_slice(config.batch_size),
        )
        for seed in population.seeds_of(config)
    ]

    def batches() -> Iterator[jax.Array]:
        while True:
            of_each = [np.stack([next(rows).rows for _ in range(config.disc_steps)], axis=1) for rows in streams]
            rows = of_each[0] if len(streams) == 1 else np.stack(of_each, axis=1)
            yield parallel.shard(rows, parallel=config.parallel)

    return Feed(
        load_for=lambda seed: streamed_load(spec=dataset.spec), batches=batches(), sharded=True, axis_of_seeds=1
    )
