"""Reads single arrays of ``.npz`` and ``.npy`` files, never Python objects."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from bgan_jax.data.errors import BadDataError

#: The name of the array of a ``.npy`` file.
ONLY = "images"

_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, TypeError, AttributeError, KeyError)


def array_names(path: Path) -> list[str]:
    """Lists the arrays of a file.

    Args:
      path: a file of ``numpy.savez`` or ``numpy.save``, whatever its name.

    Returns:
      The names, in the order of the file; :data:`ONLY` for a ``.npy`` file.

    Raises:
      BadDataError: the file is neither, or it is truncated.
    """
    with path.open("rb") as file:
        start = file.read(6)
    if start == b"\x93NUMPY":
        return [ONLY]
    if not start.startswith(b"PK"):
        raise BadDataError(f"{path}: truncated, or neither an npz nor an npy file")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except _BROKEN as error:
        raise BadDataError(f"{path}: truncated npz file ({type(error).__name__})") from error
    arrays = [name.removesuffix(".npy") for name in names if name.endswith(".npy")]
    if not arrays:
        raise BadDataError(f"{path}: a zip archive without arrays; a zip archive of pictures is read as images:{path}")
    return arrays


def holds_objects(path: Path, name: str) -> bool:
    """Returns whether an array holds Python objects, from its header; False for an array that is damaged.

    Args:
      path: a file of ``numpy.savez`` or ``numpy.save``.
      name: one of :func:`array_names`.
    """
    try:
        if not zipfile.is_zipfile(path):
            with path.open("rb") as file:
                return _dtype_of(file).hasobject
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
            return _dtype_of(member).hasobject
    except _BROKEN:
        return False


def _dtype_of(file: IO[bytes]) -> np.dtype:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)[2]


def read_array(path: Path, name: str) -> np.ndarray:
    """Reads one array of a file.

    Args:
      path: a file of ``numpy.savez`` or ``numpy.save``.
      name: one of :func:`array_names`.

    Returns:
      The array.

    Raises:
      BadDataError: the array holds Python objects, or it is damaged.
    """
    try:
        loaded: Any = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded as arrays:
            return arrays[name]
    except _BROKEN as error:
        if isinstance(error, ValueError) and "bject arrays" in str(error):
            raise BadDataError(
                f"{path}: the array {name} holds Python objects, which are never loaded: save numbers or strings"
            ) from error
        raise BadDataError(f"{path}: the array {name} is truncated or damaged ({type(error).__name__})") from error
