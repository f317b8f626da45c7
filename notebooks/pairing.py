"""Writes the .ipynb file of each notebook from its .py file, which is the one to edit and review.

    python notebooks/pairing.py

writes every .ipynb again from its .py, without results. The .py is in Jupytext's percent format, so that Jupytext can
also synchronise the pair.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
NOTEBOOKS = ("losses", "digits", "from_scratch")


def cells_of(text: str) -> list[tuple[str, str]]:
    r"""Returns ``(kind, source)`` of every cell of a script in percent format; kind is ``code`` or ``markdown``.

    Example:
      >>> cells_of("# header\n\n# %% [markdown]\n# # Title\n#\n# Words.\n\n# %%\nx = 1\n")
      [('markdown', '# Title\n\nWords.'), ('code', 'x = 1')]
    """
    cells = []
    for part in ("\n" + text).split("\n# %%")[1:]:
        first, _, source = part.partition("\n")
        if first.strip() == "[markdown]":
            lines = [line.removeprefix("#").removeprefix(" ") for line in source.strip("\n").split("\n")]
            cells.append(("markdown", "\n".join(lines)))
        else:
            cells.append(("code", source.strip("\n")))
    return cells


def notebook_of(text: str) -> str:
    """Converts a script in percent format to a notebook without results, as JSON."""
    cells: list[dict[str, Any]] = []
    for number, (kind, source) in enumerate(cells_of(text)):
        cell = {
            "cell_type": kind,
            "id": f"cell-{number:02d}",
            "metadata": {},
            "source": source.splitlines(keepends=True),
        }
        cells.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    metadata = {
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes every notebook."""
    for name in NOTEBOOKS:
        script = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
        (FOLDER / f"{name}.ipynb").write_text(notebook_of(script), encoding="utf-8")


if __name__ == "__main__":
    main()
