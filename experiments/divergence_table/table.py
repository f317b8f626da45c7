"""The divergence table: its rows, beside the published ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bgan_jax.evaluation.fresh_critic import WASSERSTEIN
from experiments.divergence_table.critics import FLOOR, CriticResult
from experiments.divergence_table.generators import PROBABILITIES, SAMPLES
from experiments.harness.metrics.mean_and_sd import mean_and_sd
from experiments.harness.reports.tables import markdown_table, plus_minus

TITLES = {
    "gan": "GAN", "jensen_shannon": "JS", "kl": "KL", "reverse_kl": "reverse KL", "squared_hellinger": "sq. Hellinger",
    "pearson_chi2": "Pearson", "neyman_chi2": "Neyman", "jeffreys": "Jeffreys", WASSERSTEIN: "Wasserstein",
}  # fmt: skip

#: Mean and deviation over evaluation batches, from a slide deck that summarises the paper; lower is better. Its
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
    """Returns the title of a row."""
    if train == FLOOR:
        return "data (floor)"
    return f"WGAN-GP ({form})" if train == WASSERSTEIN else f"BGAN, {TITLES[train]}"


def summarize(results: Sequence[CriticResult], *, trains: Sequence[str], forms: Sequence[str]) -> list[Row]:
    """Summarises critics: a row per generator and form, with an entry per measure of means over seeds.

    Args:
      results: of critics, all of one protocol.
      trains: rows in their order, ``FLOOR`` among them.
      forms: of one generator, in their order.

    Returns:
      The rows, JSON values.
    """
    rows = []
    for train in trains:
        for form in forms:
            of_row = [one for one in results if (one["name"]["train"], one["name"]["form"]) == (train, form)]
            measures = sorted({one["name"]["measure"] for one in of_row})
            if of_row:
                entries = {m: _entry([one for one in of_row if one["name"]["measure"] == m]) for m in measures}
                rows.append({"train": train, "form": form, "title": row_title(train, form), "measures": entries})
    return rows


def _entry(results: Sequence[CriticResult]) -> dict[str, Any]:
    def over_seeds(data: str, number: str) -> tuple[float | None, float | None]:
        return mean_and_sd([one[data][number] for one in results]).rounded(4)

    mean, sd = over_seeds("bound", "mean")
    held_out, held_out_sd = over_seeds("held_out", "mean")
    return {
        "seeds": len(results), "mean": mean, "sd_over_seeds": sd,
        "sd_over_batches": over_seeds("bound", "sd_over_batches")[0],
        "less_penalty": over_seeds("bound", "less_penalty")[0],
        "held_out": held_out, "held_out_sd_over_seeds": held_out_sd,
    }  # fmt: skip


def value_cell(row: Row, measure: str) -> str:
    """Formats V of a row by a measure, over seeds; a dash where no critic measured it."""
    entry = row["measures"].get(measure)
    return "-" if entry is None else plus_minus(entry["mean"], entry["sd_over_seeds"], digits=3)


def published_value(row: Row, measure: str) -> tuple[float, float] | None:
    """Returns the published V of a row by a measure, with its deviation; ``None`` where there is none."""
    return PUBLISHED.get((row["train"], row["form"]), {}).get(measure)


def divergence_table(
    rows: Sequence[Row], measures: Sequence[str], *, protocol: str, entropies: Mapping[str, float]
) -> str:
    """Writes our numbers beside the published ones, and then what is behind ours.

    Args:
      rows: from :func:`summarize`.
      measures: columns of the table.
      protocol: how the numbers were made.
      entropies: of each generator's g(x|z), in nats per example.

    Returns:
      Markdown.
    """
    seeds = max((entry["seeds"] for row in rows for entry in row["measures"].values()), default=0)
    beside = []
    for row in rows:
        cells = [row["title"]]
        for measure in measures:
            published = published_value(row, measure)
            cells += [value_cell(row, measure), "" if published is None else "{:.2f} (±{:.2f})".format(*published)]
        beside.append(cells)
    behind = []
    for row in rows:
        for measure in (m for m in measures if m in row["measures"]):
            entry = row["measures"][measure]
            behind.append([
                row["title"], TITLES[measure], value_cell(row, measure),
                plus_minus(entry["sd_over_batches"], None, digits=3),
                plus_minus(entry["less_penalty"], None, digits=3),
                plus_minus(entry["held_out"], entry["held_out_sd_over_seeds"], digits=3),
            ])  # fmt: skip
    entropy = [
        f"- {row_title(train, SAMPLES)}: {value:.1f} nats per example left to chance by g(x|z)"
        for train, value in entropies.items()
    ]
    ours = "one seed" if seeds == 1 else f"mean ± standard deviation over {seeds} seeds"
    reading = (
        f"Ours: {ours}; lower is better. [D]: the deck that summarises the paper, ± over evaluation batches; other "
        "networks, steps and penalties, so that only the order compares."
    )
    columns = [title for measure in measures for title in (TITLES[measure], "published [D]")]
    parts = [
        "# Divergence from the data to frozen generators, by fresh critics",
        protocol,
        reading,
        markdown_table(["trained by", *columns], beside),
        markdown_table(
            ["trained by", "measure", "V", "sd over batches", "V less penalty", "V on held-out data"], behind
        ),
        "\n".join(entropy),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
