"""The streamed back-end: batches read ahead on the host, for data that do not fit on the device."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax.data.dataset import Dataset
from bgan_jax.data.order import batch_indices, check_schedule


class Batch(NamedTuple):
    """Unpacked examples, ``[n, *shape]``, and their labels, ``[n]`` int32, or None."""

    rows: Any
    labels: Any


def stream(
    dataset: Dataset,
    *,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    num_steps: int | None = None,
    host_slice: slice = slice(None),
    workers: int = 0,
    prefetch: int = 4,
    device: Any = None,
) -> Iterator[Batch]:
    """Yields the batches of consecutive steps, read ahead by grain.

    The batch of a step is the same as that of :func:`bgan_jax.data.resident.gather` for the same seed and step.

    Args:
      dataset: the opened split.
      batch_size: examples of one step, over all hosts.
      seed: 0 <= seed < 2**32.
      start_step: steps done before the first batch; not zero in a resumed run.
      num_steps: number of batches; by default as many as there are in the order.
      host_slice: the part of each batch that this host reads, from :func:`bgan_jax.data.order.host_slice`.
      workers: number of reading processes; 0 reads in a thread, which is fastest for rows from a pack. Workers are
        spawned, so the calling script needs a ``__main__`` guard, and grain requires that absl's flags are parsed
        (``absl.app.run``, or ``absl.flags.FLAGS.mark_as_parsed()``).
      prefetch: number of batches read ahead.
      device: device or sharding that batches are copied to ahead of use; by default they are numpy arrays.

    Returns:
      An iterator of batches.

    Raises:
      ValueError: more steps than there are batches in the order.
    """
    import grain
    from grain.multiprocessing import MultiprocessingOptions

    stop = 2**32 - 1 if num_steps is None else start_step + num_steps
    check_schedule(num_steps=stop, batch_size=batch_size)
    read = _ReadBatch(dataset, batch_size=batch_size, seed=seed, part=host_slice)
    batches = grain.MapDataset.range(start_step, stop).map(read)
    # One element is a whole batch: more than one thread would only compete for the interpreter lock.
    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=prefetch)
    ahead = batches.to_iter_dataset(options)
    if workers:
        ahead = ahead.mp_prefetch(MultiprocessingOptions(num_workers=workers, per_worker_buffer_size=prefetch))
    if device is not None:
        on_device = ahead.map(lambda batch: jax.device_put(batch, device))
        ahead = grain.experimental.ThreadPrefetchIterDataset(on_device, prefetch_buffer_size=2)
    return iter(ahead)


class _ReadBatch:
    """Reads the batch of a step; a class rather than a closure, so that it can be pickled for the workers."""

    def __init__(self, dataset: Dataset, *, batch_size: int, seed: int, part: slice):
        self._dataset, self._batch_size, self._seed, self._part = dataset, batch_size, seed, part

    def __call__(self, step: int) -> Batch:
        indices = batch_indices(
            int(step),
            batch_size=self._batch_size,
            num_examples=len(self._dataset),
            seed=self._seed,
            within=np.arange(self._batch_size, dtype=np.uint32)[self._part],
        )
        labels = None if self._dataset.labels is None else self._dataset.labels[indices]
        return Batch(self._dataset.rows(indices), labels)
