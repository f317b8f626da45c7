"""Fills README's table of results from the pages in docs/results.

    python docs/fill_readme.py

Every number of the table is a cell of a page, and the last column is from the page's first line, so that a number
has one place. The table stands between two marks in README.md; a test compares it with what this command writes.
"""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
BEGIN, END = "<!-- results: by python docs/fill_readme.py -->", "<!-- end of results -->"
# What is said of an experiment. {row} is the second cell of a row of its page, {row | column} that of a column.
RESULTS = {
    "discrete_mnist": "binarised digits: classifier score **{samples.classifier_score}**; held-out real digits "
    "{held_out.classifier_score}; share of the rarest digit {samples.smallest_share}",
    "continuous_images": "emoji in colour: Fréchet distance {samples.frechet}; other real emoji {floor.frechet}",
    "text_characters": "lines of 32 characters: divergence of 2-grams {2-gram divergence, bits} bits, of 4-grams "
    "{4-gram divergence, bits}; held-out lines {2-gram divergence, bits | real lines}, "
    "{4-gram divergence, bits | real lines}; in the training set: {lines that are in the training set}",
    "palette_images": "emoji in 16 colours: Fréchet distance {samples | Frechet}; other real emoji "
    "{other real images (floor) | Frechet}, independent pixels {independent pixels | Frechet}",
    "table_comparison": "a table, 20,000 letters in 17 columns: {boundary seeking | kept dependence} of the dependence "
    "between columns is kept, {Chow-Liu tree | kept dependence} by a Chow-Liu tree; letters that a classifier reads "
    "rightly after training on synthetic rows {boundary seeking | trained here, tested on real}, on real rows "
    "{real training rows | trained here, tested on real}",
    "adversarial_classification": "a classifier of digits as generator of labels, test error in %: boundary seeking "
    "{jensen_shannon | importance sampling}, REINFORCE {jensen_shannon | REINFORCE, moving average}, cross-entropy "
    "{cross-entropy}",
}


def cells_of(line: str) -> list[str]:
    """The cells of a line of a Markdown table."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def cell(page: str, row: str, column: str | None) -> str:
    r"""The first cell of a page's tables in a row and a column.

    Raises:
      ValueError: no table has such a row and column.

    Example:
      >>> cell("| a | b | c |\n|---|---|---|\n| x | 1 | 2 |", "x", "c")
      '2'
    """
    header: list[str] = []
    lines = page.splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith("|"):
            continue
        cells = cells_of(line)
        if after.startswith("|") and set(after) <= set("|-: "):
            header = cells
        elif cells[0] == row and (column is None or column in header):
            return cells[1 if column is None else header.index(column)]
    raise ValueError(f"no table of the page has the row {row!r}" + (f" and the column {column!r}" if column else ""))


def table() -> str:
    """README's table."""
    lines = ["| | measured | seeds, time, commit |", "|---|---|---|"]
    for name, words in RESULTS.items():
        page = (DOCS / "results" / f"{name}.md").read_text(encoding="utf-8")

        def filled(found: re.Match[str], page: str = page) -> str:
            row, _, column = found[1].partition(" | ")
            return cell(page, row, column or None)

        known = re.search(r"` at (\w{7}); seeds? ([\d, ]+); ([\d.]+ (?:s|min))", page)
        if known is None:
            raise ValueError(f"the first line of {name}.md has no commit, seeds and time")
        commit, seeds, time = known.groups()
        picture = f'<img src="docs/pictures/{name}.png" width="200" alt="{name}">'
        link = f"[`{name}`](docs/results/{name}.md)"
        measured = re.sub(r"\{([^{}]+)\}", filled, words)
        lines.append(f"| {picture} | {link}: {measured} | {seeds}; {time}; {commit} |")
    return "\n".join(lines)


def filled_readme() -> str:
    """README with its table."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    README.write_text(filled_readme(), encoding="utf-8")
