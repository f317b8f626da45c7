"""Packing is lossless, in numpy and inside a compiled function, and rejects rows that do not match the record."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgan_jax.data import BadDataError, DatasetSpec
from bgan_jax.data.packing import layout_of, pack, packed_width, unpack


def spec_of(num_values, shape):
    if num_values == 2:
        return DatasetSpec(name="toy", kind="binary", shape=shape, num_values=2)
    if num_values <= 256:
        palette = tuple((value, 0, 0) for value in range(num_values))
        return DatasetSpec(name="toy", kind="categorical", shape=shape, num_values=num_values, palette=palette)
    vocabulary = tuple(chr(value) for value in range(num_values))
    return DatasetSpec(name="toy", kind="text", shape=shape, num_values=num_values, vocabulary=vocabulary)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([(2, "bits"), (3, "nibbles"), (16, "nibbles"), (17, "bytes"), (256, "bytes"), (300, "shorts")]),
    st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple),
    st.integers(0, 4),
)
def test_unpacking_is_the_inverse_of_packing(case, shape, number):
    num_values, layout = case
    spec = spec_of(num_values, shape)
    rows = np.random.default_rng(0).integers(0, num_values, (number, *shape)).astype(spec.row_dtype)
    packed = pack(rows, spec=spec, where="memory")
    assert layout_of(spec) == layout
    assert packed.shape == (number, packed_width(spec))
    unpacked = unpack(packed, layout=layout, shape=shape)
    np.testing.assert_array_equal(unpacked, rows)
    assert unpacked.dtype == rows.dtype


@pytest.mark.parametrize("num_values", [2, 16, 200, 300])
def test_compiled_unpacking_is_the_same(num_values):
    spec = spec_of(num_values, (3, 5))
    rows = np.random.default_rng(0).integers(0, num_values, (4, 3, 5)).astype(spec.row_dtype)
    packed = pack(rows, spec=spec, where="memory")
    unpacked = jax.jit(unpack, static_argnames=("layout", "shape"))(packed, layout=layout_of(spec), shape=(3, 5))
    np.testing.assert_array_equal(unpacked, rows)
    assert unpacked.dtype == rows.dtype


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((2, 3), np.int64), "faces.npz: expected uint8 rows, found int64"),
        (np.zeros((2, 4), np.uint8), r"faces.npz: expected examples of shape \(3,\), found \(4,\)"),
        (np.full((2, 3), 16, np.uint8), "faces.npz: expected values below 16, found 16"),
    ],
)
def test_rows_that_are_not_what_the_record_says_are_refused(rows, message):
    with pytest.raises(BadDataError, match=message):
        pack(rows, spec=spec_of(16, (3,)), where="faces.npz")
