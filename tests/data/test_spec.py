"""The record of a data set can be saved and restored, can be a static argument, and rejects contradictions."""

import json

import numpy as np
import pytest

from bgan_jax.data import DatasetSpec, open_dataset


@pytest.mark.parametrize("name", ["mnist10k", "emoji16", "emoji32", "austen32"])
def test_a_saved_record_is_the_same_record(name):
    spec = open_dataset(name).spec
    restored = DatasetSpec.from_json(spec.to_json())
    assert restored == spec
    assert hash(restored) == hash(spec)


def test_the_saved_form_of_a_split_says_what_was_skipped_and_restores_its_record(tmp_path):
    np.savez(tmp_path / "mine.npz", images=np.zeros((9, 4, 4), np.uint8), z=np.ones(2), zz=np.ones(2))
    dataset = open_dataset(f"npz:{tmp_path / 'mine.npz'}")
    assert DatasetSpec.from_json(dataset.to_json()) == dataset.spec
    found = json.loads(dataset.to_json())["reading"]["skipped"]
    assert found == {"array that is not used": {"count": 2, "examples": ["array z", "array zz"]}}
    text = open_dataset("austen32")
    assert json.loads(text.to_json())["reading"]["characters"] == text.characters
    assert min(text.characters.values()) > 0


@pytest.mark.parametrize("text", ["{}", "[]", '{"name": "x"}', "not json"])
def test_something_else_is_refused(text):
    with pytest.raises(ValueError):
        DatasetSpec.from_json(text)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "colour"}, "'colour' is not one of binary, categorical, continuous, text"),
        ({"kind": "categorical"}, "categorical data must have a palette"),
        ({"kind": "binary", "palette": ((0, 0, 0), (1, 1, 1))}, "categorical data must have a palette"),
        ({"kind": "text"}, "text must have a vocabulary"),
        ({"kind": "text", "vocabulary": ("a", "b", "c")}, "vocabulary has 3 entries, num_values=2"),
    ],
)
def test_contradictions_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        DatasetSpec(name="toy", shape=(2,), num_values=2, **fields)
