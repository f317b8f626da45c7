"""Resident and streamed batches are the same batches, from any step, for any number of hosts."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl import flags

from bgan_jax.data import (
    Dataset,
    DatasetSpec,
    batch_indices,
    choose_backend,
    gather,
    gather_labels,
    host_slice,
    open_dataset,
    resident,
    stream,
)


def resident_batches(dataset, steps, *, batch_size=32, seed=3):
    @jax.jit
    def batch(data, step):
        return gather(data, batch_indices(step, batch_size=batch_size, num_examples=data.num_examples, seed=seed))

    data = jax.device_put(resident(dataset))
    return [np.asarray(batch(data, jnp.int32(step))) for step in steps]


@pytest.mark.parametrize("name", ["mnist10k", "emoji16", "emoji32", "austen32"])
def test_resident_and_streamed_batches_are_the_same(name):
    dataset = open_dataset(name, split="test")
    steps = [0, 1, len(dataset) // 32]  # the last one straddles two epochs
    for step, rows in zip(steps, resident_batches(dataset, steps), strict=True):
        batch = next(stream(dataset, batch_size=32, seed=3, start_step=step))
        np.testing.assert_array_equal(batch.rows, rows)
        assert batch.rows.dtype == rows.dtype


def test_labels_stay_with_their_rows():
    dataset = open_dataset("mnist10k", split="test")
    by_row = {row.tobytes(): label for row, label in zip(dataset.rows(np.arange(1000)), dataset.labels, strict=True)}
    assert len(by_row) == 1000
    batch = next(stream(dataset, batch_size=64, seed=0))
    assert [by_row[row.tobytes()] for row in batch.rows] == batch.labels.tolist()
    indices = jnp.arange(64)
    np.testing.assert_array_equal(gather_labels(resident(dataset), indices), dataset.labels[:64])


def test_labels_of_a_set_without_labels_are_refused():
    dataset = open_dataset("austen32", split="test")
    assert next(stream(dataset, batch_size=4, seed=0)).labels is None
    with pytest.raises(ValueError, match="no labels"):
        gather_labels(resident(dataset), jnp.arange(4))


@pytest.mark.parametrize("process_count", [1, 2, 4])
def test_the_batches_of_all_hosts_are_the_global_batch(process_count):
    dataset = open_dataset("mnist10k", split="test")
    parts = [
        next(
            stream(
                dataset,
                batch_size=32,
                seed=3,
                start_step=7,
                host_slice=host_slice(32, process_index=i, process_count=process_count),
            )
        ).rows
        for i in range(process_count)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), resident_batches(dataset, [7])[0])


def test_a_resumed_stream_continues_where_it_stopped():
    dataset = open_dataset("mnist10k", split="test")
    whole = [batch.rows for batch in stream(dataset, batch_size=100, seed=1, num_steps=25)]
    resumed = [batch.rows for batch in stream(dataset, batch_size=100, seed=1, start_step=12, num_steps=13)]
    np.testing.assert_array_equal(whole[12:], resumed)
    # Ten steps are an epoch: each example once.
    assert len({row.tobytes() for rows in whole[10:20] for row in rows}) == 1000


def test_workers_and_devices_change_nothing():
    dataset = open_dataset("mnist10k", split="test")
    flags.FLAGS.mark_as_parsed()  # grain's workers require that absl's flags are parsed
    expected = [batch.rows for batch in stream(dataset, batch_size=8, seed=1, num_steps=3)]
    worked = [np.array(batch.rows) for batch in stream(dataset, batch_size=8, seed=1, num_steps=3, workers=1)]
    np.testing.assert_array_equal(worked, expected)
    device = jax.devices()[1]
    for batch, rows in zip(stream(dataset, batch_size=8, seed=1, num_steps=3, device=device), expected, strict=True):
        assert batch.rows.devices() == {device}
        np.testing.assert_array_equal(batch.rows, rows)


def test_steps_do_not_recompile():
    data = resident(open_dataset("mnist10k", split="test"))

    @jax.jit
    @chex.assert_max_traces(n=1)
    def batch(data, step):
        return gather(data, batch_indices(step, batch_size=4, num_examples=data.num_examples, seed=0))

    for step in range(3):
        batch(data, jnp.int32(step))


def test_size_chooses_the_backend_and_a_name_forces_it():
    dataset = open_dataset("mnist10k")
    assert choose_backend(dataset) == "resident"
    assert choose_backend(dataset, limit_bytes=800_000) == "streamed"
    assert choose_backend(dataset, backend="streamed") == "streamed"
    assert choose_backend(dataset, backend="resident", limit_bytes=1) == "resident"
    with pytest.raises(ValueError, match="'disk' is not one of auto, resident, streamed"):
        choose_backend(dataset, backend="disk")


def test_sixteen_bit_symbols_survive_both_backends():
    vocabulary = tuple(chr(256 + value) for value in range(300))
    spec = DatasetSpec(name="toy", kind="text", shape=(4,), num_values=300, vocabulary=vocabulary)
    dataset = Dataset(spec, np.arange(40, dtype=np.uint16).reshape(10, 4) * 7)
    (rows,) = resident_batches(dataset, [0], batch_size=10)
    np.testing.assert_array_equal(next(stream(dataset, batch_size=10, seed=3)).rows, rows)
    assert rows.max() == 273


def test_a_stream_past_the_end_of_the_order_is_refused():
    with pytest.raises(ValueError, match="num_steps"):
        stream(open_dataset("mnist10k"), batch_size=2**16, seed=0, start_step=2**32 - 1, num_steps=1)
