"""``images:FOLDER`` or ``images:ARCHIVE`` (tar or zip): the user's own images, in any format that Pillow reads.

What is an image is seen from the content of a file, not from its name; everything else is counted as skipped. The
splits and the classes are those of :mod:`bgan_jax.data.readers.picture_layout`.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np

from bgan_jax.data.binarization import grey_rows, grey_spec
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.held_out import evenly_spaced
from bgan_jax.data.image_decoding import (
    UNDECODABLE,
    EncodedImage,
    UndecodableError,
    decode_image,
    decode_images,
    is_image,
)
from bgan_jax.data.own_path import own_path
from bgan_jax.data.palette import quantize_reading
from bgan_jax.data.pixel_depth import UnknownRangeError
from bgan_jax.data.readers.file_sets import FileSet, file_set
from bgan_jax.data.readers.picture_layout import layout_of
from bgan_jax.data.skipped import Skipped, printable
from bgan_jax.data.source import Reading, Request, Rows, Source, identity_of

# Names of images; the content of other files decides.
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".tga")

OUTSIDE = "beside the folders of the splits"


def image_files(request: Request) -> Source:
    """Reads images of one size (or cropped and resized to ``resolution``): RGB, binarised grey, or in a palette."""
    path = own_path(request, folder=True)
    # Listing a compressed archive reads all of it, so that is done only to pack it.
    files = [path / name for name in file_set(path).names] if path.is_dir() else [path]
    return Source(str(path), identity_of(request, files=files), lambda: _read(request, file_set(path)))


def _read(request: Request, files: FileSet) -> Reading:
    path = files.where
    if request.palette is not None and request.binarization is not None:
        raise ValueError(f"dataset {request.dataset_name}: set palette or binarization, not both")
    skipped = list(files.skipped)
    names = images_in(files, skipped)
    layout = layout_of(names, where=str(path))
    skipped += [Skipped(printable(name), OUTSIDE) for name in layout.outside]
    if not names:
        found = f"; it holds {len(skipped)} other files, such as {skipped[0]}" if skipped else ""
        raise BadDataError(f"{path}: no images found, also in its subfolders{found}")
    splits = layout.splits
    every = request.check_split([*splits, "all"]) == "all"
    chosen = [name for members in splits.values() for name in members] if every else splits[request.split]
    labelled = all(name in layout.class_of for name in chosen)
    labels = {name: label for label, name in enumerate(layout.classes)} if labelled else {}
    channels = 3 if request.binarization is None else 1
    size = request.resolution
    shape = (size, size, channels) if size else _first_shape(files, set(chosen), channels)
    facts = {
        "shape": shape,
        "splits": {split: len(members) for split, members in splits.items()},
        "num_classes": len(labels),
        "label_names": tuple(map(printable, labels)),
    }
    spec = grey_spec(request, **facts) if channels == 1 else request.spec(kind="continuous", num_values=256, **facts)
    reading = Reading(spec, (), skipped)

    def decoded(some: set[str], skipped: list[Skipped]) -> Iterator[Rows]:
        encoded = (
            EncodedImage(
                printable(f"{path}/{name}"),
                content,
                labels[layout.class_of[name]] if labels else None,
                name=printable(name),
            )
            for name, content in files.contents(some)
        )
        return decode_images(encoded, shape=shape, resolution=size, skipped=skipped)

    decoded_rows = decoded(set(chosen), reading.skipped)
    reading.chunks = (
        decoded_rows if channels == 3 else (Rows(grey_rows(rows, spec), label) for rows, label in decoded_rows)
    )
    if request.palette is None:
        return reading
    train = splits["train"]
    sample = next(decoded({train[place] for place in evenly_spaced(np.arange(len(train)))}, [])).rows
    return quantize_reading(reading, request, sample=sample, num_colors=request.palette)


def images_in(files: FileSet, skipped: list[Skipped]) -> list[str]:
    """Returns the names of the images among the files; the others join what is skipped."""
    unsure = {
        name
        for name in files.names
        # A Mac adds a file ._1.png, with other content, to each 1.png of an archive.
        if PurePosixPath(name).suffix.lower() not in SUFFIXES or PurePosixPath(name).name.startswith("._")
    }
    images = {name for name, file in files.opened(unsure) if is_image(file)} if unsure else set()
    skipped += [Skipped(printable(name), UNDECODABLE) for name in sorted(unsure - images)]
    return [name for name in files.names if name not in unsure or name in images]


def _first_shape(files: FileSet, names: set[str], channels: int) -> tuple[int, int, int]:
    for name, content in files.contents(names):
        try:
            height, width, _ = decode_image(content, channels=channels).shape
            return height, width, channels
        except UndecodableError:
            continue
        except UnknownRangeError as error:
            raise UnknownRangeError(f"{printable(f'{files.where}/{name}')}: {error}") from error
    raise BadDataError(f"{files.where}: none of its {len(names)} images could be decoded")
