"""Text in a field of JSON objects, one on each line."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bgan_jax.data.characters import Line
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.readers.lines import iterate_lines

_LOOKED_AT = 20  # Lines by which a file is taken for JSON.


def refuse_json(path: Path) -> None:
    """Raises BadDataError if the lines of a file are JSON objects, whose braces and names would be learned as text.

    Args:
      path: a text file.
    """
    lines = list(islice(iterate_lines(path), _LOOKED_AT))
    objects = [_object(line.text) for line in lines]
    if lines and all(found is not None for found in objects):
        fields = [name for name, value in (objects[0] or {}).items() if isinstance(value, str)]
        found = f"its fields of text: {', '.join(fields[:10]) or 'none'}"
        raise BadDataError(
            f"{path}: the lines are JSON objects; name the field of the text by text_field (--text_field=NAME); {found}"
        )
    suffixes = {suffix.lower() for suffix in path.suffixes}
    if ".json" in suffixes and lines and lines[0].text.lstrip().startswith(("[", "{")):
        raise BadDataError(
            f"{path}: a JSON document, not text; write one object or one text on each line, as in: jq -c '.[]' FILE > "
            "NEW_FILE.jsonl"
        )


def lines_of_field(path: Path, *, field: str) -> Iterator[Line]:
    """Yields the lines of text in a field of the JSON objects of a file.

    Args:
      path: a text file of JSON objects, one on each line.
      field: the name of the field.

    Yields:
      Lines that are not blank, with the numbers of the lines of the file.

    Raises:
      BadDataError: a line is not a JSON object, or its field is not text.
    """
    for number, text in iterate_lines(path):
        found = _object(text)
        if found is None:
            raise BadDataError(f"{path}, line {number}: no JSON object; leave out text_field (--text_field) for text")
        value = found.get(field)
        if not isinstance(value, str):
            fields = ", ".join(name for name, other in found.items() if isinstance(other, str)) or "none"
            raise BadDataError(f"{path}, line {number}: no text in the field {field!r}; its fields of text: {fields}")
        if any("\ud800" <= symbol <= "\udfff" for symbol in value):
            raise BadDataError(
                f"{path}, line {number}: half of a surrogate pair in the field {field!r}; correct the line"
            )
        for line in value.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            if line.strip():
                yield Line(number, line)


def _object(text: str) -> dict[str, Any] | None:
    """Parses a JSON object; None if the text is another."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
