"""The files of a folder, a tar archive or a zip archive, through one interface."""

import contextlib
import gzip
import lzma
import os
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.skipped import Skipped, printable

LINKED = "link to what is read already"
ARCHIVED_LINK = "link in an archive"
REPEATED = "repeated name in the archive, of which the last counts"
BROKEN_LINK = "broken link"
UNREADABLE = "no permission to read it"
SPECIAL = "neither a file nor a folder"


_DAMAGED = (
    tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, NotImplementedError
)  # fmt: skip


class FileSet(NamedTuple):
    """Files that can be read.

    Attributes:
      where: the folder or the archive.
      names: of the files, relative to it, with ``/``; sorted.
      skipped: what cannot be read.
      opened: from some of the names to pairs of a name and its open file, which is valid until the next pair.
    """

    where: Path
    names: list[str]
    skipped: list[Skipped]
    opened: Callable[[set[str]], Iterator[tuple[str, IO[bytes]]]]

    def contents(self, some: set[str]) -> Iterator[tuple[str, bytes]]:
        """Yields pairs of a name and the content of its file; raises BadDataError where it is damaged."""
        for name, file in self.opened(some):
            try:
                content = file.read()
            except (*_DAMAGED, OSError) as error:
                raise BadDataError(
                    f"{printable(f'{self.where}/{name}')}: damaged, or cannot be read ({_first_line(error)}); copy it "
                    "again, or remove it"
                ) from error
            yield name, content


def file_set(path: Path) -> FileSet:
    """Lists the files of a folder, a tar archive or a zip archive, whatever its name.

    Args:
      path: the folder or the archive.

    Returns:
      The :class:`FileSet`.

    Raises:
      BadDataError: the file is not a complete archive.
    """
    if path.is_dir():
        return _folder_files(path)
    return _zip_files(path) if zipfile.is_zipfile(path) else _tar_files(path)


def _folder_files(root: Path) -> FileSet:
    """Lists a folder and the folders in it; links are followed to what is not in the folder itself."""
    names: list[str] = []
    skipped: list[Skipped] = []
    seen: set[tuple[int, int]] = set()  # Devices and inodes of folders and files.
    links: list[str] = []

    def skip(name: str, reason: str) -> None:
        skipped.append(Skipped(printable(name or "."), reason))

    def add(name: str) -> None:
        """Adds a file, or the files of a folder; links are left for later, so that files are read by their own name."""
        path = os.path.join(root, name)
        try:
            status = os.stat(path)
        except OSError as error:
            skip(name, UNREADABLE if isinstance(error, PermissionError) else BROKEN_LINK)
            return
        place = (status.st_dev, status.st_ino)
        is_folder = stat.S_ISDIR(status.st_mode)
        if place in seen and (is_folder or os.path.islink(path)):
            skip(name, LINKED)
            return
        seen.add(place)
        if is_folder:
            try:
                entries = sorted(os.scandir(path), key=lambda entry: entry.name)
            except OSError:
                skip(name, UNREADABLE)
                return
            for entry in entries:
                inner = f"{name}/{entry.name}" if name else entry.name
                links.append(inner) if entry.is_symlink() else add(inner)
        elif not stat.S_ISREG(status.st_mode):
            skip(name, SPECIAL)
        elif os.access(path, os.R_OK):
            names.append(name)
        else:
            skip(name, UNREADABLE)

    add("")
    while links:
        add(links.pop(0))

    def opened(some: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
        for name in sorted(some):
            with open(os.path.join(root, name), "rb") as file:
                yield name, file

    return FileSet(root, sorted(names), skipped, opened)


def _tar_files(path: Path) -> FileSet:
    places: dict[str, int] = {}  # Of the last member of every name.
    skipped: list[Skipped] = []
    with _open_tar(path) as archive:
        for member in archive:
            name = _plain(member.name)
            if member.issym() or member.islnk():
                skipped.append(Skipped(printable(name), ARCHIVED_LINK))
            elif member.isfile():
                if name in places:
                    skipped.append(Skipped(printable(name), REPEATED))
                places[name] = member.offset
            elif not member.isdir():
                skipped.append(Skipped(printable(name), SPECIAL))

    def opened(some: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
        with _open_tar(path) as archive:
            for member in archive:  # In the order of the archive, which may be compressed.
                name = _plain(member.name)
                if name in some and places[name] == member.offset and (file := archive.extractfile(member)):
                    yield name, file

    return FileSet(path, sorted(places), skipped, opened)


def _zip_files(path: Path) -> FileSet:
    members: dict[str, zipfile.ZipInfo] = {}
    skipped: list[Skipped] = []
    with _open_zip(path) as archive:
        for member in archive.infolist():
            name = _plain(member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir():
                continue
            if kind == stat.S_IFLNK:
                skipped.append(Skipped(printable(name), ARCHIVED_LINK))
                continue
            if name in members:
                skipped.append(Skipped(printable(name), REPEATED))
            members[name] = member

    def opened(some: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
        with _open_zip(path) as archive:
            for name in sorted(some):
                with archive.open(members[name]) as file:
                    yield name, file

    return FileSet(path, sorted(members), skipped, opened)


def _plain(name: str) -> str:
    """Returns the name under which a member is extracted: ``./a`` and ``/a`` are ``a``."""
    return posixpath.normpath(name.replace("\\", "/") if os.sep == "\\" else name).lstrip("/")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(":")


@contextlib.contextmanager
def _open_tar(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path) as archive:
            yield archive
    except _DAMAGED as error:
        raise BadDataError(
            f"{path}: neither a folder nor a complete tar or zip archive ({_first_line(error)}); copy it again, or put "
            "single pictures into a folder"
        ) from error


@contextlib.contextmanager
def _open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except _DAMAGED as error:
        raise BadDataError(f"{path}: damaged zip archive ({_first_line(error)}); copy it again") from error
    except RuntimeError as error:  # What zipfile raises for a member with a password.
        raise BadDataError(f"{path}: {_first_line(error)}; unpack it to a folder") from error
