"""A run on continuous pictures that is measured on its way: distances of its samples at every picture, and at the end.

Command files that train one such run, or many, call :func:`train_and_measure`; each run's folder then holds the same
files.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import jax

from bgan_jax.atomic_files import write_json
from bgan_jax.data import Dataset
from bgan_jax.runtime import workdir
from bgan_jax.sampling.sampler import Sampler
from experiments.harness.cli.errors import UsageError
from experiments.harness.cli.flags import flag
from experiments.harness.metrics.distances import (
    Yardstick,
    held_out_features,
    judge_extractor,
    sample_distances,
    yardstick_for,
)
from experiments.harness.metrics.extractors import JUDGE, LEGAL, extractor_for, load_reference
from experiments.harness.reports.sample_grids import save_real
from experiments.harness.runs import continuous
from experiments.harness.runs.continuous import ContinuousConfig
from experiments.harness.runs.experiment import Experiment, Measure, Outcome
from experiments.harness.runs.folders import cache_folder
from experiments.harness.runs.run import run
from experiments.harness.runs.run_config import open_split
from experiments.harness.runs.seed_results import result_over_seeds

logger = logging.getLogger("bgan_jax")

# Names of splits that generators do not learn from, the better one first.
HELD_OUT = ("test", "validation", "valid", "val")


@dataclasses.dataclass(frozen=True)
class YardstickFlags:
    """Flags of every command that measures distances of pictures."""

    judged_samples: int = flag(2000, "Samples that every measurement sees.", minimum=4, may_change=True)
    judge_steps: int = flag(1000, "Training steps of the features' network, the judge.", minimum=1, may_change=True)
    features: str = flag(
        JUDGE,
        f"What distances compare: {LEGAL}. The judge is a small network trained on the real set; EfficientNet-Lite0's "
        "weights come with bgan_jax[features]; inception:FILE takes the file that pytorch-fid reads; a function of "
        "your own takes uint8 pictures [N, H, W, C] and gives [N, D].",
    )
    reference_features: str | None = flag(
        None, "An npz file with the features [images, D] of the reference, in place of the held-out split's."
    )


@dataclasses.dataclass(frozen=True)
class MeasuredConfig(YardstickFlags, ContinuousConfig):
    """Flags of a run on continuous pictures whose samples are measured."""


def prepare(config: MeasuredConfig) -> Experiment:
    """As :func:`continuous.prepare`; what samples will be measured by is checked too, before anything is written.

    Raises:
      UsageError: something that the user can mend.
    """
    experiment = continuous.prepare(config)
    check_yardstick(experiment)
    return experiment


def check_yardstick(experiment: Experiment) -> None:
    """Refuses flags that no yardstick can be made of.

    Raises:
      UsageError: an unknown extractor, features that cannot be read, or no split to hold samples against.
    """
    config: Any = experiment.config
    extractor = extractor_for(config.features)
    if config.reference_features is None:
        open_held_out(experiment)
    elif extractor is None:
        raise UsageError("--reference_features needs --features, for the judge's own features are of its own training")
    else:
        load_reference(config.reference_features)


def open_held_out(experiment: Experiment) -> Dataset:
    """The split of the run's data set that its generator does not learn from.

    Raises:
      UsageError: there is none.
    """
    config, splits = experiment.config, experiment.dataset.spec.splits
    held_out = next((split for split in HELD_OUT if split in splits), None)
    if held_out is None:
        raise UsageError(
            f"--dataset={config.dataset} has no split to hold samples against: it has {', '.join(splits)}, and one of "
            f"{', '.join(HELD_OUT)} is needed"
        )
    return open_split(config, held_out)


def yardstick_of(experiment: Experiment) -> Yardstick:
    """What ``--judged_samples`` samples of the run are measured by, in ``--features``.

    Raises:
      UsageError: see :func:`check_yardstick`; or the reference's features are not the extractor's.
    """
    config: Any = experiment.config
    extractor = extractor_for(config.features) or judge_extractor(
        experiment.dataset, folder=cache_folder(config), steps=config.judge_steps
    )
    if config.reference_features is None:
        reference, name = held_out_features(extractor, open_held_out(experiment))
    else:
        reference, name = load_reference(config.reference_features), Path(config.reference_features).name
    return yardstick_for(
        experiment.dataset,
        extractor=extractor,
        reference=reference,
        reference_name=name,
        num_samples=config.judged_samples,
    )


def measurer(yardstick: Yardstick) -> Measure:
    """What ``run.run`` calls with every picture: the distances of as many samples as the yardstick takes."""

    def measure(experiment: Experiment, step: int, sample: Sampler) -> dict[str, Any]:
        samples = sample(jax.random.key(experiment.config.seed + 1), yardstick.num_samples)
        found = sample_distances(yardstick, samples.x, spec=experiment.dataset.spec)
        logger.info("step %d: Frechet distance %.2f (real pictures: %.2f)", step, found["frechet"],
                    yardstick.floor["frechet"])  # fmt: skip
        return found

    return measure


def train_and_measure(
    experiment: Experiment, folder: Path, *, yardstick: Yardstick | None, **facts: Any
) -> tuple[Outcome, dict[str, Any] | None]:
    """Trains to the last step and writes ``result.json``, distances over the run to ``measurements.jsonl``.

    Args:
      experiment: of a :class:`MeasuredConfig`.
      folder: its workdir.
      yardstick: what to measure by; ``None`` on processes that do not report.
      **facts: JSON values that join the result.

    Returns:
      The outcome, and the result: ``None`` where the run was told to stop, or does not report.
    """
    config = experiment.config
    assert isinstance(config, MeasuredConfig)
    outcome = run(experiment, folder, measure=measurer(yardstick) if yardstick is not None else None)
    if outcome.step < config.steps or yardstick is None:
        return outcome, None

    def finish(one: Outcome) -> dict[str, Any]:
        save_real(one.folder / workdir.PICTURES / "real.png", experiment.dataset)
        result = {
            "objective": config.objective,
            "divergence": config.divergence,
            "samples": one.measured,
            "floor": yardstick.floor,
            "protocol": yardstick.protocol,
            "seed": one.experiment.config.seed,
            "steps": one.step,
            "training_seconds": round(one.seconds, 1),
            "commit": workdir.commit(),
            **facts,
        }
        write_json(one.folder / workdir.RESULT, result)
        return result

    return outcome, result_over_seeds(outcome, finish)
