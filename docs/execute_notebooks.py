"""Executes the notebooks, and keeps them with their results for the site.

    python docs/execute_notebooks.py            # all, in about five minutes of two cores
    python docs/execute_notebooks.py losses

writes docs/executed/NAME.ipynb, with small pictures and without a path of the machine. The site shows these files; a
test compares their cells with the notebooks. Needs the extras ``notebooks`` or ``test``.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ("losses", "digits", "from_scratch")
COLORS = 64


def small(picture: str) -> str:
    """The PNG of an output, in base64, with fewer colours."""
    file = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB").quantize(COLORS).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


def without_folders(text: str) -> str:
    """A text in which temporary folders have no name.

    Example:
      >>> without_folders(f"written to {tempfile.gettempdir()}/tmp4kx_/report.html")
      'written to FOLDER/report.html'
    """
    return re.sub(re.escape(tempfile.gettempdir()) + r"/\w+", "FOLDER", text)


def from_the_site(source: str) -> str:
    """A cell's text with links as they are from ``docs/executed``, where the site has the notebook.

    Example:
      >>> from_the_site("![scores](../docs/pictures/equal_time.png)")
      '![scores](../pictures/equal_time.png)'
    """
    return source.replace("](../docs/", "](../")


def keep(output: dict[str, Any]) -> bool:
    """Whether an output is kept, as printed lines and pictures are; it is made small, and rid of folders."""
    if output["output_type"] == "stream" and output["name"] == "stdout":
        output["text"] = without_folders(output["text"])
        return True
    if "image/png" in output.get("data", {}):
        output["data"], output["metadata"] = {"image/png": small(output["data"]["image/png"])}, {}
        return True
    return False


def execute(name: str) -> str:
    """The notebook with its results, as JSON.

    Raises:
      nbclient.exceptions.CellExecutionError: a cell fails.
    """
    import nbclient  # the site itself is built without these two
    import nbformat

    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = nbclient.NotebookClient(
            notebook,
            timeout=3600,
            kernel_name="python3",
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        client.execute(env={**os.environ, "PYTHONPATH": path})
    for cell in notebook.cells:
        cell.metadata = {}
        cell.source = from_the_site(cell.source)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if keep(output)]
    return nbformat.writes(notebook) + "\n"


def main() -> None:
    """Writes the notebooks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NOTEBOOKS))
    names = parser.parse_args().names or NOTEBOOKS
    if unknown := set(names) - set(NOTEBOOKS):
        parser.error(f"there is no notebook {sorted(unknown)[0]}; the notebooks are {', '.join(NOTEBOOKS)}")
    for name in names:
        path = ROOT / "docs" / "executed" / f"{name}.ipynb"
        text = execute(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
