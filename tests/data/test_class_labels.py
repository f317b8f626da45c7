"""Labels of the user's own arrays: whatever their values, the classes are 0 .. K-1 and keep their names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgan_jax.data import BadDataError
from bgan_jax.data.class_labels import MAX_CLASSES, classes_of

VALUES = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=9, unique=True),
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9, unique=True).map(lambda v: [np.uint64(x) for x in v]),
    st.lists(st.floats(-(2**40), 2**40).map(np.rint), min_size=1, max_size=9, unique=True),
    # Strings of numpy end with their last character that is not zero.
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1, max_size=9,
             unique=True),
)  # fmt: skip


@given(VALUES, st.integers(0, 2**32 - 1), st.booleans())
def test_classes_are_consecutive_and_keep_their_values_as_names(values, seed, as_column):
    labels = np.random.default_rng(seed).permutation(np.asarray(values * 2))
    classes, names = classes_of(labels[:, None] if as_column else labels, where="file")
    assert classes.dtype == np.int32 and sorted(set(classes.tolist())) == list(range(len(values)))
    whole = labels.dtype.kind == "f"
    assert [names[place] for place in classes] == [str(int(label) if whole else label) for label in labels]
    if labels.dtype.kind in "iu":
        assert [int(name) for name in names] == sorted(int(value) for value in values)


@given(st.lists(st.integers(0, 4), min_size=6, max_size=30), st.sampled_from([bool, np.uint8, np.float32]))
def test_one_hot_rows_are_their_columns(columns, dtype):
    columns = np.asarray(columns)
    classes, names = classes_of(np.eye(5, dtype=dtype)[columns], where="file")
    assert [int(names[place]) for place in classes] == columns.tolist()
    assert len(names) == len(set(columns.tolist()))


def test_names_that_the_data_bring_are_kept_with_empty_classes():
    classes, names = classes_of(np.array([2, 0, 0]), where="file", names=["a", "b", "c"])
    assert (classes.tolist(), names) == ([2, 0, 0], ("a", "b", "c"))
    assert classes_of(np.array(["c", "a"]), where="file", names=["a", "b", "c"])[0].tolist() == [2, 0]
    assert classes_of(np.array([b"x", b"x", b"y"]), where="file")[1] == ("x", "y")


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (20_000_003 + np.arange(50), (), "50 examples have 50 values, .* remove or rename the array"),
        (np.arange(3 * MAX_CLASSES) % (MAX_CLASSES + 1), (), "numbers of the examples"),
        (np.array([0.5, 1.0, 1.0]), (), "must be whole numbers"),
        (np.array([np.nan, 1.0, 1.0]), (), "must be whole numbers"),
        (np.array([[1, 1], [0, 1]]), (), r"one-hot rows \[n, K\], found int64 \(2, 2\)"),
        (np.array([1j, 2j, 2j]), (), "found complex128"),
        (np.array([b"\xff", b"a", b"a"]), (), "must be UTF-8"),
        (np.array([0, 3, 3]), ("a", "b"), r"must be in 0 .. 1, .* found 0 .. 3"),
        (np.array([-1, 0, 0]), ("a", "b"), r"must be in 0 .. 1, .* found -1 .. 0"),
        (np.array(["a", "z"]), ("a", "b"), "'z' is not in label_names"),
    ],
)
def test_what_are_no_classes_is_refused_in_one_line(labels, names, message):
    with pytest.raises(BadDataError, match=f"^mine.npz: .*{message}") as caught:
        classes_of(labels, where="mine.npz", names=names)
    assert "\n" not in str(caught.value)
