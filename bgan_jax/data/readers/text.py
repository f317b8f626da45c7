"""``text:FILE``: the user's own text, UTF-8 (or compressed as ``.xz`` or ``.gz``), one example per line."""

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.data.characters import PAD, SHORT_LINES, Line, encode_all, fit_to_length, vocabulary_of
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.held_out import SPLITS, is_in_split, split_sizes
from bgan_jax.data.own_path import own_path
from bgan_jax.data.source import Reading, Request, Source, identity_of


def text_file(request: Request) -> Source:
    """Reads a text file, one example per line; every tenth usable line is held out as ``test``."""
    path = own_path(request, folder=False)
    request.check_split(SPLITS)
    return Source(
        where=str(path),
        identity=identity_of(request, files=[path]),
        read=lambda: read_text(request, partial(iterate_lines, path), where=str(path)),
    )


def read_text(request: Request, lines: Callable[[], Iterator[Line]], *, where: str) -> Reading:
    """Reads lines of text in two passes: the symbols and the number of lines first, then the rows.

    The vocabulary is that of the whole file, so that both splits have the same one.

    Args:
      request: its split, length (32 by default), short_lines and vocabulary are read.
      lines: starts a pass over the lines.
      where: the file, for error messages.

    Returns:
      The reading.

    Raises:
      BadDataError: no line is long enough.
    """
    length = 32 if request.length is None else request.length
    if length < 1:
        raise ValueError(f"length={length} must be at least 1")
    short_lines = request.choice("short_lines", among=SHORT_LINES)
    vocabulary = request.vocabulary or vocabulary_of(lines())
    if short_lines == "pad" and PAD not in vocabulary:
        vocabulary = (*vocabulary, PAD)
    num_usable = sum(1 for _ in fit_to_length(lines(), length=length, short_lines=short_lines))
    if not num_usable:
        raise BadDataError(f"{where}: no line has {length} symbols; choose a smaller length, or short_lines=pad")
    spec = request.spec(
        kind="text",
        shape=(length,),
        num_values=len(vocabulary),
        splits=split_sizes(num_usable),
        vocabulary=vocabulary,
    )
    kept = is_in_split(np.arange(num_usable), split=request.split)
    usable = fit_to_length(lines(), length=length, short_lines=short_lines)
    chosen = (line for line, keep in zip(usable, kept, strict=True) if keep)
    return Reading(spec, encode_all(chosen, vocabulary=vocabulary, where=where))


def iterate_lines(path: Path) -> Iterator[Line]:
    """Yields the lines of a text file that are not blank.

    Args:
      path: a UTF-8 file, or one compressed as ``.xz`` or ``.gz``.

    Yields:
      Lines without line ends.

    Raises:
      BadDataError: a line is not UTF-8, or a compressed file is damaged.
    """
    number = 0
    try:
        with _open(path) as file:
            for number, content in enumerate(file, start=1):
                text = content.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if text.strip():
                    yield Line(number, text)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise BadDataError(f"{path}, line {number}: byte 0x{byte:02x} is not UTF-8; convert the file first") from error
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise BadDataError(f"{path}, after line {number}: truncated or broken compressed file ({error})") from error


def _open(path: Path) -> Any:
    if path.suffix == ".xz":
        return lzma.open(path)
    if path.suffix == ".gz":
        return gzip.open(path)
    return path.open("rb")
