"""Keeps the result of a finished run for its experiment's page of the site.

    python docs/keep_result.py runs/toy2d --picture=runs/toy2d/toy2d.png
    python docs/keep_result.py runs/seed0 runs/seed1 runs/seed2 --note="On two busy cores."

writes docs/results/NAME.md: one line with command, commit, seeds, time and machine, and the run's own table, or one of
the numbers in result.json. Several folders are runs of one experiment that differ by their seed: their numbers become
mean and standard deviation. A picture goes to docs/pictures/NAME.png, small, and only where its data may be shown. No
path of the machine gets into any of it.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from experiments.harness.metrics.mean_and_sd import combine_seeds, is_number
from experiments.harness.reports.run_record import RunRecord, flat, read_json, read_run

FOLDER = Path(__file__).parent
WIDTH, BYTES = 960, 150_000
# Data whose samples may be shown to anybody; a run without a data set made its own.
SHOWN = (None, "mnist10k", "mnist", "emoji16", "emoji32", "austen32", "commute")
# Pictures without an example of the data, which may be shown whatever the data are.
OF_STATISTICS = ("pairs.png",)
# Flags that are about a machine, and numbers of a result that the first line has.
OF_THE_MACHINE = ("workdir", "data_dir", "cache_dir", "download", "coordinator", "process_id", "num_processes")
# Below this heading a page keeps measurements that were written by hand.
EARLIER = "### More measurements"
IN_THE_LINE = ("seed", "seeds", "steps", "seconds", "training_seconds", "commit")


def without_paths(text: str) -> str:
    """The text with nothing but the names of files outside the project.

    Example:
      >>> without_paths("images:/home/me/faces.tar, ../shared/tfds; gan/exact, n/M, https://arxiv.org/abs/1")
      'images:faces.tar, tfds; gan/exact, n/M, https://arxiv.org/abs/1'
    """
    return re.sub(r"(?<![\w./<])(?:~|\.\.)?(?:/[\w.@+-]+)*/([\w@+-][\w.@+-]*)", r"\1", text)


def name_of(run: RunRecord) -> str:
    """The experiment that made a run: the name of its command's file or folder."""
    path = Path(run.versions["command"].split()[0])
    return path.parent.name if path.stem == "__main__" else path.stem


def command_of(run: RunRecord, *, but: Sequence[str] = ()) -> str:
    """What to type for a run like this one, with a folder of one's own."""
    given = re.findall(r"--(\w+)(?:[= ](?!--)(\S+))?", run.versions["command"])
    flags = [f"--{name}" + f"={value}" * bool(value) for name, value in given if name not in (*OF_THE_MACHINE, *but)]
    return " ".join([f"python -m experiments.{name_of(run)} --workdir=runs/{name_of(run)}", *flags])


def seeds_of(run: RunRecord) -> list[int]:
    """The seeds that a run trained."""
    first = run.config.get("seed", 0)
    return list(range(first, first + (run.config.get("seeds") or run.config.get("num_seeds") or 1)))


def time_of(result: dict[str, Any]) -> str | None:
    """How long a run took by the clock, where it says so."""
    seconds = result.get("seconds", result.get("training_seconds"))
    if not is_number(seconds):
        return None
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def facts(runs: Sequence[RunRecord], results: Sequence[dict[str, Any]]) -> str:
    """One line: command, commit, seeds, time, machine."""
    versions = runs[0].versions
    commits = dict.fromkeys(str(run.versions["commit"])[:7] for run in runs)
    seeds = sorted(seed for run in runs for seed in seeds_of(run))
    times = [time for time in map(time_of, results) if time]
    devices = "no accelerator" if versions["backend"] == "cpu" else versions["devices"]
    parts = [
        f"`{command_of(runs[0], but=('seed',) if len(runs) > 1 else ())}` at {' and '.join(commits)}",
        f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
        *([", ".join(times)] if times else []),
        f"{versions['machine']}, {devices}",
        f"Python {versions['python']}, jax {versions['packages.jax']}",
    ]
    return "; ".join(parts) + "."


def table_of(results: Sequence[dict[str, Any]]) -> str:
    """Final numbers in Markdown, a row for each, and the sentences that say how they came about."""
    bare = [{name: value for name, value in result.items() if name not in IN_THE_LINE} for result in results]
    numbers = flat(bare[0] if len(bare) == 1 else combine_seeds(bare))
    protocols = {name: value for name, value in numbers.items() if name.endswith("protocol")}
    header = "value" if len(bare) == 1 else "value, or mean ± standard deviation over seeds"
    rows = [
        f"| {name} | {f'{value:.6g}' if is_number(value) else value} |"
        for name, value in numbers.items()
        if name not in protocols
    ]
    return "\n".join([f"| result | {header} |", "|---|---|", *rows, *(f"\n{words}" for words in protocols.values())])


def below(text: str, *, level: int = 3) -> str:
    """Markdown whose highest heading is of this level."""
    depth = min((len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)), default=level)
    return re.sub(r"^(#+) ", lambda found: "#" * (len(found[1]) - depth + level) + " ", text, flags=re.MULTILINE)


def page_part(runs: Sequence[RunRecord], *, note: str = "") -> str:
    """What is kept of some runs.

    Raises:
      ValueError: they are of several experiments, not finished, or too small to be a result.
    """
    if len({name_of(run) for run in runs}) > 1:
        raise ValueError(f"these are runs of {', '.join(sorted({name_of(run) for run in runs}))}; give those of one")
    for run in runs:
        if not run.finished or run.config.get("smoke"):
            raise ValueError(f"{run.name} is {'a --smoke run' if run.finished else 'not finished'}; it has no result")
    results = [read_json(run.folder / "result.json") for run in runs]
    if len(runs) == 1 and runs[0].table:
        own = runs[0].table.strip()
        table = "\n\n".join([own, *(words for words in runs[0].protocols if words not in own)])
    else:
        table = table_of(results)
    line = f"{facts(runs, results)} {note}".strip()
    return without_paths(f"{line}\n\n{below(table).strip()}\n")


def small(path: Path) -> bytes:
    """A picture as a PNG of at most ``WIDTH`` pixels across and ``BYTES`` bytes."""
    picture = Image.open(path)
    picture = picture if picture.mode == "L" else picture.convert("RGB")
    picture.thumbnail((WIDTH, 4 * WIDTH), Image.Resampling.LANCZOS)
    for colors in (None, 256, 64, 16):
        file = io.BytesIO()
        (picture.quantize(colors) if colors else picture).save(file, "PNG", optimize=True)
        if file.tell() <= BYTES:
            return file.getvalue()
    raise ValueError(f"{path} stays larger than {BYTES} bytes with 16 colours; give a smaller one")


def main(arguments: Sequence[str] | None = None, *, folder: Path = FOLDER) -> None:
    """Writes the page's part, and the picture if one is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workdirs", nargs="+", type=Path, metavar="WORKDIR", help="folder of a finished run")
    parser.add_argument("--picture", type=Path, help="a picture that the run made")
    parser.add_argument("--note", default="", help="a sentence more, such as what else the machine was doing")
    given = parser.parse_args(arguments)
    try:
        runs = [read_run(workdir) for workdir in given.workdirs]
        text, name = page_part(runs, note=given.note), name_of(runs[0])
        shown = given.picture is None or given.picture.name in OF_STATISTICS
        if not shown and runs[0].config.get("dataset") not in SHOWN:
            raise ValueError(f"pictures after {runs[0].config['dataset']} are not kept; leave out --picture")
        picture = small(given.picture) if given.picture else None
    except (ValueError, OSError, KeyError) as error:
        sys.exit(f"error: {error}")
    (folder / "results").mkdir(exist_ok=True)
    path = folder / "results" / f"{name}.md"
    _, heading, written = path.read_text(encoding="utf-8").partition(EARLIER) if path.exists() else ("", "", "")
    path.write_text(text + (f"\n{heading}{written}" if heading else ""), encoding="utf-8")
    if picture:
        (folder / "pictures").mkdir(exist_ok=True)
        (folder / "pictures" / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
