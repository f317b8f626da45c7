"""Files of JSON lines, of which a crash may have left a part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bgan_jax.paths import read_text_with_damage


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    r"""Reads every object of a file of JSON lines; a damaged line is left out, and a missing file has none.

    Raises:
      OSError: the file cannot be read.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "metrics.jsonl"
      >>> _ = path.write_text('{"step": 1}\n{"st')
      >>> read_json_lines(path)
      [{'step': 1}]
    """
    if not path.exists():
        return []
    records = []
    for line in read_text_with_damage(path).splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            records.append(record)
    return records
