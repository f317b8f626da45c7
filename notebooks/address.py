"""Writes the repository's public address to README's badges and the first cells of the notebooks.

python -m notebooks.address --repository=OWNER/NAME    # once, when the repository is published on GitHub
python -m notebooks.address                            # again, with the address in pyproject.toml

The address is defined in one place, ``[project.urls]`` of pyproject.toml. With an address a badge opens its notebook in
Colab, and the first cell installs the package from it. Without one README links to the notebooks' files, without
badges, and the first cell asks for the address.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

from notebooks import pairing

ROOT = Path(__file__).parent.parent
PROJECT, README = ROOT / "pyproject.toml", ROOT / "README.md"
GITHUB, COLAB = "https://github.com/", "https://colab.research.google.com/github/"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
REPOSITORY = r"[\w-]+/[\w.-]+"
BEGIN, END = "<!-- notebooks: by python -m notebooks.address -->", "<!-- end of notebooks -->"


def repository_of(project: str) -> str | None:
    r"""Returns ``OWNER/NAME`` from the text of pyproject.toml, or None.

    Raises:
      ValueError: the address is not on GitHub, so that Colab cannot open it.

    Example:
      >>> repository_of('[project]\nurls.Repository = "https://github.com/OWNER/NAME"')
      'OWNER/NAME'
    """
    url = tomllib.loads(project)["project"].get("urls", {}).get("Repository")
    if url is not None and not re.fullmatch(GITHUB + REPOSITORY, url):
        raise ValueError(f"[project.urls] Repository = {url!r}: Colab opens {GITHUB}OWNER/NAME only")
    return None if url is None else url.removeprefix(GITHUB)


def with_repository(project: str, repository: str) -> str:
    """Returns the text of pyproject.toml with this address instead of any other."""
    section = f'[project.urls]\nRepository = "{GITHUB}{repository}"\n\n'
    rest = re.sub(r"\[project\.urls\]\nRepository = .*\n\n", "", project)
    return rest.replace("[project.optional-dependencies]", f"{section}[project.optional-dependencies]")


def badges(repository: str | None, titles: dict[str, str]) -> str:
    """Returns README's lines of the notebooks; ``titles`` are by the notebooks' names."""
    lines = ["Notebooks:", ""]
    for name, title in titles.items():
        path = f"notebooks/{name}.ipynb"
        badge = f"[![Open in Colab]({BADGE})]({COLAB}{repository}/blob/main/{path}) " if repository else ""
        lines.append(f"- {badge}[{title}]({path})")
    return "\n".join([BEGIN, *lines, END])


def with_source(script: str, repository: str | None) -> str:
    """Returns a notebook's script whose first cell installs the package from this address."""
    source = f"git+{GITHUB}{repository}" if repository else ""
    return re.sub(r'^SOURCE = ".*?"', f'SOURCE = "{source}"', script, count=1, flags=re.MULTILINE)


def written(repository: str | None) -> dict[Path, str]:
    """Returns every file that contains the address, with its text."""
    texts, titles = {}, {}
    for name in pairing.NOTEBOOKS:
        path = pairing.FOLDER / f"{name}.py"
        script = with_source(path.read_text(encoding="utf-8"), repository)
        titles[name] = pairing.cells_of(script)[0][1].partition("\n")[0].removeprefix("# ")
        texts |= {path: script, path.with_suffix(".ipynb"): pairing.notebook_of(script)}
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    return texts | {README: before + badges(repository, titles) + rest.partition(END)[2]}


def main() -> None:
    """Writes the address, if one is given, and all files that contain it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repository", help="OWNER/NAME on GitHub; left out: the one in pyproject.toml")
    given = parser.parse_args().repository
    if given is not None and not re.fullmatch(REPOSITORY, given):
        sys.exit(f"--repository={given} must be OWNER/NAME")
    project = PROJECT.read_text(encoding="utf-8")
    if given is not None:
        project = with_repository(project, given)
    try:
        texts = written(repository_of(project))
    except ValueError as error:
        sys.exit(str(error))
    for path, text in {PROJECT: project, **texts}.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
