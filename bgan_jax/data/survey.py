"""Describes the user's own files before they are read, so that a person sees what is in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.readers.array_files import array_names, read_array
from bgan_jax.data.readers.file_sets import file_set
from bgan_jax.data.readers.images import images_in
from bgan_jax.data.readers.lines import iterate_lines, iterate_text
from bgan_jax.data.readers.parquet import read_parquet

MOST_PICTURES = 20_000  # Pictures that are opened, evenly spaced over the names.
_ORIENTATION = 274  # EXIF's tag.


def survey(kind: str, path: Path) -> dict[str, Any]:
    r"""Describes a file or a folder.

    Args:
      kind: ``"images"``, ``"npz"``, ``"text"`` or ``"csv"``, how the file is to be read.
      path: the file or folder.

    Returns:
      What was found, by name: numbers, strings, or counts by value, the most frequent first.

    Raises:
      BadDataError: the file cannot be read.
      ValueError: an unknown kind.

    Example:
      >>> import tempfile
      >>> file = Path(tempfile.mkdtemp()) / "lines.txt"
      >>> _ = file.write_text("one line\nand another one\n")
      >>> survey("text", file)["lines"]
      2
    """
    surveys = {"images": _pictures, "npz": _arrays, "text": _text, "csv": _table}
    if kind not in surveys:
        raise ValueError(f"kind {kind!r} is not one of {', '.join(surveys)}")
    return surveys[kind](path)


def _pictures(path: Path) -> dict[str, Any]:
    from PIL import Image

    files = file_set(path)
    names = images_in(files, [])
    if len(names) > MOST_PICTURES:
        chosen = {names[place] for place in np.linspace(0, len(names) - 1, MOST_PICTURES).astype(int)}
    else:
        chosen = set(names)
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("formats", "modes", "sizes", "orientations")}
    for _, file in files.opened(chosen):
        try:
            with Image.open(file) as image:
                counts["formats"][image.format or "unknown"] += 1
                counts["modes"][image.mode] += 1
                counts["sizes"][f"{image.width}x{image.height}"] += 1
                counts["orientations"][str(image.getexif().get(_ORIENTATION, 1))] += 1
        except Exception:  # On damaged bytes Pillow's decoders raise many kinds of exceptions.
            counts["formats"]["damaged"] += 1
    found: dict[str, Any] = {"files": len(files.names) + len(files.skipped), "pictures": len(names)}
    if len(chosen) < len(names):
        found["opened"] = len(chosen)
    if set(counts["orientations"]) <= {"1"}:
        del counts["orientations"]
    return found | {name: dict(counter.most_common()) for name, counter in counts.items()}


def _arrays(path: Path) -> dict[str, Any]:
    found = {}
    for name in array_names(path):
        try:
            array = read_array(path, name)
        except BadDataError as error:
            found[name] = str(error)
            continue
        values = ""
        if array.size and (array.dtype == bool or np.issubdtype(array.dtype, np.number)):
            values = f", {array.min()} to {array.max()}"
        found[name] = f"{array.dtype} {list(array.shape)}{values}"
    return found


def _text(path: Path) -> dict[str, Any]:
    lengths, symbols = [], Counter[str]()
    for line in iterate_lines(path):
        lengths.append(len(line.text))
        symbols.update(line.text)
    if not lengths:
        raise BadDataError(f"{path}: there is no line of text in it")
    return {
        "lines": len(lengths),
        "characters": sum(lengths),
        "characters of a line": f"{min(lengths)} to {max(lengths)}, median {int(np.median(lengths))}",
        "symbols": len(symbols),
        "frequent symbols": {repr(symbol): count for symbol, count in symbols.most_common(12)},
        "rare symbols": {
            repr(symbol): count for symbol, count in symbols.most_common()[: -1 - min(12, len(symbols)) : -1]
        },
    }


def _table(path: Path) -> dict[str, Any]:
    # Names alone: what the columns hold depends on the options, and is shown with the splits.
    if path.suffix == ".parquet":
        return {"columns": len(read_parquet(path))}
    header = next(iter(iterate_text(path)), "")
    return {"first row": header.strip()[:200]}
