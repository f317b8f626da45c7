"""Measures the rate of batches: resident, streamed and by a plain reader, interleaved; and the cost of embedded sets.

    python -m experiments.data_throughput --workdir=runs/data_throughput

The first table is MNIST, thresholded, in batches of 64 on whatever JAX runs on; without a prepared MNIST in
``--data_dir`` it is the embedded digits, and the plain reader has no row. The second table is the resident pipeline of
every embedded set: time for a batch, and the shortest training step of which that is 2 %. Two CPU cores: two minutes.
"""

from __future__ import annotations

import dataclasses
import functools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.data import (
    Dataset,
    DatasetNotFoundError,
    batch_indices,
    gather,
    open_dataset,
    resident,
    stream,
)
from bgan_jax.data.catalogue import EMBEDDED
from bgan_jax.paths import path_of
from bgan_jax.runtime.platform import this_process
from experiments.harness.cli import command, flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.shared_flags import SmokeFlag, TimingFlags, WorkdirFlag
from experiments.harness.reports.tables import markdown_table
from experiments.harness.runs.run_flags import DataFolders


@flags.config(seconds=1.5)
class Config(SmokeFlag, TimingFlags, DataFolders, WorkdirFlag):
    """What is measured, and for how long."""

    batch_size: int = flags.flag(64, "Images of a batch.", minimum=1)


SMOKE = {"rounds": 2, "seconds": 0.02}


class Pipeline(NamedTuple):
    """An input pipeline that can be timed.

    Attributes:
      name: in the table.
      run: gets a number of batches, and returns when they are there.
      least: batches of one call, where fewer would measure something else.
    """

    name: str
    run: Callable[[int], Any]
    least: int = 1


def pipelines_of(dataset: Dataset, *, batch_size: int) -> list[Pipeline]:
    """Makes our pipelines of one data set: resident and streamed."""
    size = batch_size
    data = jax.device_put(resident(dataset))

    def rows_of(data: Any, step: Any) -> Any:
        return gather(data, batch_indices(step, batch_size=size, num_examples=data.num_examples, seed=0))

    @functools.partial(jax.jit, static_argnames="steps")
    def in_compiled_loop(data: Any, start: Any, steps: int) -> Any:
        # The batch is the loop's carry, so that every one is written to memory, as a training step needs it: the
        # compiler skips what is not read.
        def body(_: Any, step: Any) -> tuple[Any, None]:
            return rows_of(data, step), None

        return jax.lax.scan(body, rows_of(data, start), start + jnp.arange(steps, dtype=jnp.uint32))[0]

    one = jax.jit(rows_of)
    host, device = (
        stream(dataset, batch_size=size, seed=0, device=place) for place in (None, this_process().local_devices[0])
    )
    return [
        Pipeline(
            "resident, inside the compiled step",
            lambda number: [in_compiled_loop(data, jnp.uint32(0), 500) for _ in range(number // 500)],
            500,
        ),
        Pipeline(
            "resident, one call a batch", lambda number: [one(data, jnp.uint32(step)) for step in range(number)][-1]
        ),
        Pipeline("streamed, to the device", lambda number: [next(device).rows for _ in range(number)][-1]),
        Pipeline("streamed, to the host", lambda number: [next(host).rows for _ in range(number)][-1]),
    ]


def plain_pipeline(*, data_dir: str | None, batch_size: int) -> Pipeline:
    """Makes the pipeline of tensorflow-datasets: its random access, example by example, stacked, put on the device."""
    import tensorflow_datasets as tfds

    source = tfds.data_source("mnist", split="train", data_dir=data_dir, download=False)

    def endless() -> Iterator[int]:
        random = np.random.default_rng(0)
        while True:
            yield from random.permutation(len(source)).tolist()

    order = endless()

    def batch() -> Any:
        images = [source[next(order)]["image"] for _ in range(batch_size)]
        return jax.device_put((np.stack(images) > 127).astype(np.uint8))

    return Pipeline("plain tensorflow-datasets", lambda number: [batch() for _ in range(number)][-1])


def measure(pipelines: Sequence[Pipeline], config: Config) -> dict[str, list[float]]:
    """Measures images per second of each pipeline, once a round, interleaved."""
    numbers = {}
    for pipeline in pipelines:
        jax.block_until_ready(pipeline.run(pipeline.least))  # Compiles, fills the buffers.
        started = time.perf_counter()
        jax.block_until_ready(pipeline.run(pipeline.least))
        once = time.perf_counter() - started
        numbers[pipeline.name] = max(1, round(config.seconds / once)) * pipeline.least
    rates: dict[str, list[float]] = {pipeline.name: [] for pipeline in pipelines}
    for _ in range(config.rounds):
        for pipeline in pipelines:
            started = time.perf_counter()
            jax.block_until_ready(pipeline.run(numbers[pipeline.name]))
            rates[pipeline.name].append(numbers[pipeline.name] * config.batch_size / (time.perf_counter() - started))
    return rates


def rates_table(rates: Mapping[str, Sequence[float]], *, base: str | None) -> str:
    """Writes the rates in Markdown, with the ratio of the medians to those of a base."""
    lines = []
    for name, values in rates.items():
        median = statistics.median(values)
        ratio = f"{median / statistics.median(rates[base]):.0f}" if base else "-"
        lines.append([name, f"{median:,.0f}", f"{min(values):,.0f}", f"{max(values):,.0f}", ratio])
    return markdown_table(["way", "images/s, median", "min", "max", "times plain"], lines)


def embedded_table(rates: Mapping[str, Sequence[float]], *, batch_size: int) -> str:
    """Writes the time for a batch of each embedded set, and the step that it is 2 % of."""
    lines = []
    for name, values in rates.items():
        microseconds = 1e6 * batch_size / statistics.median(values)
        lines.append([name, f"{microseconds:.0f}", f"{microseconds / 1000 / 0.02:.1f}"])
    return markdown_table(["set", f"microseconds for {batch_size}, median", "is 2 % of a step of (ms)"], lines)


def main(config: Config) -> dict[str, Any]:
    """Measures, prints and saves both tables."""
    pipelines: list[Pipeline] = []
    try:
        dataset = open_dataset("mnist", data_dir=config.data_dir, cache_dir=config.cache_dir)
        pipelines = [plain_pipeline(data_dir=config.data_dir, batch_size=config.batch_size)]
    except (DatasetNotFoundError, ValueError) as error:
        print(f"no plain reader: {error}")
        dataset = open_dataset("mnist10k")
    base = pipelines[0].name if pipelines else None
    rates = measure(pipelines_of(dataset, batch_size=config.batch_size) + pipelines, config)
    embedded = {}
    for name in EMBEDDED:
        loop = pipelines_of(open_dataset(name), batch_size=config.batch_size)[0]
        embedded[name] = measure([loop], config)[loop.name]
    text = (
        f"{dataset.spec.name}, {len(dataset)} images, batch {config.batch_size}, {this_process().kinds[0]}\n\n"
        f"{rates_table(rates, base=base)}\n\n{embedded_table(embedded, batch_size=config.batch_size)}\n"
    )
    print(text)
    results = {
        "config": dataclasses.asdict(config),
        "device": this_process().kinds[0],
        "dataset": dataset.spec.name,
        "fingerprint": dataset.spec.fingerprint,
        "images_per_second": rates,
        "embedded_images_per_second": embedded,
    }
    if config.workdir:
        folder = path_of(config.workdir)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "data_throughput.md", text)
        write_json(folder / "data_throughput.json", results)
    return results


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)

if __name__ == "__main__":
    command.run(COMMAND)
