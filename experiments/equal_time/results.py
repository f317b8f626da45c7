"""The trials' results: their means over seeds, and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.equal_time.systems import SYSTEMS
from experiments.harness.metrics.mean_and_sd import mean_and_sd
from experiments.harness.reports.tables import markdown_table, plus_minus

# Means over the steps since the last measurement that say how the training goes.
DIAGNOSTICS = ("effective_sample_size", "log_partition", "linear_correlation", "real_accuracy", "fake_accuracy")


def summarize(trials: Sequence[Mapping[str, Any]], *, systems: Sequence[str]) -> list[dict[str, Any]]:
    """Summarises trials: for every system, the mean and standard deviation over seeds at every mark.

    Args:
      trials: results, each with ``system``, ``seed`` and ``marks``; a diverged one has fewer marks.
      systems: names, in the order of the summary.

    Returns:
      JSON values.
    """
    summary = []
    for system in systems:
        own = [trial["marks"] for trial in trials if trial["system"] == system]
        whole = [marks for marks in own if len(marks) == max(len(marks) for marks in own)]
        points = []
        for at_mark in zip(*whole, strict=True):
            score, score_sd = mean_and_sd([mark["classifier_score"] for mark in at_mark]).rounded(3)
            share, _ = mean_and_sd([mark["smallest_share"] for mark in at_mark]).rounded(4)
            steps, _ = mean_and_sd([mark["steps"] for mark in at_mark]).rounded(0)
            points.append({"seconds": at_mark[0]["seconds"], "steps": steps, "classifier_score": score,
                           "classifier_score_sd": score_sd, "smallest_share": share})  # fmt: skip
        diverged = sum(1 for trial in trials if trial["system"] == system and trial["diverged"])
        factor = next(trial["factor"] for trial in trials if trial["system"] == system)
        summary.append({"system": system, "seeds": len(own), "factor": factor, "diverged": diverged, "marks": points})
    return summary


def table(
    summary: Sequence[Mapping[str, Any]],
    searched: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    real_score: float,
) -> str:
    """Writes the tables of all systems in Markdown: scores at every mark, and scores of the step sizes tried.

    Args:
      summary: from :func:`summarize`.
      searched: for every system its trials of step sizes; none where there was no choice.
      real_score: the classifier score of held-out real images.
    """
    seconds = max(([point["seconds"] for point in row["marks"]] for row in summary), key=len)
    header = [
        "system",
        "step sizes times",
        *(f"{mark:g} s" for mark in seconds),
        "smallest share of a class, %",
        "steps",
        "diverged",
    ]
    rows = []
    for row in summary:
        scores = [plus_minus(p["classifier_score"], p["classifier_score_sd"], digits=2) for p in row["marks"]]
        scores += ["-"] * (len(seconds) - len(scores))
        last = row["marks"][-1] if row["marks"] else {"smallest_share": None, "steps": None}
        share = "-" if last["smallest_share"] is None else f"{100 * last['smallest_share']:.1f}"
        steps = "-" if last["steps"] is None else f"{last['steps']:.0f}"
        factor = f"{row['factor']:g}"
        rows.append(
            [SYSTEMS[row["system"]].label, factor, *scores, share, steps, f"{row['diverged']} of {row['seeds']}"]
        )
    text = (
        f"Classifier score after so many seconds of training, mean and sd over seeds; held-out real images: "
        f"{real_score:.2f}.\n\n{markdown_table(header, rows)}\n"
    )
    tried = [trials for trials in searched.values() if trials]
    if not tried:
        return text
    factors = [f"times {trial['factor']:g}" for trial in tried[0]]
    rows = [
        [SYSTEMS[trials[0]["system"]].label,
         *("diverged" if t["diverged"] else f"{t['marks'][-1]['classifier_score']:.2f}" for t in trials)]
        for trials in tried
    ]  # fmt: skip
    seconds = max(mark["seconds"] for trials in tried for trial in trials for mark in trial["marks"])
    return (
        f"{text}\nThe choice of step sizes: classifier score after {seconds:g} s, one seed that is in no other row.\n\n"
        f"{markdown_table(['system', *factors], rows)}\n"
    )
