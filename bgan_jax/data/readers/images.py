"""``images:FOLDER`` or ``images:ARCHIVE.tar``: the user's own images, in any format that Pillow reads.

Images in more than one folder are labelled by the name of their folder. Top-level folders called ``train`` and
``test`` (or ``val``, ``valid``, ``validation``) are the splits; without them every tenth image, in the order of the
names, is held out as ``test``.
"""

import contextlib
import gzip
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from bgan_jax.data.binarization import grey_rows, grey_spec
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.held_out import is_in_split
from bgan_jax.data.image_decoding import EncodedImage, UndecodableError, decode_image, decode_images
from bgan_jax.data.own_path import own_path
from bgan_jax.data.palette import quantize_reading
from bgan_jax.data.skipped import Skipped
from bgan_jax.data.source import Reading, Request, Rows, Source, identity_of

SPLIT_FOLDERS = ("train", "test", "val", "valid", "validation")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def image_files(request: Request) -> Source:
    """Reads images of one size (or cropped and resized to ``resolution``): RGB, binarised grey, or in a palette."""
    path = own_path(request, folder=True)
    files = [path / name for name in _names_in(path)] if path.is_dir() else [path]
    return Source(str(path), identity_of(request, files=files), lambda: _read(request, path))


def _read(request: Request, path: Path) -> Reading:
    names = sorted(_names_in(path))
    if not names:
        raise BadDataError(f"{path}: no images found (looked for {', '.join(SUFFIXES)}, also in subfolders)")
    if request.palette is not None and request.binarization is not None:
        raise ValueError(f"dataset {request.dataset_name}: set palette or binarization, not both")
    splits = _splits_of(names)
    chosen = set(names if request.check_split([*splits, "all"]) == "all" else splits[request.split])
    folders = sorted({_class_folder(name) for name in names})
    labels = {folder: label for label, folder in enumerate(folders)} if len(folders) > 1 else {}
    channels = 3 if request.binarization is None else 1
    size = request.resolution
    shape = (size, size, channels) if size else _first_shape(path, set(names), channels)
    facts = {
        "shape": shape,
        "splits": {split: len(members) for split, members in splits.items()},
        "num_classes": len(labels),
        "label_names": tuple(labels),
    }
    spec = grey_spec(request, **facts) if channels == 1 else request.spec(kind="continuous", num_values=256, **facts)
    reading = Reading(spec, ())

    def decoded(some: set[str], skipped: list[Skipped]) -> Iterator[Rows]:
        encoded = (
            EncodedImage(f"{path}/{name}", data, labels.get(_class_folder(name)))
            for name, data in _contents(path, some)
        )
        return decode_images(encoded, shape=shape, resolution=size, skipped=skipped)

    decoded_rows = decoded(chosen, reading.skipped)
    reading.chunks = (
        decoded_rows if channels == 3 else (Rows(grey_rows(rows, spec), label) for rows, label in decoded_rows)
    )
    if request.palette is None:
        return reading
    train = splits["train"]
    places = np.linspace(0, len(train) - 1, min(1000, len(train)), dtype=np.int64)
    sample = next(decoded({train[place] for place in places}, [])).rows
    return quantize_reading(reading, request, sample=sample, num_colors=request.palette)


def _splits_of(names: list[str]) -> dict[str, list[str]]:
    """Groups image names by split: by top-level folders called train, test and so on; else by every tenth."""
    folders = [PurePosixPath(name).parent for name in names]
    depth = len(PurePosixPath(os.path.commonpath(folders)).parts)
    topmost = [folder.parts[depth] if len(folder.parts) > depth else "" for folder in folders]
    if "train" in topmost and set(topmost) - {"train"} and set(topmost) <= set(SPLIT_FOLDERS):
        return {
            split: [name for name, top in zip(names, topmost, strict=True) if top == split]
            for split in SPLIT_FOLDERS
            if split in topmost
        }
    held_out = is_in_split(np.arange(len(names)), split="test")
    return {
        "train": [name for name, held in zip(names, held_out, strict=True) if not held],
        "test": [name for name, held in zip(names, held_out, strict=True) if held],
    }


def _class_folder(name: str) -> str:
    """Returns the folder of an image, unless it is that of a split."""
    folder = PurePosixPath(name).parent.name
    return "" if folder in SPLIT_FOLDERS else folder


def _first_shape(path: Path, names: set[str], channels: int) -> tuple[int, int, int]:
    for _, content in _contents(path, names):
        try:
            height, width, _ = decode_image(content, channels=channels).shape
            return height, width, channels
        except UndecodableError:
            continue
    raise BadDataError(f"{path}: none of its {len(names)} images could be decoded")


def _names_in(path: Path) -> list[str]:
    if path.is_dir():
        names = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
    else:
        with _open_archive(path) as archive:
            names = [member.name for member in archive if member.isfile()]
    return [name for name in names if PurePosixPath(name).suffix.lower() in SUFFIXES]


def _contents(path: Path, names: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yields the chosen images: those of a folder sorted by name, those of an archive in its order."""
    if path.is_dir():
        for name in sorted(names):
            yield name, (path / name).read_bytes()
        return
    with _open_archive(path) as archive:
        for member in archive:
            if member.name in names and (file := archive.extractfile(member)):
                yield member.name, file.read()


@contextlib.contextmanager
def _open_archive(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path) as archive:
            yield archive
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise BadDataError(f"{path}: neither a folder nor a complete tar archive ({error})") from error
