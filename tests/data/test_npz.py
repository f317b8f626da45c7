"""The user's own arrays: the data sets that they become, and clear messages about invalid ones."""

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
        ({"images": RGB.astype(np.float32)}, {}, "images must be uint8 .* found float32"),
        ({"images": RGB.astype(np.int64)}, {}, "found int64"),
        ({"images": RGB[0, 0]}, {}, r"images must be \[n, H, W\].* found \(6, 3\)"),
        ({"images": np.zeros((4, 8, 8, 2), np.uint8)}, {}, r"found \(4, 8, 8, 2\)"),
        ({"images": RGB[:0]}, {}, r"found \(0, 8, 6, 3\)"),
        ({"x": RGB, "y": np.arange(20)}, {}, "no array is named images; found: x, y"),
        ({"images": RGB, "labels": np.arange(19)}, {}, "labels must be 20 integers"),
        ({"images": RGB, "labels": np.arange(20) / 2}, {}, "labels must be 20 integers"),
        ({"images": RGB, "labels": np.arange(20) - 1}, {}, "labels must be 20 integers"),
        ({"images": RGB, "labels": np.arange(20), "label_names": np.array(["a"])}, {}, "labels must be in 0 .. 0"),
        ({"images": GREY, "palette": np.zeros((3, 3), np.uint8)}, {}, "expected values below 3"),
        ({"images": GREY, "palette": np.zeros((3, 4), np.uint8)}, {}, "a palette must be uint8"),
        ({"images": RGB}, {"binarization": "threshold"}, "binarization is for grey images"),
        ({"images": GREY}, {"palette": 4}, "palette for RGB"),
        ({"images": np.array([None, {}])}, {}, "not an npz file of plain arrays"),
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
    with pytest.raises(BadDataError, match=r"mine.npz: truncated"):
        open_dataset(name)


def test_a_flipped_byte_is_found(tmp_path):
    name = saved(tmp_path, images=RGB)
    path = tmp_path / "mine.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(BadDataError, match=r"mine.npz"):
        open_dataset(name)
