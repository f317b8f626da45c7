"""The user's own images, in folders and archives; single bad ones are skipped, counted and reported."""

import io
import logging
import os
import pathlib
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image, features

from bgan_jax.data import BadDataError, DatasetNotFoundError, open_dataset
from bgan_jax.data.image_decoding import UNDECODABLE
from bgan_jax.data.readers import file_sets
from bgan_jax.data.readers.images import OUTSIDE
from tests.data.fabrication import encoded, smooth_images

IMAGES = smooth_images(24, height=12, width=12)


@pytest.fixture
def folder(tmp_path):
    """Two classes of twelve images, and a file that is not an image."""
    for number, image in enumerate(IMAGES):
        place = tmp_path / "faces" / ("cats" if number < 12 else "dogs")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:02}.png").write_bytes(encoded(image))
    (tmp_path / "faces" / "notes.txt").write_text("not an image")
    return tmp_path / "faces"


def archived(folder, path, mode="w"):
    with tarfile.open(path, mode) as archive:
        archive.add(folder, arcname=folder.name)
    return path


def rows_of(dataset):
    return dataset.rows(np.arange(len(dataset)))


def test_a_folder_of_classes(folder):
    dataset = open_dataset(f"images:{folder}", split="all")
    assert dataset.spec.label_names == ("cats", "dogs")
    np.testing.assert_array_equal(dataset.labels, [0] * 12 + [1] * 12)
    np.testing.assert_array_equal(rows_of(dataset), IMAGES)
    np.testing.assert_array_equal(rows_of(open_dataset(f"images:{folder}", split="test")), IMAGES[[9, 19]])


@pytest.mark.parametrize("classes", [True, False])
@pytest.mark.parametrize("as_archive", [True, False])
def test_folders_called_train_and_test_are_the_splits(tmp_path, classes, as_archive):
    for number, image in enumerate(IMAGES):
        place = tmp_path / "faces" / ("test" if number >= 20 else "train") / (("a", "b")[number % 2] if classes else "")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:02}.png").write_bytes(encoded(image))
    path = archived(tmp_path / "faces", tmp_path / "faces.tar") if as_archive else tmp_path / "faces"
    train, test = (open_dataset(f"images:{path}", split=split, palette=4) for split in ("train", "test"))
    assert train.spec.splits == {"train": 20, "test": 4} == test.spec.splits
    assert (len(train), len(test)) == (20, 4)
    assert train.spec.label_names == test.spec.label_names == (("a", "b") if classes else ())
    assert train.spec.palette == test.spec.palette
    assert len(open_dataset(f"images:{path}", split="all")) == 24
    with pytest.raises(ValueError, match="has no split 'val'; it has: train, test, all"):
        open_dataset(f"images:{path}", split="val")


@pytest.mark.parametrize(("suffix", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tar.xz", "w:xz")])
def test_an_archive_holds_the_same(folder, tmp_path, suffix, mode):
    path = archived(folder, tmp_path / f"faces.{suffix}", mode)
    from_folder, from_archive = (open_dataset(f"images:{place}", split="test") for place in (folder, path))
    assert from_archive.spec.label_names == ("cats", "dogs")
    assert {r.tobytes() for r in rows_of(from_archive)} == {r.tobytes() for r in rows_of(from_folder)}


def test_one_folder_has_no_labels(folder):
    dataset = open_dataset(f"images:{folder / 'cats'}")
    assert dataset.labels is None
    assert dataset.spec.num_classes == 0


def test_resolution_palette_and_binarization(folder):
    small = open_dataset(f"images:{folder}", resolution=6)
    assert small.spec.shape == (6, 6, 3)
    colours = open_dataset(f"images:{folder}", resolution=6, palette=16)
    assert (colours.spec.kind, colours.spec.shape, colours.spec.num_values) == ("categorical", (6, 6), 16)
    test = open_dataset(f"images:{folder}", split="test", resolution=6, palette=16)
    assert test.spec.palette == colours.spec.palette
    bits = open_dataset(f"images:{folder}", binarization="threshold")
    assert (bits.spec.kind, bits.spec.shape, set(np.unique(rows_of(bits)))) == ("binary", (12, 12, 1), {0, 1})


def test_the_central_square_is_taken(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    (tmp_path / "wide.png").write_bytes(encoded(wide))
    assert rows_of(open_dataset(f"images:{tmp_path}", resolution=10)).min() == 255


def test_transparent_images_are_composited_over_white(tmp_path):
    file = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(file, "PNG")
    (tmp_path / "clear.png").write_bytes(file.getvalue())
    assert rows_of(open_dataset(f"images:{tmp_path}")).min() == 255


def test_single_bad_images_are_skipped_counted_and_reported(folder, caplog):
    (folder / "cats" / "00.png").write_bytes(b"not an image at all")
    broken = folder / "dogs" / "20.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with caplog.at_level(logging.WARNING, logger="bgan_jax"):
        dataset = open_dataset(f"images:{folder}", split="all")
    assert len(dataset) == 22 == len(dataset.labels)
    assert [item.where for item in dataset.skipped] == ["notes.txt", "cats/00.png", "dogs/20.png"]
    assert "skipped 3: 3 not an image that Pillow can read (first: " in caplog.text
    np.testing.assert_array_equal(rows_of(dataset), np.delete(IMAGES, [0, 20], axis=0))
    # The pack remembers them.
    assert open_dataset(f"images:{folder}", split="all").skipped == dataset.skipped


def test_when_all_are_bad_it_is_an_error(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"not an image")
    for options in ({}, {"resolution": 8}, {"resolution": 8, "palette": 4}):
        with pytest.raises(BadDataError, match=r"no image could be decoded|none of its 3 images could be decoded"):
            open_dataset(f"images:{tmp_path}", **options)


def test_images_of_different_sizes_need_a_resolution(folder):
    (folder / "cats" / "05.png").write_bytes(encoded(smooth_images(1, height=9, width=11)[0]))
    with pytest.raises(BadDataError, match=r"05.png: 11x9 pixels, .* 12x12: choose a resolution"):
        open_dataset(f"images:{folder}")
    assert len(open_dataset(f"images:{folder}", split="all", resolution=8)) == 24


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(BadDataError, match=f"{tmp_path}: no images found"):
        open_dataset(f"images:{tmp_path}", cache_dir=tmp_path / "cache")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=f"{tmp_path / 'nowhere'} does not exist"):
        open_dataset(f"images:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_truncated_archive_is_named(folder, tmp_path, share):
    path = archived(folder, tmp_path / "faces.tar.gz", "w:gz")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BadDataError, match=r"faces.tar.gz: neither a folder nor a complete tar or zip archive"):
        open_dataset(f"images:{path}")


def test_a_zip_archive_holds_the_same(folder, tmp_path):
    for name in ("cats/00.png", "dogs/20.png"):  # As a Mac adds them to an archive.
        (folder / "__MACOSX" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "__MACOSX" / name).with_name(f"._{pathlib.Path(name).name}").write_bytes(b"\0\5\x16\7")
    path = pathlib.Path(shutil.make_archive(str(tmp_path / "faces"), "zip", folder)).rename(tmp_path / "faces.any")
    for split in ("train", "test"):
        from_folder, from_archive = (open_dataset(f"images:{place}", split=split) for place in (folder, path))
        assert from_archive.spec.label_names == ("cats", "dogs")
        np.testing.assert_array_equal(rows_of(from_archive), rows_of(from_folder))
        np.testing.assert_array_equal(from_archive.labels, from_folder.labels)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 3] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(BadDataError, match=r"faces.any/.*: damaged, or cannot be read"):
        open_dataset(f"images:{path}", split="all")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_of_repeated_names_in_an_archive_the_last_counts(tmp_path, kind):
    path = tmp_path / f"faces.{kind}"
    members = [(f"{number:02}.png", IMAGES[number]) for number in range(11)] + [("./09.png", IMAGES[20])]
    if kind == "tar":
        with tarfile.open(path, "w") as archive:
            for name, image in members:
                entry = tarfile.TarInfo(name)
                entry.size = len(encoded(image))
                archive.addfile(entry, io.BytesIO(encoded(image)))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, image in members:
                archive.writestr(name, encoded(image))
    whole = open_dataset(f"images:{path}", split="all")
    np.testing.assert_array_equal(rows_of(whole), IMAGES[[*range(9), 20, 10]] if kind == "zip" else
                                  IMAGES[[*range(9), 10, 20]])  # fmt: skip
    assert [item.reason for item in whole.skipped] == [file_sets.REPEATED]
    assert not whole.skipped[0].where.startswith("/")
    np.testing.assert_array_equal(rows_of(open_dataset(f"images:{path}", split="test")), IMAGES[[20]])
    assert len(open_dataset(f"images:{path}", split="train")) == 10


def test_links_are_followed_and_nothing_is_read_twice(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for number, image in enumerate(smooth_images(3, height=12, width=12, seed=1)):
        (elsewhere / f"{number}.png").write_bytes(encoded(image))
    (elsewhere / "up").symlink_to(folder)
    (folder / "birds").symlink_to(elsewhere)
    (folder / "a_copy").symlink_to(folder / "cats")
    (folder / "self").symlink_to(folder)
    (folder / "cats" / "linked.png").symlink_to(elsewhere / "0.png")
    (folder / "dogs" / "same.png").symlink_to(folder / "cats" / "00.png")
    (folder / "dogs" / "gone.png").symlink_to(folder / "nowhere.png")
    os.mkfifo(folder / "dogs" / "pipe.png")
    dataset = open_dataset(f"images:{folder}", split="all")
    assert dataset.spec.label_names == ("birds", "cats", "dogs")
    assert np.bincount(dataset.labels).tolist() == [3, 12, 12]
    reasons = {item.where: item.reason for item in dataset.skipped}
    assert reasons == {
        "notes.txt": UNDECODABLE, "dogs/pipe.png": file_sets.SPECIAL, "dogs/gone.png": file_sets.BROKEN_LINK,
        **dict.fromkeys(["a_copy", "self", "birds/up", "dogs/same.png", "cats/linked.png"], file_sets.LINKED),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["photo.jfif", "photo.jp2", "photo.avif", "photo", "photo.txt", "photo.heic", "x.jpg"])
def test_the_content_decides_and_not_the_name(tmp_path, name):
    image_format = {"jp2": "JPEG2000", "avif": "AVIF"}.get(name.partition(".")[2], "JPEG")
    if image_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    (tmp_path / name).write_bytes(encoded(IMAGES[0], image_format=image_format))
    for unread in ("data.csv", "film.mpeg", "page.eps"):
        (tmp_path / unread).write_bytes(
            b"\x00\x00\x01\xb3 a film" if unread.endswith("mpeg") else b"%!PS-Adobe-3.0 x,y"
        )
    dataset = open_dataset(f"images:{tmp_path}", split="all")
    assert len(dataset) == 1
    assert {item.where for item in dataset.skipped} == {"data.csv", "film.mpeg", "page.eps"}


def test_stray_pictures_beside_the_splits_are_counted_and_not_read(tmp_path):
    for number, image in enumerate(IMAGES):
        place = tmp_path / "faces" / ("Testing" if number >= 20 else "Training")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:02}.png").write_bytes(encoded(image))
    (tmp_path / "faces" / "logo.png").write_bytes(encoded(IMAGES[0]))
    train, test = (open_dataset(f"images:{tmp_path / 'faces'}", split=split) for split in ("train", "test"))
    np.testing.assert_array_equal(rows_of(train), IMAGES[:20])
    np.testing.assert_array_equal(rows_of(test), IMAGES[20:])
    assert [(item.where, item.reason) for item in train.skipped] == [("logo.png", OUTSIDE)]


def test_names_that_are_not_utf8_are_read(tmp_path):
    for folder in (b"caf\xe9", b"bar"):
        os.makedirs(os.fsencode(tmp_path / "faces") + b"/" + folder)
        for number in range(2):
            with open(os.fsencode(tmp_path / "faces") + b"/" + folder + b"/%d\xff.png" % number, "wb") as file:
                file.write(encoded(IMAGES[number]))
    (tmp_path / "faces" / os.fsdecode(b"\xff.txt")).write_text("no image")
    dataset = open_dataset(f"images:{tmp_path / 'faces'}", split="all")
    assert dataset.spec.label_names == ("bar", r"caf\xe9")
    assert dataset.skipped[0].where == r"\xff.txt"
    dataset.spec.to_json().encode("utf-8")
