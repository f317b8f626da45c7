"""Shows where the generator of a trained run fails: its worst samples, and whether F is the log density ratio.

    python -m experiments.failures --workdir=runs/mnist

Of many samples it shows those that the discriminator is most sure are fake, least_likely.png (.txt for text), and,
where images have labels, those that a classifier is least sure of, least_certain.png, with the share of samples that it
is less sure of than of 99 % of held-out real images. calibration.png compares F of held-out real examples and samples
with the ratio in which they occur. failures.md has the numbers, with what the last tenth of the training says.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.data import Dataset, preprocess
from bgan_jax.evaluation.calibration import Calibration, calibration
from bgan_jax.evaluation.classifier import accuracy, predict
from bgan_jax.paths import path_of
from bgan_jax.runtime import workdir
from bgan_jax.runtime.metric_descriptions import METRICS
from bgan_jax.runtime.metrics import read_metrics
from bgan_jax.runtime.plotting import new_figure, save_figure
from bgan_jax.sampling.importance_resampling import Scorer, make_scorer
from bgan_jax.sampling.sampler import Samples
from experiments.harness.cli import command, flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.shared_flags import SmokeFlag
from experiments.harness.errors import UsageError
from experiments.harness.metrics.classifier_score import (
    FEWEST_RIGHT,
    classifier_input,
    real_images,
    subset_indices,
    train_or_load_classifier,
)
from experiments.harness.reports.sample_grids import show
from experiments.harness.reports.tables import markdown_table
from experiments.harness.runs.trained_run import TrainedRun, cache_of, load_run, open_splits

logger = logging.getLogger("bgan_jax")

SMOKE = {"num": 200, "judge_steps": 60}
SHOWN = 64
BINS = 10
CERTAIN = 0.01  # The quantile of real images' certainty that samples are compared with.
# What of a run's metrics tells how its training went, in this order.
DIAGNOSTICS = (
    "bound", "effective_sample_size", "log_partition", "linear_correlation", "real_accuracy", "fake_accuracy",
)  # fmt: skip


@flags.config()
class Config(SmokeFlag):
    """The flags of this command."""

    workdir: str = flags.flag("", "Folder of the run.", common=True, bucket=True)
    out: str | None = flags.flag(
        None, "Folder to write; empty is the folder failures in --workdir.", common=True, writes="folder", bucket=True
    )
    num: int = flags.flag(2000, "Samples that are looked through.", minimum=SHOWN, common=True)
    seed: int = flags.flag(0, "Seed of the samples that are looked through.", minimum=0, maximum=2**32 - 1, common=True)
    judge_steps: int = flags.flag(
        1400, "Training steps of the classifier of labelled images, if no run has trained one.", minimum=1
    )


def main(config: Config) -> dict[str, Any]:
    """Writes the worst samples, the calibration of F and the numbers."""
    if not config.workdir:
        raise UsageError("--workdir=FOLDER is needed: the run to look at")
    trained = load_run(config.workdir)
    train, held_out = open_splits(trained)
    if len(held_out) < BINS:
        raise UsageError(
            f"--workdir={config.workdir}: F is compared on {BINS} held-out examples at least; there are {len(held_out)}"
        )
    folder = path_of(config.out) if config.out else path_of(config.workdir) / "failures"
    score = make_scorer(trained.networks, trained.conditional, trained.disc_variables)
    samples = trained.sample(jax.random.key(config.seed), config.num)
    fake_logits, real_logits = _logits(score, samples.x), _logits(score, _real_points(held_out, at_most=config.num))
    found = calibration(real_logits, fake_logits, num_bins=BINS)
    certain = _certainties(config, trained, train, held_out, samples.x)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        show(folder, "least_likely", _some(samples, np.argsort(fake_logits)[:SHOWN]), spec=trained.spec)
        if certain is not None:
            order = np.argsort(certain["samples"])[:SHOWN]
            show(folder, "least_certain", _some(samples, order), spec=trained.spec)
        _save_calibration(folder / "calibration.png", found, title=f"{train.spec.name}, step {trained.step}")
        result = {
            "samples": config.num,
            "real_examples": len(real_logits),
            "step": trained.step,
            "commit": workdir.commit(),
            "calibration_slope": round(found.slope, 3),
            "calibration_intercept": round(found.intercept, 3),
            "mean_fake_logit": round(float(fake_logits.mean()), 3),
            "mean_real_logit": round(float(real_logits.mean()), 3),
            **({} if certain is None else _less_certain(certain)),
            "diagnostics": diagnostics(path_of(config.workdir) / workdir.METRICS),
        }
        write_json(folder / "failures.json", result)
        write_text(folder / "failures.md", report(result, found))
    except OSError as error:
        raise UsageError(f"--out={folder} cannot be written: {error.strerror or error}") from error
    logger.info("the worst of %d samples, calibration.png and failures.md are in %s", config.num, folder)
    return result


def _real_points(held_out: Dataset, *, at_most: int) -> np.ndarray:
    rows = held_out.rows(subset_indices(held_out, at_most=at_most))
    return np.asarray(preprocess(jax.random.key(0), rows, spec=held_out.spec))


def _logits(score: Scorer, x: np.ndarray) -> np.ndarray:
    try:
        return np.asarray(score(x))
    except ValueError as error:
        raise UsageError(str(error)) from error


def _certainties(
    config: Config, trained: TrainedRun, train: Dataset, held_out: Dataset, x: np.ndarray
) -> dict[str, np.ndarray] | None:
    """Returns the largest class probability of every sample and every held-out image; ``None`` without a classifier."""
    if train.labels is None or held_out.labels is None or train.spec.kind in ("text", "table"):
        return None
    classifier = train_or_load_classifier(train, folder=cache_of(trained), steps=config.judge_steps)
    real = predict(classifier, real_images(held_out)).probs
    right = accuracy(real, held_out.labels)
    if right < FEWEST_RIGHT:
        logger.warning("the classifier names only %.0f %% of the held-out images right, and is left out", 100 * right)
        return None
    fake = predict(classifier, classifier_input(x, trained.spec)).probs
    return {"samples": np.max(fake, axis=1), "real": np.max(real, axis=1)}


def _less_certain(certain: Mapping[str, np.ndarray]) -> dict[str, float]:
    threshold = np.quantile(certain["real"], CERTAIN)
    return {"less_certain_share": round(float(np.mean(certain["samples"] < threshold)), 4)}


def _some(samples: Samples, order: np.ndarray) -> Samples:
    return Samples(x=samples.x[order], probs=None if samples.probs is None else samples.probs[order])


def diagnostics(path: Path) -> dict[str, float]:
    """Returns the means of a run's metrics over the last tenth of its records, rounded.

    Args:
      path: the run's metrics; of a run without any, there are no means.
    """
    records = read_metrics(path)
    last = records[-max(len(records) // 10, 1) :]
    means = {name: [record[name] for record in last if name in record] for name in DIAGNOSTICS}
    return {name: round(float(np.mean(values)), 4) for name, values in means.items() if values}


def _save_calibration(path: Path, found: Calibration, *, title: str) -> None:
    figure = new_figure(4.2, 3.8)
    axes = figure.subplots()
    axes.axline((0.0, 0.0), slope=1.0, color="#999999", linewidth=0.9, linestyle=":")
    axes.errorbar(found.logits, found.log_ratios, yerr=2.0 * found.standard_errors, fmt="o", markersize=3.5, capsize=2)
    axes.set_xlabel("F, the discriminator's log density ratio (nats)")
    axes.set_ylabel("observed log ratio (nats), ± 2 standard errors")
    axes.set_title(f"{title}; slope {found.slope:.2f}", fontsize=9, loc="left")
    axes.grid(alpha=0.25)
    save_figure(figure, path)


def report(result: Mapping[str, Any], found: Calibration) -> str:
    """Writes the numbers in Markdown, each with how it is read.

    Args:
      result: as in failures.json.
      found: the calibration of F.
    """
    samples, real = result["samples"], result["real_examples"]
    lines = [f"Step {result['step']}; {samples} samples and {real} held-out real examples.\n"]
    lines.append(
        f"**Calibration of F**: log p/q is {found.intercept:+.2f} {found.slope:+.2f} F by logistic regression; +0.00 "
        "+1.00 F would be a log density ratio. A slope below 1 means that F is too sure, and that the weights of the "
        "generator's samples are too uneven.\n"
    )
    if "less_certain_share" in result:
        lines.append(
            f"**Samples that do not look like a class**: the classifier is less sure of "
            f"{100 * result['less_certain_share']:.1f} % of the samples than of {100 * (1 - CERTAIN):.0f} % of the "
            f"real images; {100 * CERTAIN:.0f} % would be as good as real.\n"
        )
    rows = [[f"{f:+.2f}", f"{r:+.2f} ± {e:.2f}"] for f, r, e in zip(*found[:3], strict=True)]
    lines.append(markdown_table(["F (nats)", "observed log ratio (nats)"], rows) + "\n")
    if result["diagnostics"]:
        rows = [
            [METRICS[name].title, f"{value:.3g}", METRICS[name].explanation]
            for name, value in result["diagnostics"].items()
        ]
        lines.append(markdown_table(["last tenth of the training", "mean", "how it is read"], rows) + "\n")
    return "\n".join(lines)


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)

if __name__ == "__main__":
    command.run(COMMAND)
