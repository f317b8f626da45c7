"""Writes files atomically: a reader, or a crash, finds the old content or the new one, never a part of it.

A file takes its name once it is on the disk. An object of a bucket needs no such care: it appears when all of it has
been written.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from bgan_jax.paths import bucket_of, is_remote, path_of, storage_errors_as_os_errors, unusable


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], object]) -> None:
    """Writes a file through a temporary one beside it, which takes its name once it is on the disk.

    Args:
      path: the file.
      write: writes the content to an open binary file.

    Raises:
      OSError: the file cannot be written; nothing of it is left, and an older file of this name is as it was.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> write_atomically(folder / "a.bin", lambda file: file.write(b"content"))
      >>> [path.name for path in folder.iterdir()], (folder / "a.bin").read_bytes()
      (['a.bin'], b'content')
    """
    if is_remote(path):
        content = io.BytesIO()
        write(content)
        write_object(path_of(path), content.getvalue())
        return
    path = Path(path)
    temporary = _temporary(path)
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_object(path: Path, content: bytes) -> None:
    """Writes an object of a bucket.

    Raises:
      OSError: it cannot be written.
    """
    with storage_errors_as_os_errors():
        path.write_bytes(content)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Writes text as UTF-8, atomically."""
    write_atomically(path, lambda file: file.write(text.encode("utf-8")))


def append_text(path: Path, text: str) -> None:
    """Appends text to a file, which may be new. An object is written again, so this is for what is short."""
    if is_remote(path):
        write_object(path, (path.read_bytes() if path.exists() else b"") + text.encode("utf-8"))
        return
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes a value as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def unwritable(path: str | os.PathLike[str]) -> str:
    """Returns why a folder could not be made or written, without making it; an empty string where it could.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> _ = (folder / "file").write_text("")
      >>> unwritable(folder / "a" / "b"), unwritable(folder / "file" / "a").endswith("file is not a folder")
      ('', True)
    """
    if is_remote(path):
        return unusable(path) or _unreachable(path)
    path = Path(path)
    try:
        present = next(place for place in (path, *path.absolute().parents) if place.exists())
    except OSError as error:
        return error.strerror or str(error)
    if not present.is_dir():
        return f"{present} is not a folder"
    return "" if os.access(present, os.W_OK | os.X_OK) else f"no permission to write in {present}"


def _unreachable(path: str | os.PathLike[str]) -> str:
    """Returns why the bucket of an object cannot be used; empty where it can."""
    bucket = bucket_of(path)
    try:
        return "" if bucket.exists() else f"there is no bucket {bucket}, or no permission to read it"
    except Exception as error:
        return f"{bucket} cannot be read ({type(error).__name__}: {error})"


def unwritable_file(path: str | os.PathLike[str]) -> str:
    """Returns why :func:`write_atomically` could not write a file, once its folder is made; empty where it could.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp())
      >>> unwritable_file(folder / "a" / "b.txt"), unwritable_file(folder).endswith("is a folder")
      ('', True)
    """
    if is_remote(path):
        return unwritable(path)
    path = Path(path)
    try:
        if path.is_dir():
            return f"{path} is a folder"
        if path.exists() and not path.is_file():  # A device or a pipe, which would be replaced.
            return f"{path} is not an ordinary file"
        _temporary(path).exists()  # Raises where the name is too long.
    except OSError as error:
        return error.strerror or str(error)
    return unwritable(path.parent)
