"""The images of a report: samples under a slider, and the figures of the experiments."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from bgan_jax.paths import read_text_with_damage, size_of
from experiments.harness.reports.report_curves import color_key
from experiments.harness.reports.run_record import RunRecord

# All images of a run together, in bytes; beyond it, some between the first and the last are left out.
IMAGE_BUDGET = 6_000_000
MAX_SAMPLE_IMAGES = 24
MAX_LINES = 24  # Of a text.
#: What a picture of samples shows, by the kind of data.
CAPTIONS = {
    "binary": "Left half: samples. Right half: the probability of every pixel that they were drawn from; grey is "
    "doubt.",
    "categorical": "Left half: samples. Right half: the mean colour of every pixel that they were drawn from; a colour "
    "outside the palette is doubt.",
}
MEDIA_TYPES = {".png": "image/png", ".gif": "image/gif"}


def thinned(files: Sequence[tuple[int, Path]]) -> list[tuple[int, Path]]:
    """Selects the sample files that fit into a page, evenly spaced, with the first and the last among them."""
    chosen = list(files)
    count = min(len(chosen), MAX_SAMPLE_IMAGES)
    while count > 1:
        picked = [chosen[round(i * (len(chosen) - 1) / (count - 1))] for i in range(count)]
        if sum(size_of(path) for _, path in picked) <= IMAGE_BUDGET:
            return picked
        count -= 1
    return chosen[-1:]


def _image_tag(path: Path, *, alt: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{html.escape(alt)}" src="data:{MEDIA_TYPES[path.suffix]};base64,{data}">'


def samples_over_time(runs: Sequence[RunRecord]) -> str:
    """Writes the samples of all runs under one slider over the steps; empty where there are none."""
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
            shown = _shown(path, alt=f"samples of {caption}")
            hidden = "" if step == files[-1][0] else " hidden"
            inside.append(
                f"<figure data-step='{step}'{hidden}>{shown}<figcaption>{html.escape(caption)}</figcaption></figure>"
            )
        heading = f"<h3>{color_key(i)}{html.escape(run.name)}</h3>" if len(runs) > 1 else ""
        columns.append(f"<div data-run='{i}'>{heading}{''.join(inside)}</div>")
    columns += _real_examples(runs)
    last = len(steps) - 1
    captions = _captions(runs)
    return (
        f"<p class='quiet'>{html.escape(' '.join(['The same latents at every step.', *captions]))}</p>"
        f"<label>step <output id='step'>{steps[-1]}</output>"
        f"<input type='range' id='slider' min='0' max='{last}' value='{last}' data-steps='{steps}'></label>"
        f"<div class='runs'>{''.join(columns)}</div>"
    )


def _captions(runs: Sequence[RunRecord]) -> list[str]:
    """Returns what the pictures show, once for every kind of data; with the runs' names where kinds differ."""
    runs_by_kind: dict[str, list[str]] = {}
    for run in runs:
        runs_by_kind.setdefault(run.kind, []).append(run.name)
    return [
        (f"{', '.join(names)}: " if len(runs_by_kind) > 1 else "") + CAPTIONS[kind]
        for kind, names in runs_by_kind.items()
        if kind in CAPTIONS
    ]


def _shown(path: Path, *, alt: str) -> str:
    """Writes an image, or the first lines of a text."""
    if path.suffix not in (".txt", ".csv"):
        return _image_tag(path, alt=alt)
    lines = read_text_with_damage(path).splitlines(keepends=True)
    return f"<pre>{html.escape(''.join(lines[:MAX_LINES]))}</pre>"


def _real_examples(runs: Sequence[RunRecord]) -> list[str]:
    """Writes a column with the real examples of every data set, once for all runs that have the same."""
    runs_by_content: dict[bytes, list[RunRecord]] = {}
    for run in runs:
        if run.real is not None:
            runs_by_content.setdefault(run.real.read_bytes(), []).append(run)
    columns = []
    for same in runs_by_content.values():
        names = "" if len(runs_by_content) == 1 else f" of {', '.join(run.name for run in same)}"
        path = same[0].real
        if path is not None:
            columns.append(f"<div><h3>Real examples{html.escape(names)}</h3>{_shown(path, alt='real examples')}</div>")
    return columns


def real_examples_alone(runs: Sequence[RunRecord]) -> str:
    """Writes the real examples of runs without pictures of samples, beside which they are shown otherwise."""
    columns = [] if any(run.samples for run in runs) else _real_examples(runs)
    return f"<div class='runs'>{''.join(columns)}</div>" if columns else ""


def other_images(runs: Sequence[RunRecord]) -> str:
    """Writes the figures that the experiments made."""
    parts, spent = [], 0
    for run in runs:
        for path in run.pictures:
            size = size_of(path)
            name = f"{run.name}: {path.name}" if len(runs) > 1 else path.name
            if spent + size > IMAGE_BUDGET:
                parts.append(f"<p class='quiet'>{html.escape(name)} is too large for this page.</p>")
                continue
            spent += size
            caption = f"<figcaption>{html.escape(name)}</figcaption>"
            parts.append(f"<figure class='picture'>{_image_tag(path, alt=name)}{caption}</figure>")
    return "".join(parts)
