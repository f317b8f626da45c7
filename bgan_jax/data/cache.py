"""Packed splits on disk: written once, then memory-mapped, and checked against their fingerprint when opened.

A pack is a folder ``<name>-<split>-<identity>`` with ``rows.npy``, ``labels.npy`` (if there are labels) and
``pack.json``. It is written under a temporary name and renamed when complete, so that no process sees a partial pack.
A pack whose content does not match its fingerprint is written again.
"""

import dataclasses
import errno
import json
import logging
import os
import re
import shutil
import uuid
from pathlib import Path

import numpy as np

from bgan_jax.data.cache_folder import default_cache_dir, replace_cache_dir
from bgan_jax.data.dataset import Dataset
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.packed_split import fingerprint, packed_chunks
from bgan_jax.data.packing import packed_width
from bgan_jax.data.skipped import Skipped
from bgan_jax.data.source import Source
from bgan_jax.data.spec import DatasetSpec

_log = logging.getLogger(__name__)

_PROGRESS = 100_000  # Examples between two progress lines in the log.


def open_pack(source: Source, *, name: str, split: str, cache_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Opens the packed form of a split; packs the split first if there is no valid pack of it.

    Args:
      source: the split's source.
      name: name of the data set, used in the name of the pack's folder.
      split: name of the split, used in the name of the pack's folder.
      cache_dir: folder of the packs; by default :func:`default_cache_dir`, or a temporary one where that is full.

    Returns:
      The split, memory-mapped.

    Raises:
      BadDataError: the source's data are invalid.
      ValueError: ``cache_dir`` cannot be written.
    """
    parent = Path(cache_dir).expanduser() if cache_dir else default_cache_dir()
    pack = f"{re.sub(r'[^A-Za-z0-9._]+', '_', name)[-60:]}-{split}-{source.identity[:16]}"
    try:
        return _load_or_make(source, parent / pack, name=name, split=split)
    except _UnwritableError as error:
        if cache_dir:
            raise ValueError(
                f"cannot write packed data under {parent} ({error}): choose a folder with cache_dir (--cache_dir) or "
                "BGAN_JAX_CACHE"
            ) from error
        return _load_or_make(source, replace_cache_dir(parent, str(error)) / pack, name=name, split=split)


class _UnwritableError(ValueError):
    """A pack cannot be written where it should be."""


def _load_or_make(source: Source, folder: Path, *, name: str, split: str) -> Dataset:
    """Loads a pack, or packs the split into its folder.

    Raises:
      _UnwritableError: the folder cannot be made, or its disk is full.
    """
    dataset = _load(folder)
    if dataset is not None:
        return dataset
    _log.info("packing %s (%s) from %s into %s", name, split, source.where, folder)
    partial = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.partial")
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise _UnwritableError(error.strerror or str(error)) from error
    try:
        _write(source, partial)
        return _publish(partial, folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _UnwritableError(error.strerror) from error
        raise  # of the source, perhaps
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _load(folder: Path) -> Dataset | None:
    """Loads a pack; None if it is absent, or, with a warning, if it is damaged."""
    if not folder.exists():
        return None
    try:
        record = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
        spec = DatasetSpec.from_json(json.dumps(record["spec"]))
        packed = np.load(folder / "rows.npy", mmap_mode="r")
        if not len(packed):
            raise ValueError("it has no examples")
        labels = np.load(folder / "labels.npy") if record["has_labels"] else None
        if fingerprint(spec, packed, labels) != spec.fingerprint:
            raise ValueError("its content does not match its fingerprint")
        return Dataset(spec, packed, labels, tuple(Skipped(*item) for item in record["skipped"]), record["characters"])
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        _log.warning("the packed data in %s are damaged (%s): packing again", folder, error)
        return None


def _write(source: Source, folder: Path) -> None:
    reading = source.read()
    labels: list[np.ndarray] = []
    num_examples = 0
    width = packed_width(reading.spec)
    with open(folder / "rows.npy", "wb") as file:
        # The number of examples is only known at the end; numpy pads the header so that the first dimension can grow.
        start_of_rows = _write_header(file, (0, width), reading.spec.row_dtype)
        for packed, part in packed_chunks(reading, where=source.where):
            file.write(packed.data)
            if (num_examples + len(packed)) // _PROGRESS > num_examples // _PROGRESS:
                _log.info("packed %d examples", num_examples + len(packed))
            num_examples += len(packed)
            if part is not None:
                labels.append(part)
        file.seek(0)
        end_of_header = _write_header(file, (num_examples, width), reading.spec.row_dtype)
        if end_of_header != start_of_rows:
            raise BadDataError(f"{source.where}: the header of {num_examples} examples does not fit before their rows")
    if labels:
        np.save(folder / "labels.npy", np.concatenate(labels))
    packed = np.load(folder / "rows.npy", mmap_mode="r")
    digest = fingerprint(reading.spec, packed, np.concatenate(labels) if labels else None)
    spec = dataclasses.replace(reading.spec, fingerprint=digest)
    record = {"spec": json.loads(spec.to_json()), "has_labels": bool(labels), "skipped": reading.skipped}
    record["characters"] = reading.characters
    (folder / "pack.json").write_text(json.dumps(record), encoding="utf-8")


def _write_header(file, shape: tuple[int, int], dtype: np.dtype) -> int:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


def _publish(partial: Path, folder: Path) -> Dataset:
    """Renames a complete pack to its final name, unless another process has already written it."""
    for _ in range(10):
        try:
            partial.rename(folder)
        except OSError:  # The folder exists: another process's pack, or the damaged one that this one replaces.
            if (dataset := _load(folder)) is not None:
                return dataset
            aside = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.partial")
            try:
                folder.rename(aside)
            except FileNotFoundError:  # Another process has just moved it.
                continue
            shutil.rmtree(aside, ignore_errors=True)
        else:
            dataset = _load(folder)
            if dataset is not None:
                return dataset
    raise BadDataError(f"{folder}: the packed data do not match their fingerprint after writing; check the disk")
