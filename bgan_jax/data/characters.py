"""Lines of text as rows of symbol indices of a fixed length."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.source import CHUNK, Rows

SHORT_LINES = ("drop", "pad")
LONG_LINES = ("split", "cut")
PAD = "`"  # The padding of the language model of Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028.
UNKNOWN = "\ufffd"

# Printable Latin-1, and one symbol for everything else: 192, as many as the paper's vocabulary for this corpus has.
LATIN_VOCABULARY = (*map(chr, [*range(32, 127), *range(160, 256)]), UNKNOWN)


class Line(NamedTuple):
    """A line of text and its number in the file, from 1."""

    number: int
    text: str


def fit_to_length(lines: Iterable[Line], *, length: int, short_lines: str, long_lines: str) -> Iterator[Line]:
    """Yields examples of exactly ``length`` symbols.

    Args:
      lines: lines of any length.
      length: symbols of an example.
      short_lines: ``"drop"`` drops lines, and rests of lines, of fewer symbols; ``"pad"`` pads them with backticks.
      long_lines: ``"split"`` splits lines of more symbols into consecutive examples; ``"cut"`` keeps their first.

    Yields:
      The examples, each with the number of its line.

    Example:
      >>> options = dict(length=2, short_lines="pad", long_lines="split")
      >>> [line.text for line in fit_to_length([Line(1, "abc"), Line(2, "d")], **options)]
      ['ab', 'c`', 'd`']
    """
    for number, text in lines:
        for start in range(0, len(text) if long_lines == "split" else 1, length):
            piece = text[start : start + length]
            if len(piece) == length:
                yield Line(number, piece)
            elif short_lines == "pad":
                yield Line(number, piece.ljust(length, PAD))


class Fit(NamedTuple):
    """What :func:`fit_to_length` makes of lines.

    Attributes:
      num_examples: how many examples it yields.
      characters: how many characters of the lines are ``used`` in them, and how many are ``dropped``.
    """

    num_examples: int
    characters: dict[str, int]


def count_fitting(lines: Iterable[Line], *, length: int, short_lines: str, long_lines: str) -> Fit:
    """Counts the examples that :func:`fit_to_length` yields, and the characters that are in none.

    Args:
      lines: lines of any length.
      length: as there.
      short_lines: as there.
      long_lines: as there.

    Returns:
      The :class:`Fit`.

    Example:
      >>> count_fitting([Line(1, "abc"), Line(2, "d")], length=2, short_lines="drop", long_lines="split")
      Fit(num_examples=1, characters={'used': 2, 'dropped': 2})
    """
    total = used = num_examples = 0
    for line in lines:
        fitting = len(line.text) if long_lines == "split" else min(len(line.text), length)
        full, rest = divmod(fitting, length)
        padded = rest > 0 and short_lines == "pad"
        num_examples += full + padded
        used += full * length + rest * padded
        total += len(line.text)
    return Fit(num_examples, {"used": used, "dropped": total - used})


def vocabulary_of(lines: Iterable[Line]) -> tuple[str, ...]:
    """Returns every symbol that occurs in the lines, sorted by code point."""
    symbols: set[str] = set()
    for line in lines:
        symbols.update(line.text)
    return tuple(sorted(symbols))


def encode_all(lines: Iterable[Line], *, vocabulary: tuple[str, ...], where: str) -> Iterator[Rows]:
    """Encodes lines of one length as chunks of rows of symbol indices.

    Args:
      lines: lines that all have the same length.
      vocabulary: the symbols; any other symbol becomes :data:`UNKNOWN` if the vocabulary contains that.
      where: the file, for error messages.

    Yields:
      Chunks of rows, uint8 (uint16 for more than 256 symbols).

    Raises:
      BadDataError: a symbol is not in the vocabulary; the message names the line.
      ValueError: the vocabulary repeats a symbol, holds a string longer than one symbol, or has more than 65,536.
    """
    if len(set(vocabulary)) != len(vocabulary) or any(len(symbol) != 1 for symbol in vocabulary):
        raise ValueError("a vocabulary must consist of distinct single characters")
    if len(vocabulary) > 2**16:
        raise ValueError(f"a vocabulary must have at most 65536 symbols, found {len(vocabulary)}")
    points = np.asarray([ord(symbol) for symbol in vocabulary])
    by_point = points.argsort()
    sorted_points = points[by_point]
    dtype = np.uint8 if len(vocabulary) <= 256 else np.uint16
    stream = iter(lines)
    while chunk := list(islice(stream, CHUNK)):
        found = np.frombuffer("".join(line.text for line in chunk).encode("utf-32-le"), "<u4").reshape(len(chunk), -1)
        places = np.searchsorted(sorted_points, found).clip(max=len(points) - 1)
        indices = by_point[places]
        foreign = sorted_points[places] != found
        if foreign.any():
            if UNKNOWN not in vocabulary:
                row, column = np.argwhere(foreign)[0]
                symbol = chr(found[row, column])
                raise BadDataError(f"{where}, line {chunk[row].number}: symbol {symbol!r} is not in the vocabulary")
            indices = np.where(foreign, vocabulary.index(UNKNOWN), indices)
        yield Rows(indices.astype(dtype))
