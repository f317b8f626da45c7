"""Compiles the cases of the committed table, each in a process of its own, and writes the table.

    python -m experiments.compile_for.table               # all cases, about two hours of one core
    python -m experiments.compile_for.table characters    # some of them; the others stay as they are

The reports go to docs/compiled.json, and from there into the table of docs/compiled.md; each is kept as it is finished.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.runtime import workdir
from experiments.harness.reports.tables import markdown_table

DOCS = Path(__file__).parents[2] / "docs"
START = "<!-- table: by python -m experiments.compile_for.table -->\n"
END = "<!-- end of table -->\n"


class Case(NamedTuple):
    """A row of the table.

    Attributes:
      arguments: of ``python -m experiments.compile_for``.
      before: the estimate of commit ad6c8f2 in milliseconds, where one was made: for a v5e:16x16, by the same reader.
    """

    arguments: Sequence[str]
    before: float | None = None


SMALL = ("discrete_mnist", "--network=dcgan28_small", "--num_samples=10", "--control_variate=false")
#: 64 examples on each of 256 devices are more than ``mnist10k`` has.
ALL_DIGITS = ("discrete_mnist", "--dataset=mnist")
CLASSIFICATION = "adversarial_classification"
#: The networks that the goal of this row was set for; the default's generator is twice as wide since.
CHARACTERS = ("text_characters", "--network=characters_theano", "--width=32")
FOUR = ("--topology=v5e:2x2",)
POD = ("--topology=v5e:16x16",)
EIGHT_GPUS = ("--platform=cuda", "--topology=h100:8")
CASES: Mapping[str, Case] = {
    "classification": Case((CLASSIFICATION, "--systems=gan/importance_sampling", *FOUR), 0.442),
    "classification_reinforce": Case((CLASSIFICATION, "--systems=gan/reinforce_moving_average", *FOUR)),
    "classification_full": Case((CLASSIFICATION, "--preset=full", "--systems=gan/importance_sampling", *FOUR), 7.11),
    "characters": Case((*CHARACTERS, *FOUR), 0.653),
    "digits": Case(("discrete_mnist", *FOUR)),
    "digits_v5e_256": Case((*ALL_DIGITS, *POD)),
    "digits_v6e_4": Case((*ALL_DIGITS, "--topology=v6e:2x2")),
    "digits_v6e_256": Case((*ALL_DIGITS, "--topology=v6e:16x16")),
    "digits_small": Case((*SMALL, *FOUR), 0.837),
    "digits_small_one_step": Case((*SMALL, "--steps_per_call=1", *FOUR), 0.837),
    "digits_small_four_seeds": Case((*SMALL, "--seeds=4", *FOUR)),
    "digits_authors": Case(("discrete_mnist", "--preset=mnist_theano", *FOUR), 2.85),
    "palette": Case(("palette_images", "--preset=celeba16", *FOUR), 11.0),
    "continuous32": Case(("continuous_images", "--preset=cifar_overtrain", *FOUR)),
    "dcgan64": Case(("continuous_images", "--preset=celeba64", *FOUR), 7.87),
    "resnet64": Case(("continuous_images", "--preset=resnet64", *FOUR)),
    "resnet128": Case(("high_resolution", "--preset=celeba128", "--compute_dtype=bfloat16", *FOUR)),
    "digits_h100_8": Case(("discrete_mnist", *EIGHT_GPUS)),
    "characters_h100_8": Case((*CHARACTERS, *EIGHT_GPUS)),
    "palette_h100_8": Case(("palette_images", "--preset=celeba16", *EIGHT_GPUS)),
    "dcgan64_h100_8": Case(("continuous_images", "--preset=celeba64", *EIGHT_GPUS)),
}


def main(names: Sequence[str]) -> None:
    """Compiles cases, by default all, and writes the table after each."""
    unknown = sorted(set(names) - set(CASES))
    if unknown:
        sys.exit(f"error: unknown case {unknown[0]!r}; legal: {', '.join(CASES)}")
    commit = workdir.commit()  # Before the table is written, which changes the checkout.
    for name in names or CASES:
        keep(name, {**compiled(CASES[name].arguments), "commit": commit})


def compiled(arguments: Sequence[str]) -> dict[str, Any]:
    """Returns the report of a compilation in a process of its own, as the compiler wants it.

    Raises:
      SystemExit: the compilation failed; its message is above.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        command = [sys.executable, "-m", "experiments.compile_for", *arguments, f"--json={file}"]
        done = subprocess.run(command, check=False)
        if done.returncode:
            sys.exit(done.returncode)
        return json.loads(file.read_text(encoding="utf-8"))


def keep(name: str, report: Mapping[str, Any], *, docs: Path = DOCS) -> None:
    """Puts a report into docs/compiled.json and into the table of docs/compiled.md."""
    reports = json.loads((docs / "compiled.json").read_text(encoding="utf-8"))
    reports[name] = report
    reports = {one: reports[one] for one in CASES if one in reports}
    write_json(docs / "compiled.json", reports)
    write_text(docs / "compiled.md", with_table((docs / "compiled.md").read_text(encoding="utf-8"), reports))


def with_table(page: str, reports: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns a page with the table of the reports between its marks."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return before + START + markdown(reports) + END + after


def markdown(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the table of reports, Markdown."""
    columns = (
        "case", "devices", "before, ms", "estimate, ms", "steps a call", "memory, MB", "HBM traffic, MB",
        "all-reduces, MB", "copies of the data", "compiled at",
    )  # fmt: skip
    rows = []
    for name, one in reports.items():
        before = CASES[name].before
        cells = [
            name,
            one["topology"],
            "" if before is None else f"{before:.3g}",
            "none" if one["estimated_ms"] is None else f"{one['estimated_ms']:.3f}",
            f"{one['steps_per_call']}",
            f"{(one['argument_bytes'] + one['temp_bytes']) / 1e6:,.0f}",
            f"{one['hbm_bytes'] / 1e6:,.1f}",
            f"{one['all_reduces']}, {one['all_reduce_bytes'] / 1e6:.2f}",
            f"{one['data_copies']}",
            "{:.9}{}{}".format(*one["commit"].partition("+")) if one["commit"] else "unknown",
        ]
        rows.append(cells)
    versions = sorted(
        {", ".join(f"{key} {value}" for key, value in one["versions"].items()) for one in reports.values()}
    )
    commands = [f"- {name}: `python -m experiments.compile_for {' '.join(CASES[name].arguments)}`" for name in reports]
    lines = ["", markdown_table(columns, rows), "", f"Versions: {'; '.join(versions)}.", "", *commands, ""]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
