"""The data sets inside the package: no network, no cache, ready in a second. ``embedded/SOURCES.md`` has licences.

Each is one file without splits; every tenth example is held out as ``test``, the others are ``train``.
"""

from collections.abc import Callable
from importlib import resources

import numpy as np

from bgan_jax.data.intensities import grey_rows, grey_spec
from bgan_jax.data.source import Reading, Request, Source, in_chunks

_FOLDER = resources.files("bgan_jax.data") / "embedded"


def mnist10k(request: Request) -> Source:
    """The first 10,000 training digits of MNIST, sorted by class: 9,000 to train, 1,000 held out."""
    return _source("mnist10k.npz", request, _read_mnist10k)


def _read_mnist10k(request: Request) -> Reading:
    arrays = _load("mnist10k.npz")
    keep, splits = held_out_every_tenth(len(arrays["images"]), split=request.split)
    spec = grey_spec(
        request,
        shape=(28, 28, 1),
        splits=splits,
        num_classes=10,
        label_names=tuple("0123456789"),
        licence="CC BY-SA 3.0",
        citation="LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998",
    )
    rows = grey_rows(arrays["images"][keep].reshape(-1, 28, 28, 1), spec)
    return Reading(spec, in_chunks(rows, arrays["labels"][keep].astype(np.int32)))


def held_out_every_tenth(num_examples: int, *, split: str) -> tuple[np.ndarray, dict[str, int]]:
    """The fixed split of data that come without one.

    Examples 9, 19, 29, ... are ``test``. The files are sorted by class or by page, so this is also a stratified split.

    Args:
      num_examples: how many there are together.
      split: ``"train"`` or ``"test"``.

    Returns:
      Indices of the split's examples, and the size of each split.
    """
    indices = np.arange(num_examples)
    held_out = indices % 10 == 9
    sizes = {"train": int((~held_out).sum()), "test": int(held_out.sum())}
    return indices[held_out if split == "test" else ~held_out], sizes


def _source(file: str, request: Request, read: Callable[[Request], Reading]) -> Source:
    request.check_split(("train", "test"))
    return Source(where=f"{file} inside the package", identity=file, read=lambda: read(request), cached=False)


def _load(file: str) -> dict[str, np.ndarray]:
    with (_FOLDER / file).open("rb") as stream, np.load(stream) as arrays:
        return dict(arrays)
