"""LSUN's own databases, read through lmdb."""

import numpy as np
import pytest

from bgan_jax.data import BadDataError, DatasetNotFoundError, open_dataset
from tests.data.fabrication import encoded, smooth_images

lmdb = pytest.importorskip("lmdb")


def write_database(path, images):
    path.parent.mkdir(parents=True, exist_ok=True)
    with lmdb.open(str(path), map_size=2**24) as database, database.begin(write=True) as transaction:
        for number, image in enumerate(images):
            transaction.put(f"{number:040x}".encode(), encoded(image, image_format="WEBP"))


@pytest.mark.parametrize("parent", ["", "lsun"])
def test_bedrooms(tmp_path, parent):
    images = smooth_images(5, height=256, width=300)
    write_database(tmp_path / parent / "bedroom_train_lmdb", images)
    write_database(tmp_path / parent / "bedroom_val_lmdb", images[:2])
    train = open_dataset("lsun_bedroom64", data_dir=tmp_path)
    assert train.spec.splits == {"train": 5, "validation": 2}
    assert train.spec.shape == (64, 64, 3)
    middles = train.rows(np.arange(5))[:, 32, 32].astype(int)
    assert np.abs(middles - images[:, 130, 152]).max() < 12  # in the order of the keys; WebP is not exact
    assert len(open_dataset("lsun_bedroom128", split="validation", data_dir=tmp_path)) == 2


def test_a_broken_image_in_the_database_is_skipped(tmp_path):
    path = tmp_path / "bedroom_train_lmdb"
    write_database(path, smooth_images(3, height=64, width=64))
    with lmdb.open(str(path), map_size=2**24) as database, database.begin(write=True) as transaction:
        transaction.put(b"zzz", b"not an image")
    dataset = open_dataset("lsun_bedroom64", data_dir=tmp_path)
    assert len(dataset) == 3
    assert dataset.skipped[0].where == "zzz"


def test_a_broken_database_is_named(tmp_path):
    (tmp_path / "bedroom_train_lmdb").mkdir()
    (tmp_path / "bedroom_train_lmdb" / "data.mdb").write_bytes(b"no database" * 1000)
    with pytest.raises(BadDataError, match=r"bedroom_train_lmdb: not a complete lmdb database"):
        open_dataset("lsun_bedroom64", data_dir=tmp_path)


def test_the_message_says_what_to_download(tmp_path):
    for download in (False, True):
        with pytest.raises(
            DatasetNotFoundError, match=r"bedroom_train_lmdb.zip.*prepare_data lsun_bedroom128 --data_dir="
        ):
            open_dataset("lsun_bedroom128", data_dir=tmp_path, download=download)
