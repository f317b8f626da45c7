"""A page for every experiment, made when the site is built: its own docstring, and its last result where one is kept.

MkDocs calls :func:`on_files`; ``docs/results/NAME.md`` and ``docs/pictures/NAME.png`` are shown below the docstring of
``experiments/NAME``. ``docs/keep_result.py`` puts them there.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from experiments.harness.cli.catalogue import command_files

DOCS = Path(__file__).parent
# A simple table of reStructuredText: rules of equals signs above and below its head, and below its rows.
TABLE = re.compile(r"^(=+(?: +=+)+)\n(.*)\n\1\n((?:.*\n)+?)\1$", re.MULTILINE)


def markdown_of(words: str) -> str:
    r"""A docstring with its tables as Markdown has them.

    Example:
      >>> print(markdown_of("==  ====\nM   bias\n==  ====\n2   .888\n10  .566 and more\n==  ===="))
      | M | bias |
      |---|---|
      | 2 | .888 |
      | 10 | .566 and more |
    """

    def table(found: re.Match[str]) -> str:
        starts = [rule.start() for rule in re.finditer("=+", found[1])]
        ends = [*starts[1:], None]

        def row(line: str) -> str:
            cells = [line[start:end].strip().replace("|", "\\|") for start, end in zip(starts, ends, strict=True)]
            return f"| {' | '.join(cells)} |"

        return "\n".join([row(found[2]), "|" + "---|" * len(starts), *map(row, found[3].splitlines())])

    return TABLE.sub(table, words)


def page_of(name: str, *, docs: Path = DOCS) -> str:
    """An experiment's page, Markdown."""
    path = command_files()[name]
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first, _, rest = words.partition("\n")
    parts = [f"# {first.rstrip('.')}", f"`{path.relative_to(DOCS.parent).as_posix()}`", markdown_of(rest.strip("\n"))]
    parts.append(
        f"`python -m experiments.{name} --help` shows the flags that most runs need, `--helpfull` all of them, with "
        "their meaning and their legal values."
    )
    result, picture = docs / "results" / f"{name}.md", docs / "pictures" / f"{name}.png"
    if result.exists():
        line, _, table = result.read_text(encoding="utf-8").strip().partition("\n")
        shown = [f"![A picture that this run made](../pictures/{picture.name})"] if picture.exists() else []
        parts += ["## Last result", line, *shown, table.strip()]
    return "\n\n".join(parts) + "\n"


def on_config(config: Any) -> Any:
    """Puts the pages into the navigation."""
    config["nav"].append({"Experiments": [{name: f"experiments/{name}.md"} for name in command_files()]})
    return config


def on_files(files: Any, *, config: Any) -> Any:
    """Adds the pages to the site, without writing them into the checkout."""
    from mkdocs.structure.files import File

    for name in command_files():
        files.append(File.generated(config, f"experiments/{name}.md", content=page_of(name)))
    return files
