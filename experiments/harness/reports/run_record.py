"""Reads a run's folder for a report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bgan_jax.json_lines import read_json_lines
from bgan_jax.paths import read_text_with_damage, resolved
from bgan_jax.runtime import workdir
from bgan_jax.runtime.metrics import read_metrics
from experiments.harness.reports.tables import format_mean_and_sd

WARNINGS = "warnings.jsonl"
PAGE = "report.html"
# Longer lists of numbers are not shown in a table; they are in result.json.
LONGEST_LIST = 12


class RunRecord(NamedTuple):
    """The contents of a run's folder; what is missing is empty.

    Attributes:
      name: of the folder.
      folder: the run's workdir.
      config: flags by name.
      versions: packages, machine, commit, command.
      metrics: records with ``step``, from training.
      measurements: records with ``step``, from measuring samples during the run, flat.
      warnings: records with ``time`` and ``message``, in order.
      result: the final numbers, by dotted name; ``protocol`` entries are in ``protocols``.
      protocols: how the final numbers were measured, in sentences.
      table: the experiment's own table, Markdown.
      kind: of the data, as in ``bgan_jax.data.DatasetSpec.kind``; empty where the folder does not say.
      samples: ``(step, file)`` of every sample picture or text, by step; of a run of several seeds, the first seed's.
      real: the picture or the text of real examples, or ``None``.
      pictures: other images that the experiment wrote, by name.
    """

    name: str
    folder: Path
    config: dict[str, Any]
    versions: dict[str, Any]
    metrics: list[dict[str, Any]]
    measurements: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    result: dict[str, Any]
    protocols: list[str]
    table: str
    kind: str
    samples: list[tuple[int, Path]]
    real: Path | None
    pictures: list[Path]

    @property
    def last_step(self) -> int | None:
        """The last step that metrics were written of."""
        return self.metrics[-1]["step"] if self.metrics else None

    @property
    def finished(self) -> bool:
        """Whether the run has its final numbers."""
        return bool(self.result or self.table)


def flat(value: Any, *, name: str = "") -> dict[str, Any]:
    """Flattens nested JSON values by dotted name; long lists are left out.

    Example:
      >>> flat({"a": {"b": 1, "c": [1, 2]}, "d": "x"})
      {'a.b': 1, 'a.c': '1, 2', 'd': 'x'}
      >>> flat({"score": {"mean": 7.5, "standard_deviation": 0.25, "n": 3}})
      {'score': '7.50 ± 0.25 (n = 3)'}
    """
    words = format_mean_and_sd(value)
    if words is not None:
        return {name: words} if words.count(",") < LONGEST_LIST else {}
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, inner in value.items():
            found |= flat(inner, name=f"{name}.{key}" if name else str(key))
        return found
    if isinstance(value, list):
        if len(value) > LONGEST_LIST or any(isinstance(item, list | dict) for item in value):
            return {}
        return {name: ", ".join(str(item) for item in value)}
    return {name: value}


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object; returns an empty one where the file is missing or damaged: a report shows what is left."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {"value": value}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Reads a file of JSON lines; damaged lines are left out, and all of a file that cannot be read."""
    try:
        return read_json_lines(path)
    except OSError:
        return []


def seeds_within(run: RunRecord) -> list[Path]:
    """Lists the folders of a run's seeds that exist; none for a run of one seed."""
    first, count = run.config.get("seed"), run.config.get("seeds", 1)
    if not isinstance(first, int) or not isinstance(count, int):
        return []
    folders = [workdir.seed_folder(run.folder, seed) for seed in range(first, first + count)] if count > 1 else []
    return [folder for folder in folders if (folder / workdir.CONFIG).exists()]


def _samples(folder: Path) -> list[tuple[int, Path]]:
    found = []
    for path in folder.glob("samples_*"):
        step = re.fullmatch(r"samples_(\d+)", path.stem)
        if step and path.suffix in (".png", ".txt", ".csv"):
            found.append((int(step[1]), path))
    return sorted(found)


def read_run(folder: Path) -> RunRecord:
    """Reads a run's folder.

    Raises:
      ValueError: the folder holds no run.
    """
    config = workdir.read_config(folder)
    result = flat(read_json(folder / workdir.RESULT))
    is_protocol = {name: name.rpartition(".")[2] == "protocol" for name in result}
    samples = _samples(folder / workdir.PICTURES)
    real = next(
        (path for name in ("real.png", "real.txt", "real.csv") if (path := folder / workdir.PICTURES / name).exists()),
        None,
    )
    # What the page shows in another form: the samples of every step under a slider, real examples, curves.
    shown = {real, *(path for _, path in samples)}
    if samples:
        shown |= {folder / name for name in ("curves.png", "comparison.png", "over_time.png")}
    pictures = [path for where in (folder, folder / workdir.PICTURES) for path in sorted(where.glob("*.[pg][ni][gf]"))]
    record = RunRecord(
        name=resolved(folder).name,
        folder=folder,
        config=config,
        versions=flat(read_json(folder / workdir.VERSIONS)),
        metrics=read_metrics(folder / workdir.METRICS),
        measurements=[flat(record) for record in read_metrics(folder / workdir.MEASUREMENTS)],
        warnings=read_lines(folder / WARNINGS),
        result={name: value for name, value in result.items() if not is_protocol[name]},
        protocols=list(dict.fromkeys(str(result[name]) for name in result if is_protocol[name])),
        table=_text(folder / "result.md") or _text(folder / "tables.md"),
        kind=str(read_json(folder / workdir.DATASET).get("kind", "")),
        samples=samples,
        real=real,
        pictures=[path for path in pictures if path not in shown],
    )
    within = seeds_within(record)
    return record._replace(samples=_samples(within[0] / workdir.PICTURES)) if within else record


def _text(path: Path) -> str:
    try:
        return read_text_with_damage(path)
    except OSError:
        return ""
