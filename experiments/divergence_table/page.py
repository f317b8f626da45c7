"""The table, beside the published one, and the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.evaluation.fresh_critic import WASSERSTEIN
from bgan_jax.runtime.plotting import new_figure, save_figure
from experiments.divergence_table.cells import FLOOR, Cell, mean_and_spread
from experiments.divergence_table.generators import PROBABILITIES, SAMPLES

TITLES = {
    "gan": "GAN", "jensen_shannon": "JS", "kl": "KL", "reverse_kl": "reverse KL", "squared_hellinger": "sq. Hellinger",
    "pearson_chi2": "Pearson", "neyman_chi2": "Neyman", "jeffreys": "Jeffreys", WASSERSTEIN: "Wasserstein",
}  # fmt: skip

#: Mean and spread over evaluation batches, as a slide deck that summarises the paper prints them; lower is better. Its
#: critics ran longer and under a penalty whose exact form is not known, so only the order compares with ours.
PUBLISHED: dict[tuple[str, str], dict[str, tuple[float, float]]] = {
    ("jensen_shannon", SAMPLES): {
        "jensen_shannon": (0.37, 0.02), "reverse_kl": (0.16, 0.01), WASSERSTEIN: (0.40, 0.03)
    },
    ("reverse_kl", SAMPLES): {
        "jensen_shannon": (0.44, 0.02), "reverse_kl": (0.44, 0.03), WASSERSTEIN: (0.45, 0.04)
    },
    (WASSERSTEIN, SAMPLES): {
        "jensen_shannon": (0.45, 0.03), "reverse_kl": (1.32, 0.06), WASSERSTEIN: (0.87, 0.18)
    },
    (WASSERSTEIN, PROBABILITIES): {WASSERSTEIN: (0.54, 0.12)},
}  # fmt: skip

Row = dict[str, Any]


def row_title(train: str, form: str) -> str:
    """What a row of the table is called."""
    if train == FLOOR:
        return "data (floor)"
    return f"WGAN-GP ({form})" if train == WASSERSTEIN else f"BGAN, {TITLES[train]}"


def summarize(cells: Sequence[Cell], *, trains: Sequence[str], forms: Sequence[str]) -> list[Row]:
    """One row per generator and form, one entry per measure: means and spreads over the seeds that are there.

    Args:
      cells: finished ones, all of one protocol.
      trains: rows in their order, ``FLOOR`` among them.
      forms: of one generator, in their order.
    """
    rows = []
    for train in trains:
        for form in forms:
            of_row = [cell for cell in cells if (cell["name"]["train"], cell["name"]["form"]) == (train, form)]
            measures = sorted({cell["name"]["measure"] for cell in of_row})
            if of_row:
                entries = {m: _entry([cell for cell in of_row if cell["name"]["measure"] == m]) for m in measures}
                rows.append({"train": train, "form": form, "title": row_title(train, form), "measures": entries})
    return rows


def _entry(cells: Sequence[Cell]) -> dict[str, Any]:
    mean, spread = mean_and_spread([cell["bound"]["mean"] for cell in cells])
    less_penalty, _ = mean_and_spread([cell["bound"]["less_penalty"] for cell in cells])
    held_out, held_out_spread = mean_and_spread([cell["held_out"]["mean"] for cell in cells])
    over_batches, _ = mean_and_spread([cell["bound"]["sd_over_batches"] for cell in cells])
    numbers = {
        "mean": mean, "sd_over_seeds": spread, "sd_over_batches": over_batches, "less_penalty": less_penalty,
        "held_out": held_out, "held_out_sd_over_seeds": held_out_spread,
    }  # fmt: skip
    return {"seeds": len(cells)} | {
        name: round(number, 4) if math.isfinite(number) else None for name, number in numbers.items()
    }


def _number(value: float | None, spread: float | None = None) -> str:
    if value is None:
        return "not finite"
    return f"{value:.3f}" + ("" if spread is None else f" ± {spread:.3f}")


def markdown(rows: Sequence[Row], measures: Sequence[str], *, protocol: str, entropies: dict[str, float]) -> str:
    """The page: ours beside the published, then what lies behind ours."""
    seeds = max((entry["seeds"] for row in rows for entry in row["measures"].values()), default=0)
    header = [
        f"| trained by | {' | '.join(f'{TITLES[m]} | published [D]' for m in measures)} |",
        f"|---|{'---|---|' * len(measures)}",
    ]
    lines = []
    for row in rows:
        line = []
        for measure in measures:
            entry = row["measures"].get(measure)
            published = PUBLISHED.get((row["train"], row["form"]), {}).get(measure)
            line.append("-" if entry is None else _number(entry["mean"], entry["sd_over_seeds"]))
            line.append("" if published is None else "{:.2f} (±{:.2f})".format(*published))
        lines.append(f"| {row['title']} | {' | '.join(line)} |")
    behind = [
        "| trained by | measure | V | sd over batches | V less penalty | V on held-out data |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        for measure in (m for m in measures if m in row["measures"]):
            entry = row["measures"][measure]
            behind.append(
                f"| {row['title']} | {TITLES[measure]} | {_number(entry['mean'], entry['sd_over_seeds'])} | "
                f"{_number(entry['sd_over_batches'])} | {_number(entry['less_penalty'])} | "
                f"{_number(entry['held_out'], entry['held_out_sd_over_seeds'])} |"
            )
    entropy = [
        f"- {row_title(train, SAMPLES)}: {value:.1f} nats per example left to chance by g(x|z)"
        for train, value in entropies.items()
    ]
    reading = (
        f"Ours: mean ± standard deviation over {seeds} seed{'s' if seeds != 1 else ''}; lower is better. [D]: the deck "
        "that summarises the paper, ± over evaluation batches; other networks, steps and penalties, so that only the "
        "order compares."
    )
    parts = [
        "# Divergence from the data to frozen generators, by fresh critics",
        protocol,
        reading,
        "\n".join([*header, *lines]),
        "\n".join(behind),
        "\n".join(entropy),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def save_page(
    path: Path,
    pictures: dict[str, np.ndarray],
    rows: Sequence[Row],
    cells: Sequence[Cell],
    *,
    measures: Sequence[str],
    title: str,
) -> None:
    """Writes the picture: samples of every generator, how each critic's bound grew, and the table.

    Args:
      path: the file, PNG.
      pictures: grids of samples by title, uint8 ``[H, W, C]``.
      rows: of the table.
      cells: of one protocol; the curves are those of its first seed.
      measures: columns of the table.
      title: above the page.
    """
    columns = max(len(pictures), len(measures))
    figure = new_figure(3.3 * columns, 9.6)
    parts: Any = figure.subfigures(3, 1, height_ratios=(3.4, 2.8, 0.5 + 0.32 * len(rows)))
    top, middle, bottom = parts
    if pictures:
        for axes, (name, grid) in zip(top.subplots(1, len(pictures), squeeze=False)[0], pictures.items(), strict=True):
            axes.imshow(grid.squeeze(-1) if grid.shape[-1] == 1 else grid, cmap="gray", vmin=0, vmax=255)
            axes.set_title(name, fontsize=9)
            axes.set_axis_off()
    first = min((cell["name"]["seed"] for cell in cells), default=0)
    for axes, measure in zip(middle.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
        for index, row in enumerate(rows):
            wanted = {"train": row["train"], "form": row["form"], "measure": measure, "seed": first}
            for cell in cells:
                if all(cell["name"][part] == value for part, value in wanted.items()):
                    steps, seen, held_out = np.array(cell["curve"], float).T
                    axes.plot(steps, seen, color=f"C{index}", label=row["title"])
                    axes.plot(steps, held_out, color=f"C{index}", linestyle=":")
        axes.set_title(f"V of the {TITLES[measure]} critic (dotted: held-out data)", fontsize=8, loc="left")
        axes.set_xlabel("steps of the critic", fontsize=7)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=6)
    axes = bottom.subplots()
    axes.set_axis_off()
    content = [[row["title"], *(_cell(row, measure) for measure in measures)] for row in rows]
    labels = ["trained by", *(f"{TITLES[measure]} (published)" for measure in measures)]
    if content:
        table = axes.table(cellText=content, colLabels=labels, loc="center", cellLoc="left")
        table.auto_set_font_size(False)
        table.set_fontsize(9)
    figure.suptitle(title, fontsize=10)
    save_figure(figure, path)


def _cell(row: Row, measure: str) -> str:
    entry = row["measures"].get(measure)
    if entry is None:
        return "-"
    published = PUBLISHED.get((row["train"], row["form"]), {}).get(measure)
    beside = "" if published is None else f"  ({published[0]:.2f})"
    return _number(entry["mean"], entry["sd_over_seeds"]) + beside
