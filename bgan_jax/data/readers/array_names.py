"""The names by which the arrays of a file are found: images, labels, their splits, and the rest."""

from pathlib import Path
from typing import NamedTuple

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.readers.array_files import array_names, holds_objects

# In the order of preference; upper and lower case are the same.
IMAGES = ("images", "x", "data", "x_train", "train_images")
LABELS = ("labels", "label", "y", "y_train", "train_labels")
UNUSED_ARRAY = "array that is not used"
OTHER_SPLITS = ("test", "val", "valid", "validation")


def image_names(split: str) -> tuple[str, ...]:
    """Returns the names of the images of a split, in the order of preference."""
    return IMAGES if split == "train" else (f"x_{split}", f"{split}_images")


def label_names(split: str) -> tuple[str, ...]:
    """Returns the names of the labels of a split, in the order of preference."""
    return LABELS if split == "train" else (f"y_{split}", f"{split}_labels")


class Contents(NamedTuple):
    """The names of a file's arrays by their meaning.

    Attributes:
      images: by split.
      labels: by split, of those splits that have them.
      palette: of the colours, or None.
      label_names: of the names of classes, or None.
      unused: all others.
    """

    images: dict[str, str]
    labels: dict[str, str]
    palette: str | None
    label_names: str | None
    unused: list[str]


def find_arrays(path: Path) -> Contents:
    """Finds the arrays of a file by their names.

    Args:
      path: an npz or npy file.

    Returns:
      The :class:`Contents`.

    Raises:
      BadDataError: no array has a name of images, and there is more than one that could be them.
    """
    names = array_names(path)
    objects = {name for name in names if holds_objects(path, name)}
    # Of arrays of one meaning those of Python objects come last; they are refused when they are read.
    by_name = {name.lower(): name for name in reversed(names)}

    def first(candidates: tuple[str, ...]) -> str | None:
        found = [by_name[candidate] for candidate in candidates if candidate in by_name]
        return min(found, key=lambda name: name in objects, default=None)

    images = {split: name for split in ("train", *OTHER_SPLITS) if (name := first(image_names(split)))}
    if "train" not in images:
        images["train"] = _only_array(path, names, objects=objects, taken=set(images.values()))
    labels = {split: name for split in images if (name := first(label_names(split)))}
    palette, class_names = first(("palette",)), first(("label_names",))
    known = {*images.values(), *labels.values(), palette, class_names}
    return Contents(images, labels, palette, class_names, [name for name in names if name not in known])


def _only_array(path: Path, names: list[str], *, objects: set[str], taken: set[str]) -> str:
    """Returns the name of the only array that does not hold Python objects and is not taken."""
    found = [name for name in names if name not in objects | taken]
    if len(found) != 1:
        listed = ", ".join(sorted(names)) or "none"
        raise BadDataError(f"{path}: no array of images; name it one of {', '.join(IMAGES)}; found: {listed}")
    return found[0]
