"""``text:FILE``: the user's own text, UTF-8 (or compressed as xz, gzip or bzip2), lines as examples of one length."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from bgan_jax.data.characters import (
    LONG_LINES,
    PAD,
    SHORT_LINES,
    Line,
    count_fitting,
    encode_all,
    fit_to_length,
    vocabulary_of,
)
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.held_out import SPLITS, is_in_split, split_sizes
from bgan_jax.data.own_path import own_path
from bgan_jax.data.readers.json_lines import lines_of_field, refuse_json
from bgan_jax.data.readers.lines import iterate_lines
from bgan_jax.data.source import Reading, Request, Source, identity_of


def text_file(request: Request) -> Source:
    """Reads a text file; every tenth example is held out as ``test``."""
    path = own_path(request, folder=False)
    request.check_split(SPLITS)

    def read() -> Reading:
        if request.text_field is None:
            refuse_json(path)
            lines = partial(iterate_lines, path)
        else:
            lines = partial(lines_of_field, path, field=request.text_field)
        return read_text(request, lines, where=str(path), long_lines="split")

    return Source(where=str(path), identity=identity_of(request, files=[path]), read=read)


def read_text(request: Request, lines: Callable[[], Iterator[Line]], *, where: str, long_lines: str) -> Reading:
    """Reads lines of text in two passes: the symbols and the number of examples first, then the rows.

    The vocabulary is that of the whole file, so that both splits have the same one.

    Args:
      request: its split, length (32 by default), short_lines, long_lines and vocabulary are read.
      lines: starts a pass over the lines.
      where: the file, for error messages.
      long_lines: the data set's default.

    Returns:
      The reading.

    Raises:
      BadDataError: no line is long enough.
    """
    length = 32 if request.length is None else request.length
    if length < 1:
        raise ValueError(f"length={length} must be at least 1")
    short_lines = request.choice("short_lines", among=SHORT_LINES)
    if request.long_lines is not None:
        long_lines = request.choice("long_lines", among=LONG_LINES)
    fit = partial(fit_to_length, length=length, short_lines=short_lines, long_lines=long_lines)
    vocabulary = request.vocabulary or vocabulary_of(lines())
    if short_lines == "pad" and PAD not in vocabulary:
        vocabulary = (*vocabulary, PAD)
    num_examples, characters = count_fitting(lines(), length=length, short_lines=short_lines, long_lines=long_lines)
    if not num_examples:
        raise BadDataError(
            f"{where}: no line has {length} symbols; choose a smaller length (--length), or short_lines=pad "
            "(--short_lines=pad)"
        )
    spec = request.spec(
        kind="text",
        shape=(length,),
        num_values=len(vocabulary),
        splits=split_sizes(num_examples),
        vocabulary=vocabulary,
    )
    kept = is_in_split(np.arange(num_examples), split=request.split)
    chosen = (line for line, keep in zip(fit(lines()), kept, strict=True) if keep)
    return Reading(spec, encode_all(chosen, vocabulary=vocabulary, where=where), characters=characters)
