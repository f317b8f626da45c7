"""The pages of the site that are made from the code: the library, the experiments and the notebooks.

``docs/conf.py`` calls :func:`write_all` before Sphinx reads the sources. The pages go to ``docs/api``,
``docs/experiments`` and ``docs/notebooks``, which git ignores. An experiment's page is its own docstring and, where one
is kept, its last result: ``docs/results/NAME.md`` and ``docs/pictures/NAME.png``, from ``docs/keep_result.py``.
"""

from __future__ import annotations

import ast
import pkgutil
import re
import shutil
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from experiments.harness.cli.catalogue import command_files

DOCS = Path(__file__).parent
# The packages whose public functions have a page, in the order of their layers.
PACKAGES = ("losses", "conditionals", "networks", "data", "evaluation", "algorithms", "sampling")
NOTEBOOKS = ("losses", "digits", "from_scratch")
# A simple table of reStructuredText: rules of equals signs above and below its head, and below its rows.
TABLE = re.compile(r"^(=+(?: +=+)+)\n(.*)\n\1\n((?:.*\n)+?)\1$", re.MULTILINE)
# Code, which stays as it is, or a flag.
FLAG = re.compile(r"(`+[^`]+`+)|--[a-z]\w*(?:=\w(?:[\w.:,/-]*\w)?)?")


def markdown_of(words: str) -> str:
    r"""A docstring with its tables as Markdown has them, and its flags as code.

    Example:
      >>> print(markdown_of("==  ====\nM   bias\n==  ====\n2   .888\n10  .566 and more\n==  ===="))
      | M | bias |
      |---|---|
      | 2 | .888 |
      | 10 | .566 and more |
      >>> print(markdown_of("With --seeds=3,\n\n    a command --smoke"))
      With `--seeds=3`,
      <BLANKLINE>
          a command --smoke
    """

    def table(found: re.Match[str]) -> str:
        starts = [rule.start() for rule in re.finditer("=+", found[1])]
        ends = [*starts[1:], None]

        def row(line: str) -> str:
            cells = [line[start:end].strip().replace("|", "\\|") for start, end in zip(starts, ends, strict=True)]
            return f"| {' | '.join(cells)} |"

        return "\n".join([row(found[2]), "|" + "---|" * len(starts), *map(row, found[3].splitlines())])

    def with_flags(text: str) -> str:
        return text if text.startswith("    ") else FLAG.sub(lambda found: found[1] or f"`{found[0]}`", text)

    return "\n\n".join(map(with_flags, TABLE.sub(table, words).split("\n\n")))


def words_of(name: str) -> tuple[str, str]:
    """The first sentence of an experiment's docstring, and the rest."""
    words = ast.get_docstring(ast.parse(command_files()[name].read_text(encoding="utf-8"))) or ""
    first, _, rest = words.partition("\n")
    return first, rest.strip("\n")


def page_of(name: str, *, docs: Path = DOCS) -> str:
    """An experiment's page, Markdown."""
    path = command_files()[name]
    first, rest = words_of(name)
    parts = [f"# {name}", first, markdown_of(rest), f"The code is in `{path.relative_to(DOCS.parent).as_posix()}`."]
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


def contents(names: Iterable[str]) -> str:
    """A list of contents that the navigation shows and the page does not."""
    return "```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```\n"


def gallery(*, docs: Path = DOCS) -> str:
    """The page of all experiments, Markdown: those with a picture as cards, then all in a list."""
    cards, lines = [], []
    for name in command_files():
        first, _ = words_of(name)
        if (docs / "pictures" / f"{name}.png").exists():
            cards.append(
                f"::::{{grid-item-card}} {name}\n:img-top: ../pictures/{name}.png\n:link: {name}\n:link-type: doc\n\n"
                f"{first}\n::::"
            )
        lines.append(f"- [{name}]({name}.md): {first}")
    parts = [
        "# Experiments",
        "Every experiment is one command, `python -m experiments.NAME`. A page has what it does, and its last result.",
        ":::::{grid} 1 2 2 3\n:gutter: 2\n\n" + "\n\n".join(cards) + "\n:::::",
        "## All commands",
        "\n".join(lines),
    ]
    return "\n\n".join([*parts, contents(command_files())])


def modules_of(package: str) -> list[str]:
    """The modules of a package of the library, by name, without the package itself."""
    path = import_module(f"bgan_jax.{package}").__path__
    return [info.name for info in pkgutil.walk_packages(path, f"bgan_jax.{package}.") if not info.ispkg]


def api_page(package: str) -> str:
    """The page of a package, reStructuredText: its docstring, then every module with all its public members."""
    title = f"bgan_jax.{package}"
    parts = [title, "=" * len(title), "", f".. automodule:: {title}", "   :no-members:", ""]
    for module in modules_of(package):
        name = module.removeprefix("bgan_jax.")
        parts += [name, "-" * len(name), "", f".. automodule:: {module}", "   :members:", ""]
    return "\n".join(parts)


def api_index() -> str:
    """The page that lists the packages, Markdown."""
    parts = [
        "# The library",
        "Every public function of these packages, with its equation. A package imports from those above it only.",
        "\n".join(f"- [bgan_jax.{name}]({name}.rst)" for name in PACKAGES),
    ]
    return "\n\n".join([*parts, contents(PACKAGES)])


def pages() -> Mapping[str, str]:
    """Every page that is made from the code, by its file below ``docs``."""
    made = {f"experiments/{name}.md": page_of(name) for name in command_files()}
    made |= {f"api/{name}.rst": api_page(name) for name in PACKAGES}
    return made | {"experiments/index.md": gallery(), "api/index.md": api_index()}


def notebook_page(name: str) -> str:
    """A notebook with the results that ``docs/execute_notebooks.py`` keeps, or without any where there are none."""
    executed = DOCS / "executed" / f"{name}.ipynb"
    path = executed if executed.exists() else DOCS.parent / "notebooks" / executed.name
    return path.read_text(encoding="utf-8")


def write_all() -> None:
    """Writes the pages and copies the notebooks; Sphinx reads again only those that have changed."""
    made = dict(pages())
    made |= {f"notebooks/{name}.ipynb": notebook_page(name) for name in NOTEBOOKS}
    for folder in {path.partition("/")[0] for path in made}:
        (DOCS / folder).mkdir(exist_ok=True)
        for file in (DOCS / folder).iterdir():
            if f"{folder}/{file.name}" not in made:
                shutil.rmtree(file) if file.is_dir() else file.unlink()
    for path, text in made.items():
        file = DOCS / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
