"""``npz:FILE``: the user's own arrays, as ``numpy.savez`` or ``numpy.save`` writes them.

The names of arrays are those of :mod:`bgan_jax.data.readers.array_names`. Images (or the only array) are uint8 or bool,
or any numbers whose range the option ``value_range`` states, ``[n, H, W]``, ``[n, H, W, 1]`` or ``[n, H, W, 3]``.
Optional arrays: labels (:mod:`bgan_jax.data.class_labels`); ``label_names``, strings; ``palette``, uint8 ``[K, 3]``,
with which the images are palette indices. Arrays of a split, such as ``x_test`` and ``y_test``, or ``test_images`` and
``test_labels``, are that split; without them every tenth example is held out as ``test``.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.data.binarization import BINARIZATIONS, grey_rows, grey_spec
from bgan_jax.data.class_labels import classes_of
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.held_out import evenly_spaced, is_in_split
from bgan_jax.data.own_path import own_path
from bgan_jax.data.palette import Palette, quantize_reading
from bgan_jax.data.readers.array_files import read_array
from bgan_jax.data.readers.array_names import UNUSED_ARRAY, Contents, find_arrays
from bgan_jax.data.skipped import Skipped
from bgan_jax.data.source import Reading, Request, Source, identity_of, in_chunks
from bgan_jax.data.spec import DatasetSpec
from bgan_jax.data.value_range import VALUE_RANGES, to_intensities


def npz_file(request: Request) -> Source:
    """Reads arrays from a file; every tenth example is held out as ``test``, unless the file has a test split.

    Images of two values, zeros and ones or the ends of ``value_range``, are binary if they are grey. Others are
    continuous, unless the option ``binarization`` makes grey ones binary, the option ``palette`` makes RGB ones
    categorical, or the file contains a ``palette``.
    """
    path = own_path(request, folder=False)
    return Source(where=str(path), identity=identity_of(request, files=[path]), read=lambda: _read(request, path))


def _read(request: Request, path: Path) -> Reading:
    value_range = request.choice("value_range", among=VALUE_RANGES) if request.value_range else None
    contents = find_arrays(path)
    parts = {split: _shaped(path, name) for split, name in contents.images.items()}
    labels, label_names = _labels(path, contents, parts)
    members = _members({split: len(part) for split, part in parts.items()})
    images = _joined(path, contents, parts)
    kept = members[request.check_split([*members, "all"])] if request.split != "all" else np.arange(len(images))
    grey, has_palette = images.shape[-1] == 1, contents.palette is not None
    _check_options(request, path, grey=grey, has_palette=has_palette)
    facts = {
        "shape": images.shape[1:],
        "splits": {split: len(indices) for split, indices in members.items()},
        "num_classes": len(label_names),
        "label_names": label_names,
    }
    where = f"{path}, array {', '.join(contents.images.values())}"
    rows = to_intensities(images, value_range=value_range, where=where)
    if contents.palette is not None:
        palette = _checked_palette(path, read_array(path, contents.palette), grey=grey)
        rows, facts["shape"] = rows[..., 0], images.shape[1:3]
        spec = request.spec(kind="categorical", num_values=len(palette), palette=palette, **facts)
    else:
        rows, spec = _bits_or_intensities(request, rows, facts, where=where)
    skipped = [Skipped(f"array {name}", UNUSED_ARRAY) for name in contents.unused]
    reading = Reading(spec, in_chunks(rows[kept], None if labels is None else labels[kept]), skipped)
    if request.palette is None:
        return reading
    return quantize_reading(reading, request, sample=rows[evenly_spaced(members["train"])], num_colors=request.palette)


def _shaped(path: Path, name: str) -> np.ndarray:
    """Reads images as ``[n, H, W, C]``."""
    images = read_array(path, name)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        flat = "; reshape flat images, and read text from a file of lines as text:FILE"
        channels = "; move the channels last" if images.ndim == 4 and images.shape[1] in (1, 3) else ""
        raise BadDataError(
            f"{path}, array {name}: images must be [n, H, W], [n, H, W, 1] or [n, H, W, 3], found {images.shape}"
            f"{flat if images.ndim == 2 else channels}"
        )
    return images


def _joined(path: Path, contents: Contents, parts: dict[str, np.ndarray]) -> np.ndarray:
    if len(parts) == 1:
        return next(iter(parts.values()))
    forms = {(part.shape[1:], part.dtype) for part in parts.values()}
    if len(forms) > 1:
        found = ", ".join(f"{contents.images[split]} {part.dtype} {part.shape}" for split, part in parts.items())
        raise BadDataError(f"{path}: the images of all splits must have one size and type, found {found}")
    return np.concatenate(list(parts.values()))


def _members(sizes: dict[str, int]) -> dict[str, np.ndarray]:
    """Returns the positions of every split's examples in the joined array."""
    if len(sizes) == 1:
        everything = np.arange(sizes["train"])
        return {split: everything[is_in_split(everything, split=split)] for split in ("train", "test")}
    ends = np.cumsum(list(sizes.values()))
    return {split: np.arange(end - size, end) for (split, size), end in zip(sizes.items(), ends, strict=True)}


def _labels(path: Path, contents: Contents, parts: dict[str, np.ndarray]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the classes of all splits, joined, and their names."""
    if not contents.labels:
        return None, ()
    missing = [split for split in parts if split not in contents.labels]
    if missing:
        raise BadDataError(
            f"{path}: the array {contents.images[missing[0]]} has no labels, the others have; name them "
            f"y_{missing[0]}, or remove {', '.join(contents.labels.values())}"
        )
    arrays = {split: read_array(path, name) for split, name in contents.labels.items()}
    for split, labels in arrays.items():
        if labels.ndim == 0 or len(labels) != len(parts[split]):
            raise BadDataError(
                f"{path}, array {contents.labels[split]}: labels must be {len(parts[split])}, one per image, found "
                f"{labels.shape}"
            )
    shapes = {labels.shape[1:] for labels in arrays.values()}
    if len(shapes) > 1 or len({labels.dtype.kind in "US" for labels in arrays.values()}) > 1:
        raise BadDataError(f"{path}: the arrays {', '.join(contents.labels.values())} have different forms")
    names = () if contents.label_names is None else read_array(path, contents.label_names).reshape(-1).tolist()
    where = f"{path}, array {', '.join(contents.labels.values())}"
    return classes_of(np.concatenate(list(arrays.values())), where=where, names=names)


def _check_options(request: Request, path: Path, *, grey: bool, has_palette: bool) -> None:
    request.choice("binarization", among=BINARIZATIONS)
    channels = "these are grey" if grey else "these are RGB"
    if has_palette and (request.binarization or request.palette or request.value_range):
        raise BadDataError(
            f"{path}: the file has a palette of its own; leave out binarization, palette and value_range"
        )
    if (request.binarization and not grey) or (request.palette and grey):
        raise BadDataError(f"{path}: binarization is for grey images, palette for RGB images; {channels}")


def _bits_or_intensities(
    request: Request, rows: np.ndarray, facts: dict[str, Any], *, where: str
) -> tuple[np.ndarray, DatasetSpec]:
    """Returns the rows and the record of intensities, which are bits where grey images have two values only."""
    grey = rows.shape[-1] == 1
    if request.value_range is None and rows.max() <= 1:
        if not grey:
            raise BadDataError(
                f"{where}: RGB images without a value above 1 would be black: give value_range=0,1 "
                "(--value_range=0,1), or save 0..255"
            )
        rows, bits = rows * np.uint8(255), True
    else:
        bits = grey and request.value_range is not None and not ((rows != 0) & (rows != 255)).any()
    if not grey or (request.binarization is None and not bits):
        return rows, request.spec(kind="continuous", num_values=256, **facts)
    if bits and request.binarization != "none":
        request = dataclasses.replace(request, binarization="threshold")
    spec = grey_spec(request, **facts)
    return grey_rows(rows, spec), spec


def _checked_palette(path: Path, colors: np.ndarray, *, grey: bool) -> Palette:
    if not grey or colors.dtype != np.uint8 or colors.ndim != 2 or colors.shape[1] != 3:
        raise BadDataError(
            f"{path}: a palette must be uint8 [K, 3], and its images indices; found {colors.dtype} {colors.shape}"
        )
    return tuple((int(r), int(g), int(b)) for r, g, b in colors)
