"""MNIST's own files."""

import gzip
import pathlib
import struct

import numpy as np
import pytest

from bgan_jax.data import BadDataError, open_dataset
from bgan_jax.data.readers.idx import FILES
from tests.data.fabrication import smooth_images

IMAGES = smooth_images(12, height=28, width=28, channels=1)[..., 0]


def idx(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture(params=["plain", "gz"])
def folder(tmp_path, request):
    for name, array in zip(FILES["train"], (IMAGES, np.arange(12, dtype=np.uint8) % 10), strict=True):
        if request.param == "gz":
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (tmp_path / name).write_bytes(idx(array))
    return tmp_path


def test_digits_are_read_in_their_order(folder):
    dataset = open_dataset("mnist", data_dir=folder, binarization="none")
    np.testing.assert_array_equal(dataset.rows(np.arange(12))[..., 0], IMAGES)
    np.testing.assert_array_equal(dataset.labels, np.arange(12) % 10)
    assert dataset.spec.splits == {"train": 12}


def test_a_missing_split_is_named(folder):
    with pytest.raises(ValueError, match="has no split 'test'; it has: train"):
        open_dataset("mnist", split="test", data_dir=folder)


@pytest.mark.parametrize("kept", [0, 3, 10, 1000])
def test_a_truncated_file_is_named(folder, kept):
    (path,) = folder.glob("train-images*")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadDataError, match=path.name):
        open_dataset("mnist", data_dir=folder)


def test_labels_of_another_file_are_refused(folder):
    (path,) = folder.glob("train-labels*")
    content = idx(np.zeros(7, np.uint8))
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    with pytest.raises(BadDataError, match="do not match"):
        open_dataset("mnist", data_dir=folder)


def test_shared_mnist_is_exact():
    folder = pathlib.Path("../shared/data/mnist_idx")
    if not folder.is_dir():
        pytest.skip("no MNIST files here")
    whole = open_dataset("mnist", data_dir=folder)
    assert len(whole) == 60_000
    # The embedded digits are the first 10,000 of these, sorted by class.
    first = whole.rows(np.arange(10_000))[whole.labels[:10_000].argsort(kind="stable")]
    embedded = open_dataset("mnist10k", split="all").rows(np.arange(10_000))
    assert {row.tobytes() for row in embedded} == {row.tobytes() for row in first}
