"""The first sentence of a report: what was trained, how near to real data it came, and whether it is healthy."""

from __future__ import annotations

import html
import re
from typing import Any, NamedTuple

from experiments.harness.metrics.mean_and_sd import is_number
from experiments.harness.reports.run_record import RunRecord


class Score(NamedTuple):
    """A number by which samples are compared with real data.

    Attributes:
      words: what it is.
      samples: its name among a run's final numbers.
      real: the names that it may have of real data; the first one that is there counts.
      better: how to read it.
    """

    words: str
    samples: str
    real: tuple[str, ...]
    better: str


#: The first one that a run has is shown.
SCORES = (
    Score(
        "classifier score",
        "samples.classifier_score",
        ("held_out.classifier_score",),
        "higher is better, 1 is the worst",
    ),
    Score(
        "Frechet distance from held-out images", "samples.frechet", ("floor.frechet", "real.frechet"), "lower is better"
    ),
    Score(
        "bits per character of held-out text, under a model that learned the samples",
        "reverse_bits_per_character.samples.value",
        ("reverse_bits_per_character.real.value",),
        "lower is better",
    ),
    Score(
        "total variation of pairs of columns from held-out rows", "samples.pairs", ("real.pairs",), "lower is better"
    ),
)


def headline(run: RunRecord) -> str:
    """Writes one run's headline, as HTML."""
    dataset = run.config.get("dataset")
    if dataset:  # of a path the name of its file or folder
        dataset = re.sub(r"[^:]*/(?=[^/])", "", str(dataset))
    return " ".join(
        [
            f"Trained on <b>{html.escape(dataset)}</b>{_steps(run)}." if dataset else f"Trained{_steps(run)}.",
            *filter(None, [_nearness(run)]),
            _health(run),
        ]
    )


def _steps(run: RunRecord) -> str:
    of, step = run.config.get("steps"), run.last_step
    if step is None:
        return ""
    return f" for {step:,} steps" + (f" of {of:,}" if is_number(of) and of != step else "")


def _nearness(run: RunRecord) -> str:
    if not run.finished:
        return "It has no final numbers yet: it is running, or it was stopped."
    for score in SCORES:
        real = next((run.result[name] for name in score.real if name in run.result), None)
        if score.samples in run.result:
            beside = f"real data: {_shown(real)}; " if real is not None else ""
            words = f"{score.words[0].upper()}{score.words[1:]}"
            return f"{words}: <b>{_shown(run.result[score.samples])}</b> ({beside}{score.better})."
    return "Its final numbers are below."


def _health(run: RunRecord) -> str:
    count = len(run.warnings)
    if count:
        return f"<b>{count} warning{'s' if count > 1 else ''}</b>: see below."
    if run.last_step is None:
        return "No warnings."
    return (
        "No warnings: all numbers stayed finite, the samples did not collapse, and the discriminator's gradient did "
        "not vanish."
    )


def _shown(value: Any) -> str:
    return html.escape(f"{value:.4g}" if is_number(value) else str(value))
