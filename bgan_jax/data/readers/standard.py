"""Reads the standard data sets as tensorflow-datasets prepares them (LSUN and MNIST also from their own files)."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bgan_jax.data.binarization import grey_rows, grey_spec
from bgan_jax.data.characters import LATIN_VOCABULARY, Line, encode_all, fit_to_length
from bgan_jax.data.errors import BadDataError, DatasetNotFoundError
from bgan_jax.data.image_decoding import EncodedImage, decode_images
from bgan_jax.data.palette import quantize_reading
from bgan_jax.data.readers.idx import FILES, count_examples, find_idx_pair, read_idx
from bgan_jax.data.readers.lsun import FOLDERS, count_images, find_lmdb, how_to_fetch, read_images
from bgan_jax.data.readers.prepared import PreparedSplit, folder_of, locate, newest_version
from bgan_jax.data.source import Reading, Request, Rows, Source, identity_of, in_chunks

_DIGITS = tuple("0123456789")


def mnist(request: Request) -> Source:
    """Reads digits, 28x28, thresholded by default, from MNIST's idx files or as tensorflow-datasets prepares them."""
    folder = folder_of(request)
    pairs = {split: pair for split in FILES if (pair := find_idx_pair(folder, split=split))}
    if pairs:
        pair = pairs[request.check_split(pairs)]
        splits = {split: count_examples(images) for split, (images, _) in pairs.items()}
        facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in pair]
        return Source(str(folder), identity_of(request, facts), lambda: _read_idx_digits(request, pair, splits))
    return _prepared_greys(request, "mnist")


def binarized_mnist(request: Request) -> Source:
    """Reads the fixed binarisation of the digits, 50,000 / 10,000 / 10,000, without labels."""
    return _prepared_greys(request, "binarized_mnist")


def rgb_images(
    request: Request,
    *,
    builder: str,
    resolution: int,
    palette: int | None = None,
    labelled: bool = False,
    first: str = "",
) -> Source:
    """Reads RGB images: the central square, resized, and quantised to a palette if one is given.

    Args:
      request: the request.
      builder: name in tensorflow-datasets.
      resolution: height and width in pixels.
      palette: number of colours, or None for RGB.
      labelled: whether the feature ``label`` is read.
      first: what the user has to do before preparing, for the error message.

    Returns:
      The source.
    """
    prepared = PreparedSplit(request, locate(request, builder, first=first))
    names = prepared.class_names("label") if labelled else ()

    def read_rgb(split: PreparedSplit) -> Reading:
        encoded = (
            EncodedImage(
                f"{split.where}, example {number}", example["image"], example.get("label"), name=f"example {number}"
            )
            for number, example in enumerate(split.examples("image", *(["label"] if labelled else [])))
        )
        return _rgb(request, encoded, resolution=resolution, splits=split.splits, label_names=names)

    def read() -> Reading:
        if palette is None:
            return read_rgb(prepared)
        train = PreparedSplit(dataclasses.replace(request, split="train"), Path(prepared.where))
        first_thousand = next(iter(read_rgb(train).chunks)).rows
        return quantize_reading(read_rgb(prepared), request, sample=first_thousand, num_colors=palette)

    return Source(prepared.where, identity_of(request, prepared.identity), read)


def lsun_bedroom(request: Request, *, resolution: int) -> Source:
    """Reads bedrooms from LSUN's own databases, or as tensorflow-datasets once prepared them."""
    folder = folder_of(request)
    found = {split: path for split in FOLDERS if (path := find_lmdb(folder, split=split))}
    if not found:
        if newest_version(folder / "lsun/bedroom") is None:
            raise DatasetNotFoundError(how_to_fetch(request.name, folder))
        return rgb_images(request, builder="lsun/bedroom", resolution=resolution)
    path = found[request.check_split(found)]

    def read() -> Reading:
        splits = {split: count_images(place) for split, place in found.items()}
        return _rgb(request, read_images(path), resolution=resolution, splits=splits)

    size = (path / "data.mdb").stat().st_size
    return Source(str(path), identity_of(request, path.name, size), read)


def lm1b(request: Request, *, short_lines: str) -> Source:
    """Reads sentences cut to 32 characters; shorter ones are dropped, or padded with backticks.

    The vocabulary is printable Latin-1 and one symbol for all others, 192 in total, known without reading the data.
    """
    prepared = PreparedSplit(request, locate(request, "lm1b"))
    length = 32 if request.length is None else request.length

    def lines() -> Iterator[Line]:
        for number, example in enumerate(prepared.examples("text"), start=1):
            text = example["text"]
            yield Line(number, text.decode("utf-8") if isinstance(text, bytes) else str(text))

    def read() -> Reading:
        spec = request.spec(
            kind="text",
            shape=(length,),
            num_values=len(LATIN_VOCABULARY),
            splits=prepared.splits,
            vocabulary=LATIN_VOCABULARY,
        )
        usable = fit_to_length(lines(), length=length, short_lines=short_lines, long_lines="cut")
        return Reading(spec, encode_all(usable, vocabulary=LATIN_VOCABULARY, where=prepared.where))

    return Source(prepared.where, identity_of(request, prepared.identity), read)


def _read_idx_digits(request: Request, pair: tuple[Path, Path], splits: dict[str, int]) -> Reading:
    images, labels = read_idx(pair[0]), read_idx(pair[1])
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise BadDataError(f"{pair[0]}: {images.shape} images do not match the {labels.shape} labels of {pair[1].name}")
    spec = grey_spec(
        request,
        shape=(*images.shape[1:], 1),
        splits=splits,
        num_classes=10,
        label_names=_DIGITS,
    )
    return Reading(spec, in_chunks(grey_rows(images[..., None], spec), labels.astype(np.int32)))


def _prepared_greys(request: Request, builder: str) -> Source:
    also = f" and for {FILES['train'][0]}" if builder == "mnist" else ""
    prepared = PreparedSplit(request, locate(request, builder, also=also))
    labelled = builder == "mnist"

    def read() -> Reading:
        spec = grey_spec(
            request,
            shape=(28, 28, 1),
            splits=prepared.splits,
            num_classes=10 if labelled else 0,
            label_names=_DIGITS if labelled else (),
        )
        encoded = (
            EncodedImage(
                f"{prepared.where}, example {number}", example["image"], example.get("label"), name=f"example {number}"
            )
            for number, example in enumerate(prepared.examples("image", *(["label"] if labelled else [])))
        )
        reading = Reading(spec, ())
        decoded = decode_images(encoded, shape=(28, 28, 1), resolution=None, skipped=reading.skipped)
        # The binarised digits are 0 and 1 already; the others are intensities.
        reading.chunks = (Rows(grey_rows(rows, spec) if labelled else rows, labels) for rows, labels in decoded)
        return reading

    return Source(prepared.where, identity_of(request, prepared.identity), read)


def _rgb(
    request: Request,
    encoded: Iterator[EncodedImage],
    *,
    resolution: int,
    splits: dict[str, int],
    label_names: tuple[str, ...] = (),
) -> Reading:
    spec = request.spec(
        kind="continuous",
        shape=(resolution, resolution, 3),
        num_values=256,
        splits=splits,
        num_classes=len(label_names),
        label_names=label_names,
    )
    reading = Reading(spec, ())
    reading.chunks = decode_images(encoded, shape=spec.shape, resolution=resolution, skipped=reading.skipped)
    return reading
