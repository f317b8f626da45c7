"""The tables of a report: results, settings and versions of runs side by side."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.harness.metrics.mean_and_sd import is_number, mean_and_sd
from experiments.harness.reports.markdown_html import markdown_tables
from experiments.harness.reports.report_curves import color_key
from experiments.harness.reports.run_record import RunRecord
from experiments.harness.reports.tables import over_seeds

# Flags that do not make two runs different experiments.
NOT_SETTINGS = frozenset({"seed", "workdir", "smoke"})


def final_numbers(runs: Sequence[RunRecord]) -> str:
    """Writes the results of all runs: their own tables, all numbers side by side, and the protocols."""
    parts = []
    for run in runs:
        if run.table:
            heading = f"<h3>{html.escape(run.name)}</h3>" if len(runs) > 1 else ""
            parts.append(f"{heading}<div class='scroll'>{markdown_tables(run.table)}</div>")
    results = [run.result for run in runs]
    if any(results):
        table = facts_table(runs, results, means=seed_groups(runs))
        parts.append(f"<details><summary>result.json</summary>{table}</details>" if parts else table)
    protocols = list(dict.fromkeys(sentence for run in runs for sentence in run.protocols))
    parts += [f"<p class='quiet'><b>Protocol.</b> {html.escape(sentence)}</p>" for sentence in protocols]
    return "".join(parts) or "<p class='quiet'>This run has not written a result yet.</p>"


def seed_groups(runs: Sequence[RunRecord]) -> list[tuple[str, list[int]]]:
    """Groups runs that differ by their seed alone.

    Args:
      runs: of the page.

    Returns:
      For every group of at least two: its name, with the settings that differ between groups, and its runs' positions.
    """
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


def facts_table(
    runs: Sequence[RunRecord],
    facts: Sequence[Mapping[str, Any]],
    *,
    means: Sequence[tuple[str, list[int]]] = (),
) -> str:
    """Writes a table with a row per name and a column per run; rows that differ are highlighted.

    Args:
      runs: of the page.
      facts: of every run, by name.
      means: groups from :func:`seed_groups`, which get a column of means over seeds each.

    Returns:
      HTML; empty where there are no facts.
    """
    names = list(dict.fromkeys(name for of_run in facts for name in of_run))
    if not names:
        return ""
    rows = []
    if len(runs) > 1:
        heads = [f"<th>{color_key(i)}{_breakable(run.name)}</th>" for i, run in enumerate(runs)]
        heads += [f"<th>{html.escape(name)}</th>" for name, _ in means]
        rows.append(f"<tr><th></th>{''.join(heads)}</tr>")
    for name in names:
        values = [of_run.get(name) for of_run in facts]
        differs = " class='differs'" if len({repr(value) for value in values}) > 1 else ""
        cells = [f"<td>{html.escape('' if value is None else str(value))}</td>" for value in values]
        cells += [f"<td>{_over_seeds([values[i] for i in members])}</td>" for _, members in means]
        rows.append(f"<tr{differs}><th>{_breakable(name)}</th>{''.join(cells)}</tr>")
    return f"<div class='scroll'><table class='facts'>{''.join(rows)}</table></div>"


def _breakable(name: str) -> str:
    """Writes a dotted name that a narrow page may break after its dots and underscores, and nowhere else."""
    return re.sub(r"(?<=[._])(?=.)", "<wbr>", html.escape(name))
