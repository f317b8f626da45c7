"""One HTML page of one run, or of several side by side, that needs no other file.

Images are inside the page, curves are SVG, and the page's own policy forbids the browser every connection: it can be
mailed, archived, and opened without a network.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bgan_jax.algorithms.relaxed import RELAXATIONS
from bgan_jax.atomic_files import write_text
from bgan_jax.losses import GENERATOR_OBJECTIVES
from experiments.harness.reports.curve_plots import draw
from experiments.harness.reports.headline import headline
from experiments.harness.reports.page_style import POLICY, SCRIPT, STYLE
from experiments.harness.reports.report_curves import (
    COLORS,
    Curve,
    color_key,
    explanation,
    names_in_order,
    points_of,
)
from experiments.harness.reports.report_images import other_images, real_examples_alone, samples_over_time
from experiments.harness.reports.report_numbers import facts_table, final_numbers
from experiments.harness.reports.run_record import PAGE, RunRecord, read_run, seeds_within


def write_page(folders: Sequence[Path], path: Path) -> Path:
    """Reads runs and writes their page, atomically.

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
    content = page(runs)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, content)
    return path


def write_own_page(folder: Path) -> Path:
    """Writes the page of one run into its folder."""
    return write_page([folder], folder / PAGE)


def page(runs: Sequence[RunRecord]) -> str:
    """Builds the page of some runs, as one self-contained HTML document."""
    names = _distinct_names(runs)
    runs = [run._replace(name=name) for run, name in zip(runs, names, strict=True)]
    title = " · ".join(names)
    sections: list[tuple[str, Callable[[Sequence[RunRecord]], str]]] = [
        ("Warnings", _warnings),
        ("Samples over time", samples_over_time),
        ("Final numbers", final_numbers),
        ("Data", real_examples_alone),
        ("Pictures", other_images),
        ("Curves", lambda runs: _curves(runs, "metrics")),
        ("Measured during the run", lambda runs: _curves(runs, "measurements")),
        ("Settings", lambda runs: facts_table(runs, [run.config for run in runs])),
        ("Versions and machine", lambda runs: facts_table(runs, [run.versions for run in runs])),
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


def labels_of(config: Mapping[str, Any]) -> list[Any]:
    """Returns the settings that name a run at the head of its page.

    A setting without effect is left out: ``--objective`` where the estimator is not a relaxation, and ``--divergence``
    where the objective has its own loss for the discriminator.

    Args:
      config: flags by name.

    Returns:
      Values of flags, in order.

    Example:
      >>> settings = {"dataset": "mnist10k", "objective": "non_saturating", "divergence": "kl"}
      >>> labels_of(settings | {"estimator": "reinforce"}), labels_of(settings)
      (['mnist10k', 'reinforce', 'kl'], ['mnist10k', 'non_saturating', 'kl'])
    """
    names = ["dataset", "network", "estimator"]
    objective = config.get("objective") if config.get("estimator") in (None, *RELAXATIONS) else None
    if objective:
        names.append("objective")
    known = GENERATOR_OBJECTIVES.get(str(objective))
    if known is None or known.uses_divergence:
        names.append("divergence")
    return [config[name] for name in names if config.get(name)]


def _summary(runs: Sequence[RunRecord]) -> str:
    parts = []
    for i, run in enumerate(runs):
        mark = f"{color_key(i)}{html.escape(run.name)}: " if len(runs) > 1 else ""
        words = html.escape(", ".join(map(str, labels_of(run.config))))
        parts.append(f"<p>{mark}{headline(run)}<br><span class='quiet'>{words}</span></p>")
    return f"<div class='summary'>{''.join(parts)}</div>"


def _warnings(runs: Sequence[RunRecord]) -> str:
    parts = []
    for run in runs:
        for warning in run.warnings:
            name = f"<b>{html.escape(run.name)}</b>: " if len(runs) > 1 else ""
            message, when = (html.escape(str(warning.get(field, ""))) for field in ("message", "time"))
            parts.append(f"<div class='warning'>{name}{message} <span class='quiet'>{when}</span></div>")
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
