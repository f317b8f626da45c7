"""Reads the original files of MNIST: ``train-images-idx3-ubyte`` and the three others, plain or as ``.gz``."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.data.errors import BadDataError

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def find_idx_pair(folder: Path, *, split: str) -> tuple[Path, Path] | None:
    """Finds the files of images and labels of a split; None unless the folder holds both."""
    found = [path for stem in FILES.get(split, ()) for path in (folder / stem, folder / f"{stem}.gz") if path.is_file()]
    return (found[0], found[1]) if len(found) == 2 else None


def count_examples(path: Path) -> int:
    """Reads the number of examples from the header of an idx file; 0 if it has no header."""
    try:
        with _open(path) as file:
            header = file.read(8)
    except (EOFError, OSError, zlib.error):
        return 0
    return int.from_bytes(header[4:8], "big")


def read_idx(path: Path) -> np.ndarray:
    """Reads an array in the idx format: bytes 0, 0, type, rank; the sizes as big-endian 32-bit integers; the data.

    Args:
      path: the file, plain or ``.gz``.

    Returns:
      uint8 array.

    Raises:
      BadDataError: the file is not an idx file of unsigned bytes, or it is truncated.
    """
    try:
        with _open(path) as file:
            content = file.read()
    except (EOFError, OSError, zlib.error) as error:
        raise BadDataError(f"{path}: truncated or broken compressed file ({error})") from error
    if content[:3] != b"\0\0\x08" or len(content) < 4 or len(content) < 4 + 4 * content[3]:
        raise BadDataError(f"{path}: not an idx file of unsigned bytes")
    start = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    if len(content) - start != np.prod(shape):
        raise BadDataError(f"{path}: expected {np.prod(shape)} entries {shape}, found {len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")
