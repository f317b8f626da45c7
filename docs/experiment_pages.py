"""A page for every experiment, made when the site is built: its own docstring, and its last result where one is kept.

MkDocs calls :func:`on_files`; ``docs/results/NAME.md`` is copied below the docstring of ``experiments/NAME.py``.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def commands() -> list[Path]:
    """The files of ``experiments/`` that are commands."""
    files = sorted((ROOT / "experiments").glob("*.py"))
    return [path for path in files if '__name__ == "__main__"' in path.read_text(encoding="utf-8")]


def page_of(path: Path) -> str:
    """An experiment's page, Markdown."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first, _, rest = words.partition("\n")
    parts = [f"# {first.rstrip('.')}", f"`experiments/{path.name}`", rest.strip()]
    parts.append(f"`python -m experiments.{path.stem} --help` lists every flag with its meaning and its legal values.")
    result = ROOT / "docs" / "results" / f"{path.stem}.md"
    if result.exists():
        parts += ["## Last result", result.read_text(encoding="utf-8").strip()]
    return "\n\n".join(parts) + "\n"


def on_config(config: Any) -> Any:
    """Puts the pages into the navigation."""
    config["nav"].append({"Experiments": [{path.stem: f"experiments/{path.stem}.md"} for path in commands()]})
    return config


def on_files(files: Any, *, config: Any) -> Any:
    """Adds the pages to the site, without writing them into the checkout."""
    from mkdocs.structure.files import File

    for path in commands():
        files.append(File.generated(config, f"experiments/{path.stem}.md", content=page_of(path)))
    return files
