"""Reads LSUN bedrooms from LSUN's own files: ``bedroom_train_lmdb`` and ``bedroom_val_lmdb``.

The builder of tensorflow-datasets needs a package that can no longer be imported, so the database is read here.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bgan_jax.data.errors import BadDataError, MissingExtraError
from bgan_jax.data.image_decoding import EncodedImage

FOLDERS = {"train": "bedroom_train_lmdb", "validation": "bedroom_val_lmdb"}

_URL = "http://dl.yf.io/lsun/scenes/bedroom_train_lmdb.zip"


def how_to_fetch(name: str, folder: Path) -> str:
    """Returns the one-line instructions for the case that the data are not found."""
    return (
        f"dataset {name} is not in {folder} (looked for {FOLDERS['train']}/data.mdb, and for lsun/bedroom as "
        f"tensorflow-datasets once prepared it): download {_URL} (and bedroom_val_lmdb.zip from the same place), "
        f"unzip it there, and run: python -m experiments.prepare_data {name} --data_dir={folder}"
    )


def find_lmdb(folder: Path, *, split: str) -> Path | None:
    """Finds the database of a split, in the folder itself or in its ``lsun`` folder; None if it does not exist."""
    name = FOLDERS.get(split, "")
    candidates = [folder / name, folder / "lsun" / name] if name else []
    return next((path for path in candidates if (path / "data.mdb").is_file()), None)


def count_images(path: Path) -> int:
    """Returns the number of images in a database."""
    with _open(path) as database:
        return int(database.stat()["entries"])


def read_images(path: Path) -> Iterator[EncodedImage]:
    """Yields the images of a database, in the order of their keys.

    Args:
      path: the folder that holds ``data.mdb``.

    Yields:
      Encoded images without labels.

    Raises:
      BadDataError: the database is damaged.
    """
    import lmdb

    try:
        with _open(path) as database, database.begin() as transaction:
            for key, content in transaction.cursor():
                name = key.decode(errors="replace")
                yield EncodedImage(f"{path}/{name}", content, name=name)
    except lmdb.Error as error:
        raise BadDataError(f"{path}: damaged database ({error})") from error


def _open(path: Path) -> Any:
    try:
        import lmdb
    except ImportError as error:
        raise MissingExtraError("reading LSUN's database needs an extra: pip install 'bgan_jax[lsun]'") from error
    try:
        return lmdb.open(str(path), readonly=True, lock=False, readahead=False)
    except lmdb.Error as error:
        raise BadDataError(f"{path}: not a complete lmdb database ({error})") from error
