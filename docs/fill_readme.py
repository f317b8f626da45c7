"""Fills README's table of results from the pages in docs/results.

    python docs/fill_readme.py

Every number of the table is a cell of a page, and the last column is from the page's first line, so that a number
has one place. Numbers of a commit in ``EARLIER`` stay on their page; README shows them when they are measured again.
The table stands between two marks in README.md; a test compares it with what this command writes.
"""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
BEGIN, END = "<!-- results: by python docs/fill_readme.py -->", "<!-- end of results -->"
# Commits of earlier versions, by which the results of some pages were measured.
EARLIER = ("c0bfb14", "586aebd", "d95132a", "e477fee")
# What an experiment is on: its numbers. {row} is the second cell of a row of its page, {row | column} that of a column.
RESULTS = {
    "discrete_mnist": "binarised digits: classifier score **{samples.classifier_score}**, of held-out real digits "
    "{held_out.classifier_score}; share of the rarest digit {samples.smallest_share}",
    "equal_time": "binarised digits, seven ways to train, classifier score after 60 seconds of one core: boundary "
    "seeking with the control variate **{boundary seeking, control variate | 60 s}**, without "
    "{boundary seeking | 60 s}; REINFORCE with it {REINFORCE, control variate | 60 s}, without "
    "{REINFORCE, leave-one-out | 60 s}; Gumbel straight-through {Gumbel straight-through | 60 s}; relaxed "
    "{relaxed, non-saturating | 60 s}; relaxed WGAN-GP {relaxed, WGAN-GP | 60 s}",
    "table_comparison": "a table, 20,000 letters in 17 columns: {boundary seeking | kept dependence} of the dependence "
    "between columns is kept, {Chow-Liu tree | kept dependence} by a Chow-Liu tree; share of real letters that a "
    "classifier names right: trained on synthetic rows {boundary seeking | trained here, tested on real}, on real rows "
    "{real training rows | trained here, tested on real}",
    "palette_images": "emoji in 16 colours: Fréchet distance {samples | Frechet}; other real emoji "
    "{other real images (floor) | Frechet}, independent pixels {independent pixels | Frechet}",
    "text_characters": "lines of 32 characters: divergence of 2-grams {2-gram divergence, bits} bits, of 4-grams "
    "{4-gram divergence, bits}; held-out lines {2-gram divergence, bits | real lines}, "
    "{4-gram divergence, bits | real lines}; in the training set: {lines that are in the training set}",
    "adversarial_classification": "a classifier of digits as generator of labels: test error in %: boundary seeking "
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


def row(name: str, page: str) -> str:
    """README's row of an experiment.

    Raises:
      ValueError: the page lacks a number, or its first line lacks commit and seeds.
    """
    known = re.search(r"` at (\w{7}); seeds? ([\d, ]+)(; [\d.]+ (?:s|min))?", page)
    if known is None:
        raise ValueError(f"the first line of {name}.md has no commit and seeds")
    commit, seeds, time = known.groups(default="")
    subject, _, numbers = RESULTS[name].partition(": ")

    def filled(found: re.Match[str]) -> str:
        of_row, _, column = found[1].partition(" | ")
        return cell(page, of_row, column or None)

    measured = re.sub(r"\{([^{}]+)\}", filled, numbers)
    if commit in EARLIER:
        measured = "numbers of an earlier version are on its page"
    picture = f'<img src="docs/pictures/{name}.png" width="200" alt="{name}">'
    return f"| {picture} | [`{name}`](docs/results/{name}.md): {subject}: {measured} | {seeds}{time}; {commit} |"


def table() -> str:
    """README's table."""
    pages = {name: (DOCS / "results" / f"{name}.md").read_text(encoding="utf-8") for name in RESULTS}
    rows = [row(name, page) for name, page in pages.items()]
    return "\n".join(["| | measured | seeds, time, commit |", "|---|---|---|", *rows])


def filled_readme() -> str:
    """README with its table."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    README.write_text(filled_readme(), encoding="utf-8")
