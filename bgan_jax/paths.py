"""Paths of what a run reads and writes: files of this machine, or objects of a bucket, such as ``gs://bucket/run``.

A local path is a ``pathlib.Path``. One of a bucket is an ``etils.epath.Path``, which has the same methods, over
TensorFlow where it is installed and otherwise over fsspec. What the two do not share is here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

REMOTE = re.compile(r"([a-z][a-z0-9+.-]*)://")


class Storage(NamedTuple):
    """What the paths of a scheme need.

    Attributes:
      extra: of this package, which installs all of it.
      file_system: the module of its fsspec file system, which TensorFlow replaces.
      also: modules that are needed in any case.
    """

    extra: str
    file_system: str
    also: tuple[str, ...] = ()


#: By scheme. Orbax asks Google's own client about a bucket of gs://.
STORAGES = {"gs": Storage("gcs", "gcsfs", also=("google.cloud.storage",)), "s3": Storage("s3", "s3fs")}


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Returns whether a path is not one of this machine's file system.

    Example:
      >>> is_remote("gs://bucket/run"), is_remote("runs/mnist")
      (True, False)
    """
    return REMOTE.match(os.fspath(path)) is not None


def path_of(path: str | os.PathLike[str]) -> Path:
    """Returns the path of a name, with ``~`` replaced by the home folder.

    Raises:
      RuntimeError: there is no home folder.

    Example:
      >>> path_of("runs/mnist").as_posix()
      'runs/mnist'
    """
    if not is_remote(path):
        return Path(path).expanduser()
    import fsspec.config
    from etils import epath

    # By default a listing is kept for the whole process, which would hide what other processes write.
    for name in ("gcs", "s3"):
        fsspec.config.conf.setdefault(name, {}).setdefault("use_listings_cache", False)
    return cast(Path, epath.Path(path))


def unusable(path: str | os.PathLike[str]) -> str:
    """Returns why paths of this scheme cannot be used here, and the remedy; empty where they can, and for local paths.

    Example:
      >>> unusable("ftp://host/run"), unusable("runs/mnist")
      ('neither a local path nor one of gs:// or s3://', '')
    """
    scheme = REMOTE.match(os.fspath(path))
    if scheme is None:
        return ""
    if scheme[1] not in STORAGES:
        return f"neither a local path nor one of {' or '.join(f'{name}://' for name in STORAGES)}"
    storage = STORAGES[scheme[1]]
    modules = ("tensorflow" if _is_installed("tensorflow") else storage.file_system, *storage.also)
    missing = [module for module in modules if not _is_installed(module)]
    if missing:
        return (
            f"{scheme[1]}:// needs {' and '.join(missing)}, not installed here: pip install 'bgan_jax[{storage.extra}]'"
        )
    return ""


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package above it
        return False


def bucket_of(path: str | os.PathLike[str]) -> Path:
    """Returns the bucket that an object lies in."""
    scheme, _, rest = os.fspath(path).partition("://")
    return path_of(f"{scheme}://{rest.partition('/')[0]}")


def resolved(path: Path) -> Path:
    """Returns the absolute path without links; that of an object is its own."""
    return path if is_remote(path) else path.resolve()


def size_of(path: Path) -> int:
    """Returns the size of a file or an object in bytes."""
    found: Any = path.stat()
    return found.length if is_remote(path) else found.st_size


def read_text_with_damage(path: Path) -> str:
    """Reads a text of which a crash may have left a part; bytes that are not UTF-8 become replacement characters."""
    return path.read_bytes().decode("utf-8", errors="replace")


@contextlib.contextmanager
def storage_errors_as_os_errors() -> Iterator[None]:
    """Turns the errors that every storage has of its own into ``OSError``."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def remove_tree(path: Path) -> None:
    """Removes a folder with all that it contains; what cannot be removed stays."""
    if not is_remote(path):
        shutil.rmtree(path, ignore_errors=True)
    elif path.exists():
        cast(Any, path).rmtree(missing_ok=True)
