"""One HTML page of one run, or of several side by side, that needs nothing but itself.

Pictures are inside the page, curves are SVG, and the page's own policy forbids the browser every connection: it can be
mailed, kept, and opened without a network.
"""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import write_text
from experiments.harness.metrics.mean_and_sd import is_number, mean_and_sd
from experiments.harness.reports.report_curves import COLORS, Curve, draw, explanation, names_in_order, points_of
from experiments.harness.reports.run_record import PAGE, RunRecord, read_run, seeds_within
from experiments.harness.reports.tables import over_seeds

# All pictures of a run together, in bytes; beyond it, pictures in the middle are left out.
PICTURE_BUDGET = 6_000_000
MAX_SAMPLE_PICTURES = 24
# Flags that do not make two runs different experiments.
NOT_SETTINGS = frozenset({"seed", "workdir", "smoke"})
NAMES = {".png": "image/png", ".gif": "image/gif"}

# Nothing is fetched: pictures are data inside the page, and the one script is the page's own.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light; --line: #d9dde3; --quiet: #5c6773; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1b2430; background: #fff; max-width: 1280px; margin: 0 auto;
  padding: 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0 0 .2rem; } .quiet, figcaption { color: var(--quiet); font-size: .88rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
th { white-space: nowrap; } tr.differs td, tr.differs th { background: #fff4d6; } .scroll { overflow-x: auto; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(360px, 1fr)); gap: 1.4rem 1.6rem; }
figure { margin: 0; } svg { width: 100%; height: auto; display: block; } svg line { stroke: #e7eaee; }
svg line.zero { stroke: #9aa4b0; } svg text { font-size: 10.5px; fill: #5c6773; }
svg polyline { fill: none; stroke-width: 1.4; }
.runs { display: flex; flex-wrap: wrap; gap: 1.5rem; } .runs > div { flex: 1 1 340px; min-width: 0; }
.runs img, .picture img { max-width: 100%; image-rendering: pixelated; } .picture img { image-rendering: auto; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
.warning { border-left: 4px solid #d9822b; background: #fff7ec; padding: .5rem .8rem; margin: .4rem 0; }
input[type=range] { width: min(640px, 100%); display: block; }
pre { background: #f6f7f9; padding: .7rem; overflow-x: auto; }
details { margin: .8rem 0; } summary { cursor: pointer; }
"""

SCRIPT = """
const slider = document.getElementById('slider');
function show() {
  const step = JSON.parse(slider.dataset.steps)[slider.value];
  document.getElementById('step').textContent = step;
  for (const run of document.querySelectorAll('[data-run]')) {
    const shots = [...run.querySelectorAll('[data-step]')];
    const upTo = shots.filter(shot => Number(shot.dataset.step) <= step);
    const chosen = upTo.length ? upTo[upTo.length - 1] : shots[0];
    for (const shot of shots) shot.hidden = shot !== chosen;
  }
}
if (slider) { slider.addEventListener('input', show); show(); }
"""


def write_page(folders: Sequence[Path], path: Path) -> Path:
    """Reads runs and writes their page, whole or not at all.

    Args:
      folders: workdirs of runs, in the order of the page's columns; a run of several seeds is one column, and where it
        is alone, its seeds have one each beside it.
      path: the HTML file.

    Returns:
      The file.

    Raises:
      ValueError: a folder holds no run.
      OSError: the file cannot be written.
    """
    runs = [read_run(folder) for folder in folders]
    if len(runs) == 1 and (own := seeds_within(runs[0])):
        runs = [runs[0]._replace(samples=[]), *(read_run(folder) for folder in own)]
    write_text(path, page(runs))
    return path


def write_own_page(folder: Path) -> Path:
    """The page of one run, in its folder."""
    return write_page([folder], folder / PAGE)


def page(runs: Sequence[RunRecord]) -> str:
    """The page of some runs, as one self-contained HTML document."""
    names = _distinct_names(runs)
    runs = [run._replace(name=name) for run, name in zip(runs, names, strict=True)]
    title = " · ".join(names)
    sections: list[tuple[str, Callable[[Sequence[RunRecord]], str]]] = [
        ("Final numbers", _final_numbers),
        ("Warnings", _warnings),
        ("Samples over time", _samples_over_time),
        ("Pictures", _other_pictures),
        ("Curves", lambda runs: _curves(runs, "metrics")),
        ("Measured during the run", lambda runs: _curves(runs, "measurements")),
        ("Settings", lambda runs: _facts(runs, [run.config for run in runs])),
        ("Versions and machine", lambda runs: _facts(runs, [run.versions for run in runs])),
    ]
    body = [f"<h1>{html.escape(title)}</h1>", _summary(runs)]
    for heading, section in sections:
        content = section(runs)
        if content:
            body.append(f"<h2>{heading}</h2>{content}")
    written = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    body.append(f"<p class='quiet'>Written {written}. Again, or for several runs side by side: "
                "<code>python -m experiments.report WORKDIR...</code></p>")  # fmt: skip
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>",
            *body,
            f"<script>{SCRIPT}</script></body></html>\n",
        ]
    )


def _distinct_names(runs: Sequence[RunRecord]) -> list[str]:
    names = [run.name for run in runs]
    if len(set(names)) == len(names):
        return names
    return [str(run.folder) for run in runs]


def _key(i: int) -> str:
    return f"<span class='key' style='background:{COLORS[i % len(COLORS)]}'></span>"


def _summary(runs: Sequence[RunRecord]) -> str:
    lines = []
    for i, run in enumerate(runs):
        of, step = run.config.get("steps"), run.last_step
        progress = "" if step is None else f"step {step}" + (f" of {of}" if of else "")
        state = "finished" if run.finished else "no final numbers yet"
        what = [run.config.get(name) for name in ("dataset", "network", "objective", "divergence")]
        words = ", ".join(str(word) for word in [*what, progress, state] if word)
        mark = _key(i) if len(runs) > 1 else ""
        name = f"{html.escape(run.name)}: " if len(runs) > 1 else ""
        lines.append(f"<div>{mark}{name}<span class='quiet'>{html.escape(words)}</span></div>")
    return "".join(lines)


def _final_numbers(runs: Sequence[RunRecord]) -> str:
    parts = []
    for run in runs:
        if run.table:
            heading = f"<h3>{html.escape(run.name)}</h3>" if len(runs) > 1 else ""
            parts.append(f"{heading}<div class='scroll'>{markdown_tables(run.table)}</div>")
    results = [run.result for run in runs]
    if any(results):
        table = _facts(runs, results, means=_seed_groups(runs))
        parts.append(f"<details><summary>result.json</summary>{table}</details>" if parts else table)
    protocols = list(dict.fromkeys(sentence for run in runs for sentence in run.protocols))
    parts += [f"<p class='quiet'><b>Protocol.</b> {html.escape(sentence)}</p>" for sentence in protocols]
    return "".join(parts) or "<p class='quiet'>This run has not written a result yet.</p>"


def _warnings(runs: Sequence[RunRecord]) -> str:
    parts = []
    for run in runs:
        for warning in run.warnings:
            name = f"<b>{html.escape(run.name)}</b>: " if len(runs) > 1 else ""
            message, when = (html.escape(str(warning.get(field, ""))) for field in ("message", "time"))
            parts.append(f"<div class='warning'>{name}{message} <span class='quiet'>{when}</span></div>")
    return "".join(parts) or "<p class='quiet'>None.</p>"


def thinned(files: Sequence[tuple[int, Path]]) -> list[tuple[int, Path]]:
    """The pictures that fit into a page, evenly spread, the first and the last among them."""
    chosen = list(files)
    count = min(len(chosen), MAX_SAMPLE_PICTURES)
    while count > 1:
        picked = [chosen[round(i * (len(chosen) - 1) / (count - 1))] for i in range(count)]
        if sum(path.stat().st_size for _, path in picked) <= PICTURE_BUDGET:
            return picked
        count -= 1
    return chosen[-1:]


def _picture(path: Path, *, alt: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{html.escape(alt)}" src="data:{NAMES[path.suffix]};base64,{data}">'


def _samples_over_time(runs: Sequence[RunRecord]) -> str:
    shots = [thinned(run.samples) for run in runs]
    steps = sorted({step for run in shots for step, _ in run})
    if not steps:
        return ""
    columns = []
    for i, (run, files) in enumerate(zip(runs, shots, strict=True)):
        if not files:
            continue
        inside = []
        for step, path in files:
            of_seed = "" if path.parent.parent == run.folder else f", {path.parent.parent.name}"
            caption = f"{run.name}{of_seed}, step {step}"
            if path.suffix == ".txt":
                text = path.read_text(encoding="utf-8", errors="replace")
                shown = f"<pre>{html.escape(''.join(text.splitlines(keepends=True)[:24]))}</pre>"
            else:
                shown = _picture(path, alt=f"samples of {caption}")
            hidden = "" if step == files[-1][0] else " hidden"
            inside.append(
                f"<figure data-step='{step}'{hidden}>{shown}<figcaption>{html.escape(caption)}</figcaption></figure>"
            )
        heading = f"<h3>{_key(i)}{html.escape(run.name)}</h3>" if len(runs) > 1 else ""
        columns.append(f"<div data-run='{i}'>{heading}{''.join(inside)}</div>")
    last = len(steps) - 1
    return (
        "<p class='quiet'>The same latents at every step. For discrete data the left half are samples and the right "
        "half the probabilities that they were drawn from: grey there is doubt.</p>"
        f"<label>step <output id='step'>{steps[-1]}</output>"
        f"<input type='range' id='slider' min='0' max='{last}' value='{last}' data-steps='{steps}'></label>"
        f"<div class='runs'>{''.join(columns)}</div>"
    )


def _other_pictures(runs: Sequence[RunRecord]) -> str:
    parts, spent = [], 0
    for run in runs:
        for path in run.pictures:
            size = path.stat().st_size
            name = f"{run.name}: {path.name}" if len(runs) > 1 else path.name
            if spent + size > PICTURE_BUDGET:
                parts.append(f"<p class='quiet'>{html.escape(name)} is too large for this page.</p>")
                continue
            spent += size
            caption = f"<figcaption>{html.escape(name)}</figcaption>"
            parts.append(f"<figure class='picture'>{_picture(path, alt=name)}{caption}</figure>")
    return "".join(parts)


def _curves(runs: Sequence[RunRecord], field: str) -> str:
    records: list[list[dict[str, Any]]] = [getattr(run, field) for run in runs]
    parts = []
    for name in names_in_order([record for of_run in records for record in of_run]):
        curves = [Curve(run.name, COLORS[i % len(COLORS)], points_of(records[i], name)) for i, run in enumerate(runs)]
        sizes = {run.config.get("num_samples") for run in runs}
        title, text = explanation(name, num_samples=sizes.pop() if len(sizes) == 1 else None)
        last = ", ".join(f"{curve.points[-1][1]:.4g}" for curve in curves if curve.points)
        parts.append(
            f"<figure><h3>{html.escape(title)}</h3>{draw(curves, label=f'{title} over steps')}"
            f"<figcaption>{html.escape(text)} <b>Last: {last or 'none'}.</b></figcaption></figure>"
        )
    return f"<div class='curves'>{''.join(parts)}</div>" if parts else ""


def _seed_groups(runs: Sequence[RunRecord]) -> list[tuple[str, list[int]]]:
    """Runs that differ by their seed alone: the group's name, with what sets it apart, and the runs' positions."""
    groups: dict[str, list[int]] = {}
    shown = {run.folder for run in runs}
    for i, run in enumerate(runs):
        if run.folder.parent in shown:  # a seed beside its run, which has the mean already
            continue
        settings = {name: value for name, value in run.config.items() if name not in NOT_SETTINGS}
        groups.setdefault(repr(sorted(settings.items(), key=lambda item: item[0])), []).append(i)
    several = [members for members in groups.values() if len(members) > 1]
    configs = [runs[members[0]].config for members in several]
    apart = [
        name
        for name in (configs[0] if configs else {})
        if name not in NOT_SETTINGS and len({repr(config.get(name)) for config in configs}) > 1
    ]
    names = [
        ", ".join([*(f"{name}={config.get(name)}" for name in apart), f"{len(members)} seeds: mean ± sd"])
        for config, members in zip(configs, several, strict=True)
    ]
    return list(zip(names, several, strict=True))


def _over_seeds(values: Sequence[Any]) -> str:
    mean, deviation = mean_and_sd(values) if all(map(is_number, values)) else (None, None)
    return "" if mean is None or deviation is None else over_seeds(mean, deviation, len(values))


def _facts(
    runs: Sequence[RunRecord],
    facts: Sequence[Mapping[str, Any]],
    *,
    means: Sequence[tuple[str, list[int]]] = (),
) -> str:
    """A table with a row per name and a column per run; rows that differ stand out."""
    names = list(dict.fromkeys(name for of_run in facts for name in of_run))
    if not names:
        return ""
    rows = []
    if len(runs) > 1:
        heads = [f"<th>{_key(i)}{html.escape(run.name)}</th>" for i, run in enumerate(runs)]
        heads += [f"<th>{html.escape(name)}</th>" for name, _ in means]
        rows.append(f"<tr><th></th>{''.join(heads)}</tr>")
    for name in names:
        values = [of_run.get(name) for of_run in facts]
        differs = " class='differs'" if len({repr(value) for value in values}) > 1 else ""
        cells = [f"<td>{html.escape('' if value is None else str(value))}</td>" for value in values]
        cells += [f"<td>{_over_seeds([values[i] for i in members])}</td>" for _, members in means]
        rows.append(f"<tr{differs}><th>{html.escape(name)}</th>{''.join(cells)}</tr>")
    return f"<div class='scroll'><table>{''.join(rows)}</table></div>"


def markdown_tables(text: str) -> str:
    r"""Markdown's tables, headings and paragraphs as HTML: all that the experiments' tables use.

    Example:
      >>> markdown_tables("| a | b |\n|---|---|\n| 1 | <2 |\n\nSo it is.")
      '<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>&lt;2</td></tr></table><p>So it is.</p>'
    """
    parts: list[str] = []
    rows: list[str] = []
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        if stripped.startswith("|"):
            cells = [cell.strip() for cell in stripped.strip("|").split("|")]
            if not all(set(cell) <= set("-: ") and cell for cell in cells):
                tag = "td" if rows else "th"
                rows.append("<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>")
            continue
        if rows:
            parts.append(f"<table>{''.join(rows)}</table>")
            rows = []
        if stripped.startswith("#"):
            parts.append(f"<h3>{html.escape(stripped.lstrip('# '))}</h3>")
        elif stripped:
            parts.append(f"<p>{html.escape(stripped)}</p>")
    return "".join(parts)
