"""The embedded data sets are small and licensed, and have the stated content."""

import pathlib

import numpy as np
import pytest

import bgan_jax.data
from bgan_jax.data import open_dataset, to_images, to_strings

FOLDER = pathlib.Path(bgan_jax.data.__file__).parent / "embedded"


@pytest.mark.parametrize(
    ("name", "sizes", "facts"),
    [
        ("mnist10k", (9000, 1000), ("binary", (28, 28, 1), 2, 10)),
        ("emoji16", (3391, 376), ("categorical", (32, 32), 16, 10)),
        ("emoji32", (3391, 376), ("continuous", (32, 32, 3), 256, 10)),
        ("austen32", (32842, 3649), ("text", (32,), 78, 0)),
    ],
)
def test_sizes_and_facts(name, sizes, facts):
    train, test = (open_dataset(name, split=split) for split in ("train", "test"))
    assert (len(train), len(test)) == sizes
    assert train.spec.splits == {"train": sizes[0], "test": sizes[1]}
    assert (train.spec.kind, train.spec.shape, train.spec.num_values, train.spec.num_classes) == facts
    assert train.spec.licence and train.spec.citation
    assert train.spec.fingerprint != test.spec.fingerprint
    assert train.spec.palette == test.spec.palette
    assert train.spec.vocabulary == test.spec.vocabulary


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [("mnist10k", "4d23dfac0fa6355d"), ("emoji32", "0959ee8fac039013"), ("austen32", "94c6a3bae6bb16a8")],
)
def test_the_data_behind_a_name_never_change(name, fingerprint):
    assert open_dataset(name).spec.fingerprint == fingerprint


def test_all_is_train_and_test():
    whole, train, test = (open_dataset("mnist10k", split=split) for split in ("all", "train", "test"))
    rows = whole.rows(np.arange(len(whole)))
    np.testing.assert_array_equal(rows[9::10], test.rows(np.arange(1000)))
    np.testing.assert_array_equal(np.delete(rows, np.s_[9::10], axis=0), train.rows(np.arange(9000)))
    np.testing.assert_array_equal(np.bincount(whole.labels), np.bincount(train.labels) + np.bincount(test.labels))


def test_digits_have_the_density_of_digits():
    assert 0.125 < open_dataset("mnist10k").rows(np.arange(9000)).mean() < 0.14


def test_no_emoji_is_in_both_splits():
    def distinct(split):
        dataset = open_dataset("emoji32", split=split)
        return {row.tobytes() for row in dataset.rows(np.arange(len(dataset)))}

    train, test = distinct("train"), distinct("test")
    assert len(train) == 3391 and len(test) == 376
    assert not train & test


def test_k_means_draws_emoji_better_than_the_papers_palette():
    original = open_dataset("emoji32", split="test")
    indices = np.arange(len(original))

    def decibels(**options):
        drawn = open_dataset("emoji16", split="test", **options)
        difference = to_images(drawn.rows(indices), spec=drawn.spec).astype(float) - original.rows(indices)
        return 10 * np.log10(255**2 / (difference**2).mean())

    assert decibels() > 24
    assert decibels() > decibels(quantizer="median_cut") + 2
    assert decibels(quantizer="median_cut") > decibels(quantizer="median_cut", dither="floyd_steinberg")


def test_sentences_are_english_and_many():
    whole = open_dataset("austen32", split="all", short_lines="pad")
    assert len(whole) >= 40_000
    first, second = to_strings(whole.rows([0, 1]), spec=whole.spec)
    assert first == "The family of Dashwood had long been settled in Sussex."[:32]
    assert second == "Their estate was large, and their"[:32]


def test_files_are_small_and_their_sources_are_named():
    files = [path for path in FOLDER.iterdir() if path.suffix != ".md"]
    assert sum(path.stat().st_size for path in files) < 8e6
    sources = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    for path in files:
        assert f"`{path.name}`" in sources
