"""Splits and classes of pictures, by the folders that they lie in."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.held_out import is_in_split

# Upper and lower case are the same; what follows may be a year or a word, as in val2017 or test_images.
_SPLIT_FOLDER = re.compile(r"(train|test)(?:ing)?(?:[-_ ]?(?:images|imgs|set|data|\d+))?")
_VALIDATION_FOLDER = re.compile(r"(validation|valid|val)(?:[-_ ]?(?:images|imgs|set|data|\d+))?")

#: The class of pictures that lie beside the folders of classes.
NO_FOLDER = "no folder"


class Layout(NamedTuple):
    """What the folders of pictures mean.

    Attributes:
      splits: the names of the pictures of every split, sorted.
      outside: names of pictures that lie beside the folders of splits, and so belong to none.
      classes: sorted; empty if there are none.
      class_of: by name, of the pictures of splits that have classes.
    """

    splits: dict[str, list[str]]
    outside: list[str]
    classes: tuple[str, ...]
    class_of: dict[str, str]


def split_named(folder: str) -> str | None:
    """Returns the split that a folder's name stands for, if any.

    Example:
      >>> [split_named(name) for name in ("Train", "testing", "val2017", "Valid", "cats")]
      ['train', 'test', 'val', 'valid', None]
    """
    found = _SPLIT_FOLDER.fullmatch(folder.lower()) or _VALIDATION_FOLDER.fullmatch(folder.lower())
    return found[1] if found else None


def layout_of(names: Iterable[str], *, where: str) -> Layout:
    """Finds the splits and the classes of pictures.

    Folders called train and test (or val, and so on) that lie in one folder are the splits, at any depth; pictures
    elsewhere belong to none. Without them every tenth picture, in the order of the names, is held out as ``test``. The
    class is the first level of folders, those of splits left out, in which the pictures of ``train`` differ.

    Args:
      names: of the pictures, with ``/``.
      where: the folder or archive, for error messages.

    Returns:
      The :class:`Layout`.

    Raises:
      BadDataError: some pictures are in a folder called test (or val, and so on), without one called train beside it.

    Example:
      >>> names = ["set/train/cats/1.png", "set/train/dogs/2.png", "set/test/dogs/3.png", "set/logo.png"]
      >>> layout = layout_of(names, where="faces")
      >>> layout.splits["test"], layout.outside, layout.classes
      (['set/test/dogs/3.png'], ['set/logo.png'], ('cats', 'dogs'))
    """
    names = sorted(names)
    folders = {name: PurePosixPath(name).parts[:-1] for name in names}
    levels = _split_levels(folders.values())
    outside: list[str] = []
    splits: dict[str, list[str]] = {}
    within: dict[str, tuple[str, ...]] = {}  # The folders of every picture, without that of its split.
    for name, parts in folders.items():
        level = next((depth for depth in range(len(parts)) if parts[: depth + 1] in levels), None)
        if not levels:
            within[name] = parts
        elif level is None:
            outside.append(name)
        else:
            splits.setdefault(levels[parts[: level + 1]], []).append(name)
            within[name] = parts[:level] + parts[level + 1 :]
    if levels:
        # In a fixed order, train first.
        splits = {split: splits[split] for split in ("train", "test", "val", "valid", "validation") if split in splits}
    else:
        _check_no_lone_test(folders, where=where)
        held_out = is_in_split(np.arange(len(names)), split="test")
        splits = {
            split: [name for name, held in zip(names, held_out, strict=True) if held == (split == "test")]
            for split in ("train", "test")
        }
    return Layout(splits, outside, *_classes(splits, within, own_splits=bool(levels)))


def _split_levels(folders: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Finds the folders that are splits: those beside which there is another split, one of them train."""
    found: dict[tuple[str, ...], dict[tuple[str, ...], str]] = {}
    for parts in set(folders):
        for depth, part in enumerate(parts):
            if split := split_named(part):
                found.setdefault(parts[:depth], {})[parts[: depth + 1]] = split
    levels: dict[tuple[str, ...], str] = {}
    for children in found.values():
        if "train" in children.values() and len(set(children.values())) > 1:
            levels |= children
    return levels


def _check_no_lone_test(folders: dict[str, tuple[str, ...]], *, where: str) -> None:
    """Refuses pictures of a test folder among others, which would be trained on."""
    held_out = {
        name: part for name, parts in folders.items() for part in parts if split_named(part) not in (None, "train")
    }
    if 0 < len(held_out) < len(folders):
        name, part = min(held_out.items())
        raise BadDataError(
            f"{where}: {name} is in a folder {part!r}, and no folder beside that one is called train: put the pictures "
            "to train on into a folder train, or rename it"
        )


def _classes(
    splits: dict[str, list[str]], within: dict[str, tuple[str, ...]], *, own_splits: bool
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Returns the classes, and the class of every picture of a split that has them."""
    learned = splits["train"] if own_splits else [name for members in splits.values() for name in members]
    different = sorted({within[name] for name in learned})
    if len(different) < 2:
        return (), {}
    first, last = different[0], different[-1]  # What these two share at their beginning, all of them share.
    level = next(
        (depth for depth, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]),
        min(len(first), len(last)),
    )

    def class_of(name: str) -> str:
        return within[name][level] if len(within[name]) > level else NO_FOLDER

    classes = {class_of(name) for name in learned}
    labelled: dict[str, str] = {}
    for members in splits.values():
        found = {name: class_of(name) for name in members}
        # Where no folder is a class of train, the folders mean something else.
        if not members or classes & set(found.values()):
            labelled |= found
    return tuple(sorted(set(labelled.values()))), labelled
