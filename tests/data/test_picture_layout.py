"""Splits and classes by folders: test pictures are never trained on, and what belongs to no split is listed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bgan_jax.data import BadDataError
from bgan_jax.data.readers.picture_layout import NO_FOLDER, layout_of, split_named

TRAINS = ["train", "Train", "TRAINING", "training", "train2017", "train_images", "train set"]
TESTS = ["test", "Test", "testing", "TESTING", "test2017", "test-images"]
VALIDATIONS = ["val", "Val", "valid", "validation", "Validation", "val2017"]


@pytest.mark.parametrize(("train", "other"), list(itertools.product(TRAINS, TESTS + VALIDATIONS)))
@pytest.mark.parametrize("prefix", ["", "data/faces/"])
def test_split_folders_at_any_depth_beside_stray_files(train, other, prefix):
    trained = [f"{prefix}{train}/{c}/{n}.png" for c in "ab" for n in range(9)]
    held_out = [f"{prefix}{other}/{c}/{n}.png" for c in "ab" for n in range(3)]
    stray = [f"{prefix}logo.png", "sheet.png", f"{prefix}extra/1.png"]
    layout = layout_of(stray + held_out + trained, where="faces")
    assert layout.splits == {"train": trained, split_named(other): held_out}
    assert layout.outside == sorted(stray)
    assert layout.classes == ("a", "b")
    assert all(layout.class_of[name] == name.split("/")[-2] for name in trained + held_out)


@pytest.mark.parametrize(
    ("names", "classes", "class_of"),
    [
        (["1.png", "2.png"], (), {}),
        (["cats/1.png"], (), {}),
        (["cats/1.png", "dogs/1.png"], ("cats", "dogs"), {"dogs/1.png": "dogs"}),
        (["cats/images/1.png", "dogs/images/1.png"], ("cats", "dogs"), {"cats/images/1.png": "cats"}),
        (["set/cats/a/1.png", "set/cats/b/1.png", "set/dogs/1.png"], ("cats", "dogs"), {"set/cats/b/1.png": "cats"}),
        (["cats/1.png", "1.png"], ("cats", NO_FOLDER), {"1.png": NO_FOLDER}),
        (["train/1.png", "cats/1.png"], ("cats", "train"), {"train/1.png": "train"}),
        (["cats/train/1.png", "cats/test/1.png", "dogs/train/1.png", "dogs/test/1.png"], ("cats", "dogs"),
         {"dogs/test/1.png": "dogs"}),
        (["train/cats/1.png", "train/dogs/1.png", "test/birds/1.png", "test/cats/1.png"], ("birds", "cats", "dogs"),
         {"test/birds/1.png": "birds"}),
        (["cafe.png/1.png", "tests/1.png"], ("cafe.png", "tests"), {"tests/1.png": "tests"}),
    ],
)  # fmt: skip
def test_the_class_is_the_first_folder_that_differs(names, classes, class_of):
    layout = layout_of(names, where="faces")
    assert layout.classes == classes
    assert class_of.items() <= layout.class_of.items()
    assert set(layout.class_of) == (set(names) if classes else set())


def test_folders_of_test_that_are_no_classes_of_train_are_no_labels():
    train = [f"train/n{c}/images/{n}.JPEG" for c in range(3) for n in range(3)]
    layout = layout_of([*train, "val/images/1.JPEG", "test/images/2.JPEG"], where="faces")
    assert layout.classes == ("n0", "n1", "n2")
    assert set(layout.class_of) == set(train)
    assert layout.splits["val"] == ["val/images/1.JPEG"]


@pytest.mark.parametrize(
    "names", [["1.png", "test/2.png"], ["cats/1.png", "Testing/2.png"], ["a/train/1.png", "b/val/2.png"]]
)
def test_a_test_folder_without_a_train_folder_is_refused(names):
    with pytest.raises(BadDataError, match=r"^faces: .* no folder beside that one is called train"):
        layout_of(names, where="faces")
    assert layout_of(["test/1.png", "test/2.png"], where="faces").splits["train"] == ["test/1.png", "test/2.png"]


PART = st.sampled_from(["a", "b", "train", "Test", "val", "testing", "c.d"])
NAMES = st.lists(st.lists(PART, min_size=1, max_size=4).map("/".join), min_size=1, max_size=30, unique=True)


@given(NAMES)
def test_every_picture_is_in_one_split_or_listed_as_outside(names):
    names = [f"{name}/x{number}.png" for number, name in enumerate(names)]
    try:
        layout = layout_of(names, where="faces")
    except BadDataError:
        held_out = [any(split_named(part) in ("test", "val") for part in name.split("/")) for name in names]
        assert any(held_out) and not all(held_out)
        return
    assert sorted([*itertools.chain(*layout.splits.values()), *layout.outside]) == sorted(names)
    assert set(layout.class_of.values()) == set(layout.classes)
    own = {split_named(part) for name in layout.splits["train"] for part in name.split("/")[:-1]}
    if layout.outside:
        assert "train" in own
