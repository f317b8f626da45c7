"""Reads data sets that tensorflow-datasets has prepared, without TensorFlow.

The records are read from the files directly, and only the features in use are parsed: two to ten times faster than
``tfds.data_source``, and the same for both of its file formats (array_record and tfrecord).
"""

import hashlib
import logging
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from bgan_jax.data.errors import BadDataError, DatasetNotFoundError, MissingExtraError
from bgan_jax.data.source import CHUNK, Request

_log = logging.getLogger(__name__)

_VERSION = re.compile(r"\d+\.\d+\.\d+")


def folder_of(request: Request) -> Path:
    """Returns the folder of prepared data: ``data_dir``, else ``$TFDS_DATA_DIR``, else ``~/tensorflow_datasets``."""
    return Path(request.data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser().absolute()


def locate(request: Request, builder: str, *, also: str = "", first: str = "") -> Path:
    """Finds the newest prepared version of a data set; prepares it if there is none and downloads are allowed.

    Args:
      request: its data_dir and download are read.
      builder: name in tensorflow-datasets, with its configuration if it has one, e.g. ``"lsun/bedroom"``.
      also: other files that were looked for, for the error message.
      first: what the user has to do before preparing, for the error message.

    Returns:
      The folder that holds ``dataset_info.json``.

    Raises:
      DatasetNotFoundError: no version is found, and downloads are not allowed or fail.
      MissingExtraError: it has to be prepared, and TensorFlow is not installed.
    """
    folder = folder_of(request)
    if (found := newest_version(folder / builder)) is None and request.download:
        _prepare(request, builder, folder)
        found = newest_version(folder / builder)
    if found is None:
        raise DatasetNotFoundError(
            f"dataset {request.name} is not in {folder} (looked for {builder}/*/dataset_info.json{also}); to get "
            f"it,{first} run: python -m experiments.prepare_data {request.name} --data_dir={folder} --download"
        )
    return found


class PreparedSplit:
    """One split of a prepared data set.

    Attributes:
      where: the folder, for messages.
      splits: number of examples of every split.
      identity: digest of the names and sizes of the split's files, and of their description in the folder.
    """

    def __init__(self, request: Request, folder: Path):
        tfds = _import_tfds()
        self.where = str(folder)
        try:
            self._info = tfds.builder_from_directory(folder).info
        except Exception as error:  # On a truncated or edited description the parser raises many kinds of exceptions.
            raise BadDataError(f"{folder}: not a data set that tensorflow-datasets can read ({error})") from error
        self.splits = {name: int(split.num_examples) for name, split in self._info.splits.items()}
        split = self._info.splits[request.check_split(self.splits)]
        self._lengths = list(split.shard_lengths)
        self._files = [Path(path) for path in split.filepaths]
        for path in self._files:
            if not path.is_file():
                raise BadDataError(f"{path}: missing; copy or prepare {folder} again")
        facts = [(path.name, path.stat().st_size) for path in self._files]
        self.identity = hashlib.sha256(repr(facts).encode() + (folder / "dataset_info.json").read_bytes()).hexdigest()

    def class_names(self, feature: str) -> tuple[str, ...]:
        """Returns the class names of a label."""
        return tuple(self._info.features[feature].names)

    def examples(self, *features: str) -> Iterator[dict[str, Any]]:
        """Yields some features of every example, in the order of the files; images stay encoded.

        Args:
          *features: names of the features to parse.

        Yields:
          One dictionary per example.

        Raises:
          BadDataError: a file is damaged or truncated.
        """
        tfds = _import_tfds()
        wanted = tfds.features.FeaturesDict({name: self._info.features[name] for name in features})
        images = [name for name in features if isinstance(wanted[name], tfds.features.Image)]
        decoders = {name: tfds.decode.SkipDecoding() for name in images}
        for path, expected in zip(self._files, self._lengths, strict=True):
            count = 0
            try:
                for record in _records(path):
                    yield wanted.deserialize_example_np(record, decoders=decoders)
                    count += 1
            except Exception as error:  # The C++ readers raise many kinds of exceptions on damaged files.
                raise BadDataError(f"{path}: damaged after {count} examples ({error})") from error
            if count != expected:
                raise BadDataError(f"{path}: expected {expected} examples, found {count}; copy or prepare it again")


def _records(path: Path) -> Iterator[bytes]:
    if ".array_record-" in path.name:
        from array_record.python import array_record_data_source

        records = array_record_data_source.ArrayRecordDataSource([str(path)])
        for start in range(0, len(records), CHUNK):
            yield from records.__getitems__(range(start, min(start + CHUNK, len(records))))
    else:
        import grain

        yield from grain.experimental.TFRecordIterDataset(str(path))


def newest_version(folder: Path) -> Path | None:
    """Finds the newest prepared version in the folder of a builder; None if there is none."""
    versions = [path.parent for path in folder.glob("*/dataset_info.json") if _VERSION.fullmatch(path.parent.name)]
    return max(versions, key=lambda path: tuple(map(int, path.name.split("."))), default=None)


def _import_tfds() -> Any:
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise MissingExtraError(
            f"reading prepared data needs an extra: pip install 'bgan_jax[tfds]' ({error})"
        ) from error
    return tfds


def _prepare(request: Request, builder: str, folder: Path) -> None:
    tfds = _import_tfds()
    try:
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"preparing {builder} needs TensorFlow (reading it does not): pip install 'bgan_jax[tfds-prepare]', or "
            f"prepare it on another machine and copy {folder / builder}"
        ) from error
    stock = tfds.builder(builder, data_dir=folder, file_format="array_record")
    if not any((folder / "downloads" / "manual").glob("*")):
        _check_reachable(stock)
    _log.info("downloading and preparing %s into %s", builder, folder)
    try:
        stock.download_and_prepare()
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise DatasetNotFoundError(
            f"dataset {request.name}: preparing {builder} in {folder} failed: {reason}"
        ) from error


def _check_reachable(stock: Any) -> None:
    """Raises an error within seconds if there is no network; the download itself would retry for minutes."""
    if any(os.environ.get(name) for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")):
        return
    for url in list(getattr(stock, "url_infos", None) or {})[:1]:
        host = urlparse(url).hostname
        try:
            socket.create_connection((host, 443), timeout=5).close()
        except OSError as error:
            raise DatasetNotFoundError(f"cannot reach {host} to download {stock.name}: {error}") from error
