"""Data sets embedded in the package: they need neither network nor cache. Licences: ``embedded/SOURCES.md``.

Each is one file without splits; every tenth example is held out as ``test``.
"""

from collections.abc import Callable
from functools import partial
from importlib import resources

import numpy as np

from bgan_jax.data.binarization import grey_rows, grey_spec
from bgan_jax.data.held_out import SPLITS, evenly_spaced_indices, is_in_split, split_sizes
from bgan_jax.data.palette import quantize_reading
from bgan_jax.data.readers.lines import iterate_lines
from bgan_jax.data.readers.text import read_text
from bgan_jax.data.source import Reading, Request, Source, identity_of, in_chunks

_FOLDER = resources.files("bgan_jax.data") / "embedded"

EMOJI_GROUPS = (
    "Activities",
    "Animals & Nature",
    "Component",
    "Flags",
    "Food & Drink",
    "Objects",
    "People & Body",
    "Smileys & Emotion",
    "Symbols",
    "Travel & Places",
)


def mnist10k(request: Request) -> Source:
    """Reads the first 10,000 training digits of MNIST, sorted by class."""
    return _source("mnist10k.npz", request, _read_digits)


def emoji32(request: Request) -> Source:
    """Reads the emoji of Google's Noto font, 32x32 RGB on white."""
    return _source("emoji.npz", request, _read_emoji)


def emoji16(request: Request) -> Source:
    """Reads the same emoji in a palette of 16 colours."""
    return _source("emoji.npz", request, _read_emoji_in_palette)


def austen32(request: Request) -> Source:
    """Reads sentences of Jane Austen's six novels, by default cut to 32 characters."""
    return _source("austen.txt.xz", request, _read_sentences)


def _read_digits(request: Request) -> Reading:
    images, labels, splits = _images("mnist10k.npz", request.split)
    spec = grey_spec(
        request,
        shape=(28, 28, 1),
        splits=splits,
        num_classes=10,
        label_names=tuple("0123456789"),
    )
    return Reading(spec, in_chunks(grey_rows(images[..., None], spec), labels))


def _read_emoji(request: Request) -> Reading:
    images, labels, splits = _images("emoji.npz", request.split)
    spec = request.spec(
        kind="continuous",
        shape=(32, 32, 3),
        num_values=256,
        splits=splits,
        num_classes=len(EMOJI_GROUPS),
        label_names=EMOJI_GROUPS,
    )
    return Reading(spec, in_chunks(images, labels))


def _read_emoji_in_palette(request: Request) -> Reading:
    everything, _, _ = _images("emoji.npz", "all")
    sample = everything[evenly_spaced_indices(len(everything))]
    return quantize_reading(_read_emoji(request), request, sample=sample, num_colors=16)


def _read_sentences(request: Request) -> Reading:
    with resources.as_file(_FOLDER / "austen.txt.xz") as path:
        lines = tuple(iterate_lines(path))
    return read_text(request, lambda: iter(lines), where="austen.txt.xz", long_lines="cut")


def _source(file: str, request: Request, read: Callable[[Request], Reading]) -> Source:
    request.check_split(SPLITS)
    return Source(
        where=f"{file} inside the package",
        identity=identity_of(request, file),
        read=partial(read, request),
        cached=False,
    )


def _images(file: str, split: str) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    with (_FOLDER / file).open("rb") as stream, np.load(stream) as arrays:
        images, labels = arrays["images"], arrays["labels"].astype(np.int32)
    kept = is_in_split(np.arange(len(images)), split=split)
    return images[kept], labels[kept], split_sizes(len(images))
