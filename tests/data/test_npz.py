"""The user's own arrays: the data sets that they become, and clear messages about invalid ones."""

import pickle
import zipfile

import numpy as np
import pytest

from bgan_jax.data import BadDataError, open_dataset
from tests.data.fabrication import smooth_images

RGB = smooth_images(20, height=8, width=6)
GREY = RGB[..., 0]


def saved(tmp_path, **arrays):
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, **arrays)
    return f"npz:{path}"


@pytest.mark.parametrize(
    ("images", "options", "kind", "rows"),
    [
        (RGB, {}, "continuous", RGB),
        (GREY, {}, "continuous", GREY[..., None]),
        (GREY, {"binarization": "threshold"}, "binary", (GREY > 127)[..., None]),
        (GREY, {"binarization": "stochastic"}, "binary", GREY[..., None]),
        (GREY > 127, {}, "binary", (GREY > 127)[..., None]),
        ((GREY > 127).astype(np.uint8)[..., None], {}, "binary", (GREY > 127)[..., None]),
    ],
)
def test_kinds(tmp_path, images, options, kind, rows):
    dataset = open_dataset(saved(tmp_path, images=images), split="all", **options)
    assert dataset.spec.kind == kind
    np.testing.assert_array_equal(dataset.rows(np.arange(20)), rows)
    assert len(open_dataset(saved(tmp_path, images=images), split="test", **options)) == 2


def test_a_palette_makes_rgb_categorical(tmp_path):
    dataset = open_dataset(saved(tmp_path, images=RGB), split="all", palette=5)
    assert (dataset.spec.kind, dataset.spec.shape, len(dataset.spec.palette)) == ("categorical", (8, 6), 5)


def test_a_file_may_bring_its_own_palette_and_labels(tmp_path):
    colors = np.array([[0, 0, 0], [255, 0, 0], [9, 9, 9]], np.uint8)
    name = saved(
        tmp_path, images=GREY % 3, palette=colors, labels=np.arange(20) % 4, label_names=np.array(list("abcd"))
    )
    dataset = open_dataset(name, split="all")
    assert dataset.spec.palette == ((0, 0, 0), (255, 0, 0), (9, 9, 9))
    assert dataset.spec.label_names == ("a", "b", "c", "d")
    np.testing.assert_array_equal(dataset.labels, np.arange(20) % 4)
    np.testing.assert_array_equal(dataset.rows(np.arange(20)), GREY % 3)


def test_the_only_array_needs_no_name(tmp_path):
    assert len(open_dataset(saved(tmp_path, anything=RGB), split="all")) == 20


def test_a_changed_file_is_packed_again(tmp_path):
    first = open_dataset(saved(tmp_path, images=RGB))
    second = open_dataset(saved(tmp_path, images=RGB[::-1]))
    assert first.spec.fingerprint != second.spec.fingerprint


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"images": RGB.astype(np.float32)}, {}, "images must be uint8 .* found float32 .*--value_range=0,1 or -1,1"),
        ({"images": RGB.astype(np.int64)}, {}, "found int64"),
        ({"images": RGB / 255.0 + 0.01}, {"value_range": "0,1"}, "values from .* to 1.01 are not in value_range=0,1"),
        ({"images": RGB * np.nan}, {"value_range": "0,1"}, "values from nan to nan"),
        ({"images": RGB // 128}, {}, "RGB images without a value above 1 .*--value_range=0,1"),
        ({"images": GREY % 3, "palette": np.zeros((3, 3), np.uint8)}, {"value_range": "0,255"}, "leave out"),
        ({"images": np.moveaxis(RGB, 3, 1)}, {}, "move the channels last"),
        ({"images": GREY.reshape(20, -1)}, {}, "reshape flat images"),
        ({"x_train": RGB, "x_test": RGB[:, :4]}, {}, "one size and type"),
        ({"x_train": RGB, "y_train": np.arange(20) % 2, "x_test": RGB}, {}, "x_test has no labels.* y_test"),
        ({"images": RGB[0, 0]}, {}, r"images must be \[n, H, W\].* found \(6, 3\)"),
        ({"images": np.zeros((4, 8, 8, 2), np.uint8)}, {}, r"found \(4, 8, 8, 2\)"),
        ({"images": RGB[:0]}, {}, r"found \(0, 8, 6, 3\)"),
        ({"a": RGB, "b": np.arange(20)}, {}, "no array of images; name it one of images, x, .*; found: a, b"),
        ({"images": RGB, "labels": np.arange(19)}, {}, "labels must be 20, one per image"),
        ({"images": RGB, "labels": np.arange(20), "label_names": np.array(["a"])}, {}, "labels must be in 0 .. 0"),
        ({"images": GREY, "palette": np.zeros((3, 3), np.uint8)}, {}, "expected values below 3"),
        ({"images": GREY, "palette": np.zeros((3, 4), np.uint8)}, {}, "a palette must be uint8"),
        ({"images": RGB}, {"binarization": "threshold"}, "binarization is for grey images"),
        ({"images": GREY}, {"palette": 4}, "palette for RGB"),
        ({"images": np.array([None, {}])}, {}, "images holds Python objects, which are never loaded"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, arrays, options, message):
    with pytest.raises(BadDataError, match=f"mine.npz.*{message}"):
        open_dataset(saved(tmp_path, **arrays), **options)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.99])
def test_a_truncated_file_is_named(tmp_path, share):
    name = saved(tmp_path, images=RGB, labels=np.arange(20))
    path = tmp_path / "mine.npz"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BadDataError, match=r"mine.npz: .*truncated"):
        open_dataset(name)


def test_a_flipped_byte_is_found(tmp_path):
    name = saved(tmp_path, images=RGB)
    path = tmp_path / "mine.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=r"mine.npz"):
        open_dataset(name)


def test_a_zip_of_pictures_is_sent_to_its_reader(tmp_path):
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        archive.writestr("a.png", b"")
    with pytest.raises(BadDataError, match="a zip archive of pictures is read as images:"):
        open_dataset(f"npz:{tmp_path / 'mine.npz'}")


def test_no_message_suggests_loading_pickles(tmp_path):
    for name, content in {"a.npz": pickle.dumps([1]), "b.npz": b"\x93NUMPY\x01\x00", "c.npz": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadDataError) as caught:
            open_dataset(f"npz:{tmp_path / name}")
        assert "pickle" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["images", "x", "data", "x_train", "train_images", "X_train"])
@pytest.mark.parametrize("label_name", ["labels", "label", "y", "y_train", "train_labels"])
def test_common_names_of_arrays(tmp_path, name, label_name):
    arrays = {"info": np.array([{}]), label_name: np.arange(20) % 3, name: RGB}
    dataset = open_dataset(saved(tmp_path, **arrays), split="all")
    np.testing.assert_array_equal(dataset.rows(np.arange(20)), RGB)
    np.testing.assert_array_equal(dataset.labels, np.arange(20) % 3)
    assert [(item.where, item.reason) for item in dataset.skipped] == [("array info", "array that is not used")]


@pytest.mark.parametrize(("images", "labels"), [("x_{}", "y_{}"), ("{}_images", "{}_labels")])
def test_arrays_of_splits_are_the_splits_and_share_their_classes(tmp_path, images, labels):
    years = {"train": 1990 + np.arange(12) % 3, "val": 1990 + np.arange(3), "test": 1991 + np.arange(5) % 2}
    ends = {"train": slice(12), "val": slice(12, 15), "test": slice(15, 20)}
    arrays = {images.format(split): RGB[part] for split, part in ends.items()}
    arrays |= {labels.format(split): values[:, None] for split, values in years.items()}
    name = saved(tmp_path, **arrays)
    for split, part in ends.items():
        dataset = open_dataset(name, split=split)
        assert dataset.spec.splits == {"train": 12, "val": 3, "test": 5}
        assert dataset.spec.label_names == ("1990", "1991", "1992")
        np.testing.assert_array_equal(dataset.labels, years[split] - 1990)
        np.testing.assert_array_equal(dataset.rows(np.arange(len(dataset))), RGB[part])


@pytest.mark.parametrize(
    ("images", "value_range", "kind", "rows"),
    [
        (RGB / 255.0, "0,1", "continuous", RGB),
        ((RGB / 127.5 - 1).astype(np.float32), "-1,1", "continuous", RGB),
        (RGB.astype(np.int64), "0,255", "continuous", RGB),
        (RGB // 128, "0,1", "continuous", RGB // 128 * 255),
        (GREY // 128 * 255, "0,255", "binary", GREY[..., None] // 128),
        (GREY // 128 * 1.0, "0,1", "binary", GREY[..., None] // 128),
        (np.where(GREY > 127, 1, -1), "-1,1", "binary", GREY[..., None] // 128),
        (GREY // 128 * 255, None, "continuous", GREY[..., None] // 128 * 255),
    ],
)
def test_values_of_a_range_that_is_stated(tmp_path, images, value_range, kind, rows):
    dataset = open_dataset(saved(tmp_path, images=images), split="all", value_range=value_range)
    assert dataset.spec.kind == kind
    np.testing.assert_array_equal(dataset.rows(np.arange(20)), rows)


def test_bits_without_binarization_are_black_and_white(tmp_path):
    dataset = open_dataset(saved(tmp_path, images=GREY > 127), split="all", binarization="none")
    assert dataset.spec.kind == "continuous"
    np.testing.assert_array_equal(dataset.rows(np.arange(20))[..., 0], (GREY > 127) * 255)


def test_a_single_array_without_names(tmp_path):
    np.save(tmp_path / "mine.npy", RGB)
    np.testing.assert_array_equal(open_dataset(f"npz:{tmp_path / 'mine.npy'}", split="all").rows(np.arange(20)), RGB)


def test_of_arrays_of_one_meaning_those_of_python_objects_come_last(tmp_path):
    objects = np.array([{}, None])
    dataset = open_dataset(saved(tmp_path, images=objects, x=RGB, labels=objects, y=np.arange(20) % 2), split="all")
    np.testing.assert_array_equal(dataset.rows(np.arange(20)), RGB)
    assert dataset.spec.label_names == ("0", "1")
    with pytest.raises(BadDataError, match="array labels holds Python objects"):
        open_dataset(saved(tmp_path, images=RGB, labels=objects))
