"""Data prepared by tensorflow-datasets, for every name: the stock builders with a few local examples."""

import numpy as np
import pytest

from bgan_jax.data import BadDataError, DatasetNotFoundError, open_dataset, to_images, to_strings
from bgan_jax.data.readers import prepared
from tests.data.fabrication import encoded, fabricate, smooth_images

tfds = pytest.importorskip("tensorflow_datasets")


def by_content(rows):
    """Sorts rows by content, because tensorflow-datasets shuffles the examples when it prepares them."""
    return rows[np.lexsort(rows.reshape(len(rows), -1).T)]


def all_rows(dataset):
    return dataset.rows(np.arange(len(dataset)))


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
@pytest.mark.parametrize("binarization", ["threshold", "stochastic", "none"])
def test_mnist(tmp_path, file_format, binarization):
    images = smooth_images(12, height=28, width=28, channels=1)
    examples = [{"image": encoded(image), "label": number % 10} for number, image in enumerate(images)]
    fabricate("mnist", {"train": examples, "test": examples[:3]}, data_dir=tmp_path, file_format=file_format)
    dataset = open_dataset("mnist", data_dir=tmp_path, binarization=binarization)
    assert dataset.spec.splits == {"train": 12, "test": 3}
    assert dataset.spec.num_classes == 10
    expected = images > 127 if binarization == "threshold" else images
    rows = all_rows(dataset)
    np.testing.assert_array_equal(by_content(rows), by_content(expected.astype(np.uint8)))
    assert dataset.spec.kind == ("continuous" if binarization == "none" else "binary")
    for row, label in zip(rows, dataset.labels, strict=True):
        assert any((row == expected[number]).all() for number in range(label, 12, 10))
    assert len(open_dataset("mnist", split="test", data_dir=tmp_path)) == 3


def test_binarized_mnist(tmp_path):
    images = (smooth_images(7, height=28, width=28, channels=1) > 100).astype(np.uint8)
    examples = [{"image": encoded(image)} for image in images]
    fabricate("binarized_mnist", {"train": examples, "validation": examples[:2]}, data_dir=tmp_path)
    dataset = open_dataset("binarized_mnist", data_dir=tmp_path)
    assert (dataset.spec.kind, dataset.spec.stochastic, dataset.labels) == ("binary", False, None)
    np.testing.assert_array_equal(by_content(all_rows(dataset)), by_content(images))
    assert len(open_dataset("binarized_mnist", split="validation", data_dir=tmp_path)) == 2


def test_cifar10(tmp_path):
    images = smooth_images(9, height=32, width=32)
    examples = [
        {"id": f"train_{number}", "image": encoded(image), "label": number} for number, image in enumerate(images)
    ]
    fabricate("cifar10", {"train": examples}, data_dir=tmp_path)
    dataset = open_dataset("cifar10", data_dir=tmp_path)
    assert dataset.spec.num_classes == 10
    np.testing.assert_array_equal(all_rows(dataset), images[dataset.labels])


@pytest.fixture
def faces(tmp_path):
    images = smooth_images(8, height=218, width=178)
    tfds_features = tfds.builder("celeb_a", data_dir=tmp_path).info.features
    rest = {
        "attributes": dict.fromkeys(tfds_features["attributes"], False),
        "landmarks": dict.fromkeys(tfds_features["landmarks"], 0),
        "identity": {"Identity_No": 1},
    }
    examples = [{"image": encoded(image, image_format="JPEG"), **rest} for image in images]
    fabricate("celeb_a", {"train": examples, "test": examples[:2]}, data_dir=tmp_path)
    return images


@pytest.mark.parametrize("resolution", [64, 128])
def test_celeba(tmp_path, faces, resolution):
    dataset = open_dataset(f"celeba{resolution}", data_dir=tmp_path)
    assert dataset.spec.shape == (resolution, resolution, 3)
    rows = all_rows(dataset).astype(int)
    # The middle of each image is the middle of one original: cropped centrally, not squeezed.
    middles = faces[:, 108:110, 88:90].mean(axis=(1, 2))
    found = rows[:, resolution // 2 - 1 : resolution // 2 + 1, resolution // 2 - 1 : resolution // 2 + 1].mean((1, 2))
    assert np.abs(found[:, None] - middles[None]).sum(-1).min(axis=1).max() < 12
    # The top row comes from 20 pixels below the original's.
    nearest = np.abs(found[:, None] - middles[None]).sum(-1).argmin(axis=1)
    assert np.abs(rows[:, 0].mean(axis=1) - faces[nearest, 20:22].mean(axis=(1, 2))).max() < 8


@pytest.mark.parametrize("options", [{}, {"quantizer": "median_cut", "dither": "floyd_steinberg"}])
def test_celeba_in_sixteen_colours(tmp_path, faces, options):
    dataset = open_dataset("celeba16", data_dir=tmp_path, **options)
    assert (dataset.spec.kind, dataset.spec.shape, dataset.spec.num_values) == ("categorical", (32, 32), 16)
    assert dataset.packed.shape == (8, 512)  # four bits a pixel
    test = open_dataset("celeba16", split="test", data_dir=tmp_path, **options)
    assert test.spec.palette == dataset.spec.palette
    colours = to_images(all_rows(dataset), spec=dataset.spec)
    # The mean colours of the eight images survive in a palette of sixteen.
    originals = np.sort(faces[:, 20:198].mean(axis=(1, 2, 3)))
    np.testing.assert_allclose(np.sort(colours.mean(axis=(1, 2, 3))), originals, atol=20)


@pytest.mark.parametrize("resolution", [64, 128])
def test_lsun_as_once_prepared(tmp_path, resolution):
    examples = [
        {"id": str(number), "image": encoded(image, image_format="JPEG")}
        for number, image in enumerate(smooth_images(3, height=256, width=300))
    ]
    fabricate("lsun/bedroom", {"train": examples, "validation": examples[:1]}, data_dir=tmp_path)
    dataset = open_dataset(f"lsun_bedroom{resolution}", data_dir=tmp_path)
    assert all_rows(dataset).shape == (3, resolution, resolution, 3)
    assert len(open_dataset(f"lsun_bedroom{resolution}", split="validation", data_dir=tmp_path)) == 1


@pytest.mark.parametrize("resolution", [32, 64])
def test_imagenet_resized(tmp_path, resolution):
    images = smooth_images(4, height=resolution, width=resolution)
    examples = [{"image": encoded(image), "label": number} for number, image in enumerate(images)]
    fabricate(f"imagenet_resized/{resolution}x{resolution}", {"train": examples}, data_dir=tmp_path)
    dataset = open_dataset(f"imagenet{resolution}", data_dir=tmp_path)
    assert dataset.spec.num_classes == 1000
    np.testing.assert_array_equal(all_rows(dataset), images[dataset.labels])


def test_imagenet128(tmp_path):
    examples = [
        {"file_name": f"{number}.JPEG", "image": encoded(image, image_format="JPEG"), "label": number + 10}
        for number, image in enumerate(smooth_images(3, height=375, width=500))
    ]
    fabricate("imagenet2012", {"train": examples}, data_dir=tmp_path)
    dataset = open_dataset("imagenet128", data_dir=tmp_path)
    assert all_rows(dataset).shape == (3, 128, 128, 3)
    assert sorted(dataset.labels) == [10, 11, 12]


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
def test_lm1b(tmp_path, file_format):
    lines = ["The company said it would fight the charges .", "Caf\u00e9 society has 1 \u20ac less .", "Short ."]
    fabricate("lm1b", {"train": [{"text": line} for line in lines]}, data_dir=tmp_path, file_format=file_format)
    cut = open_dataset("lm1b", data_dir=tmp_path, length=20)
    strings = to_strings(all_rows(cut), spec=cut.spec)
    assert sorted(strings) == ["Caf\u00e9 society has 1 \ufffd", "The company said it "]
    assert cut.spec.num_values == 192
    padded = open_dataset("lm1b_padded", data_dir=tmp_path)
    assert padded.spec.shape == (32,)
    strings = to_strings(all_rows(padded), spec=padded.spec)
    assert sorted(strings)[1:] == ["Short .".ljust(32, "`"), "The company said it would fight "]


def test_shared_mnist_is_read_where_it_is():
    folder = "../shared/data/tfds"
    if prepared.newest_version(prepared.Path(folder) / "mnist") is None:
        pytest.skip("no prepared MNIST here")
    dataset = open_dataset("mnist", split="test", data_dir=folder)
    assert len(dataset) == 10_000
    assert np.bincount(dataset.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert 0.12 < dataset.rows(np.arange(2000)).mean() < 0.15


def test_the_newest_version_is_read(tmp_path):
    for version in ("1.9.0", "1.10.0", "incomplete.1.11.0_mnist"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "dataset_info.json").write_text("{}")
    assert prepared.newest_version(tmp_path) == tmp_path / "1.10.0"


def lines_of_text(number):
    return [{"text": f"sentence number {index} of them all"} for index in range(number)]


def test_an_unknown_split_is_refused(tmp_path):
    fabricate("lm1b", {"train": lines_of_text(3)}, data_dir=tmp_path)
    with pytest.raises(ValueError, match="dataset lm1b has no split 'valid'; it has: train"):
        open_dataset("lm1b", split="valid", data_dir=tmp_path)


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, file_format):
    fabricate("lm1b", {"train": lines_of_text(500)}, data_dir=tmp_path, file_format=file_format)
    (shard,) = tmp_path.glob(f"lm1b/*/*{file_format}*")
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    with pytest.raises(BadDataError, match=shard.name):
        open_dataset("lm1b", data_dir=tmp_path, length=8)


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    fabricate("lm1b", {"train": lines_of_text(3)}, data_dir=tmp_path)
    (shard,) = tmp_path.glob("lm1b/*/*array_record*")
    shard.unlink()
    with pytest.raises(BadDataError, match=shard.name):
        open_dataset("lm1b", data_dir=tmp_path)


def test_a_broken_description_is_an_error_that_names_its_folder(tmp_path):
    fabricate("lm1b", {"train": lines_of_text(3)}, data_dir=tmp_path)
    (description,) = tmp_path.glob("lm1b/*/dataset_info.json")
    description.write_text(description.read_text()[:40])
    with pytest.raises(BadDataError, match=str(description.parent)):
        open_dataset("lm1b", data_dir=tmp_path)


def test_a_copied_folder_keeps_its_packs(tmp_path):
    import shutil

    fabricate("lm1b", {"train": lines_of_text(3)}, data_dir=tmp_path / "here")
    first = open_dataset("lm1b", data_dir=tmp_path / "here", length=8)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    second = open_dataset("lm1b", data_dir=tmp_path / "there", length=8)
    assert first.packed.filename == second.packed.filename


def test_preparing_without_tensorflow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    with pytest.raises(ValueError, match=r"pip install 'bgan_jax\[tfds-prepare\]'"):
        open_dataset("cifar10", data_dir=tmp_path, download=True)


def test_a_missing_network_is_detected_in_seconds(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", type(prepared)("tensorflow"))
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(proxy, raising=False)

    def refuse(address, timeout):
        raise OSError(f"no route to {address[0]}")

    monkeypatch.setattr(prepared.socket, "create_connection", refuse)
    with pytest.raises(DatasetNotFoundError, match=r"cannot reach .* to download cifar10: no route"):
        open_dataset("cifar10", data_dir=tmp_path, download=True)
