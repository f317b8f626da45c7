"""Lines of text files: UTF-8, plain or compressed, whatever ends the lines."""

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from bgan_jax.data.characters import Line
from bgan_jax.data.errors import BadDataError

# By regular expressions of the first bytes.
_OPENERS: dict[bytes, Any] = {rb"\x1f\x8b": gzip.open, rb"\xfd7zXZ\x00": lzma.open, rb"BZh[1-9]1AY&SY": bz2.open}
_BYTE_ORDER_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_UTF8_MARK = b"\xef\xbb\xbf"
# After a CR that ends a line of its own.
_LONE_RETURN = re.compile(r"(?<=\r)(?!\n|$)")


def iterate_lines(path: Path) -> Iterator[Line]:
    """Yields the lines of a text file that are not blank; a line ends with LF, CR LF or CR.

    Args:
      path: a UTF-8 file, or one compressed by gzip, xz or bzip2, whatever its name.

    Yields:
      Lines without line ends, numbered from 1.

    Raises:
      BadDataError: the file is not UTF-8, or a compressed file is damaged.
    """
    for number, text in enumerate(iterate_text(path), start=1):
        line = text.removesuffix("\n").removesuffix("\r")
        if line.strip():
            yield Line(number, line)


def iterate_text(path: Path) -> Iterator[str]:
    """Yields all lines of a text file with their ends, blank ones too; as :func:`iterate_lines` otherwise."""
    number = offset = 0
    try:
        with _open(path) as file:
            for content in file:  # Up to LF, which is not part of another symbol in UTF-8.
                if offset == 0:
                    _check_start(path, content)
                    content, offset = content.removeprefix(_UTF8_MARK), 3 * content.startswith(_UTF8_MARK)
                text = _decoded(path, content, number=number, offset=offset)
                offset += len(content)
                for line in _LONE_RETURN.split(text):
                    number += 1
                    yield line
    except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
        raise BadDataError(f"{path}, after line {number}: truncated or broken file ({error}); copy it again") from error


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        start = file.read(10)
    if start.startswith(b"PK\x03\x04"):
        raise BadDataError(f"{path}: a zip archive; unpack it, and give its text file")
    opener = next((opener for mark, opener in _OPENERS.items() if re.match(mark, start)), None)
    return opener(path) if opener else path.open("rb")


def _check_start(path: Path, content: bytes) -> None:
    for mark, name in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            raise BadDataError(
                f"{path}, byte 0: the text is {name}, not UTF-8; convert it: iconv -f {name} -t UTF-8 FILE > NEW_FILE"
            )


def _decoded(path: Path, content: bytes, *, number: int, offset: int) -> str:
    """Decodes a line; ``number`` lines and ``offset`` bytes are before it."""
    try:
        text = content.decode("utf-8")
        place = content.find(b"\0")
    except UnicodeDecodeError as error:
        place, text = error.start, ""
    if place < 0:
        return text
    line = number + 1 + content.count(b"\r", 0, place)
    encoding = "LATIN1" if content[place] else "UTF-16LE"
    raise BadDataError(
        f"{path}, line {line}, byte {offset + place}: byte 0x{content[place]:02x} is not UTF-8 text; convert the file "
        f"from its encoding, as in: iconv -f {encoding} -t UTF-8 FILE > NEW_FILE"
    )
