"""Trains generators of binary images in several ways for the same number of seconds, and scores them side by side.

    python -m experiments.equal_time --workdir=runs/equal_time

Boundary seeking with and without the control variate, REINFORCE with and without it, Gumbel straight-through, and
relaxed samples with a non-saturating loss or WGAN-GP: the same networks, batch, step sizes, classifier and seconds,
for several seeds. Neither compilation nor scoring counts. The score at several marks goes to scores.png and
result.md, samples of the first seed to samples.png. Every system at every seed is a trial; rerun the same command to
continue with the trials that are missing, or with more systems or seeds to add some.

Every system has step sizes of its own: those of experiments.binary_images times the factor of --step_size_factors that
has the best score after --search_seconds, at a seed that is in no result.

Where other work shares the machine, --clock=processor counts the processor's seconds, of all cores together.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.data import DatasetSpec
from bgan_jax.runtime import workdir
from bgan_jax.runtime.platform import this_process
from experiments import binary_images
from experiments.equal_time.figures import save_samples, save_scores
from experiments.equal_time.results import summarize, table
from experiments.equal_time.systems import SYSTEMS
from experiments.equal_time.trials import SEARCH_SEED, Trial, best_of, run_trial
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.compilation_cache import enable_compilation_cache
from experiments.harness.cli.flags import flag
from experiments.harness.cli.lists import names_of, positive_numbers
from experiments.harness.cli.shared_flags import SmokeFlag, WorkdirFlag
from experiments.harness.errors import UsageError
from experiments.harness.metrics.classifier_score import classifier_scores, real_images, train_or_load_classifier
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.folders import cache_folder, check_folder, check_workdir, open_folder
from experiments.harness.runs.measured_run import open_held_out
from experiments.harness.runs.run_flags import CompilationFlags, ImageFlags, NetworkFlags
from experiments.harness.runs.timed_training import CLOCKS

logger = logging.getLogger("bgan_jax")

SMOKE = {
    "systems": "boundary_seeking_controlled,relaxed", "seconds": 0.2, "marks": 2, "seeds": 1,
    "step_size_factors": "1", "search_seconds": 0.1, "judged_samples": 200, "judge_steps": 60,
}  # fmt: skip
# Folder of all trials, in the workdir.
TRIALS = "trials"
STOPPED = "stopped; finished trials are kept; rerun the same command to go on with the others"


@flags.config(
    judge_steps=flags.override(may_change=False),
    dataset=flags.override("mnist10k", legal="a name of labelled binary images, npz:PATH or images:PATH"),
    network=flags.override("dcgan28_tiny", choices=binary_images.NETWORKS),
)
class Config(SmokeFlag, CompilationFlags, binary_images.ClassifierStepsFlag, NetworkFlags, ImageFlags, WorkdirFlag):
    """The flags of this experiment."""

    batch_size: int = flag(32, "Examples, and latents, per step (N).", group="run", common=True, minimum=1)

    systems: str = flag(
        ",".join(SYSTEMS), "Which ways to train; the names separated by commas.", group="run", common=True,
        legal=", ".join(SYSTEMS), may_change=True,
    )  # fmt: skip
    seconds: float = flag(120.0, "Seconds of training of every trial.", group="run", common=True, minimum=1e-3)
    marks: int = flag(4, "Moments at which a trial is scored; each is at half the seconds of the next.", group="run",
                      minimum=1)  # fmt: skip
    clock: str = flag("wall", "Which seconds count: the wall clock's, or the processor's, of all cores together.",
                      group="run", choices=tuple(CLOCKS))  # fmt: skip
    seeds: int = flag(
        3, "Number of trials of each system, with the seed 0 and those after it.", group="run", common=True, minimum=1,
        may_change=True,
    )  # fmt: skip
    step_size_factors: str = flag(
        "1,2,4", "What both step sizes are multiplied by; each system takes the best; numbers separated by commas.",
        group="run", legal="numbers above 0",
    )  # fmt: skip
    search_seconds: float = flag(30.0, "Seconds of training of every trial of a step size.", group="run", minimum=1e-3)
    judged_samples: int = flag(5000, "Samples that are scored at every mark.", group="evaluation", minimum=2)


def marks_of(config: Config) -> list[float]:
    """Returns the seconds at which trials are scored; the last are all."""
    return [config.seconds / 2**place for place in reversed(range(config.marks))]


def run_config(config: Config, trial: Trial) -> binary_images.Config:
    """Returns the flags of a trial."""
    shared = ("workdir", "dataset", "data_dir", "cache_dir", "download", "resolution", "batch_size", "network", "width",
              "judge_steps", "judged_samples", "compilation_cache")  # fmt: skip
    run = binary_images.Config(
        **{name: getattr(config, name) for name in shared} | dict(SYSTEMS[trial.system].changes), seed=trial.seed
    )
    return replace(
        run,
        learning_rate_gen=trial.factor * run.learning_rate_gen,
        learning_rate_disc=trial.factor * run.learning_rate_disc,
    )


def main(config: Config) -> dict[str, Any] | None:
    """Trains the trials that are missing, then writes figures and the table; ``None`` when stopped by a signal."""
    systems = names_of("systems", config.systems, legal=SYSTEMS)
    factors = positive_numbers("step_size_factors", config.step_size_factors)
    check_workdir(config, holds="the results and every trial go there")
    check_folder(config)  # Before the data are read and the classifier learns.
    if config.compilation_cache:
        enable_compilation_cache()
    platform = this_process()

    def prepare(trial: Trial) -> Experiment:
        return binary_images.prepare(run_config(config, trial), platform)

    first, *_ = [prepare(Trial(system, 0)) for system in systems]  # All are checked before any trains.
    held_out = open_held_out(first)
    if first.dataset.labels is None or held_out.labels is None:
        raise UsageError(f"--dataset={config.dataset} has no labels, and the classifier score needs them")
    classifier = train_or_load_classifier(first.dataset, folder=cache_folder(config), steps=config.judge_steps)
    score = classifier_scores(classifier, held_out)
    of_real = score(real_images(held_out, at_most=2))
    if "classifier_score" not in of_real["samples"]:
        raise UsageError(f"--judge_steps={config.judge_steps}: the classifier does not know the classes; give more")
    folder = open_folder(config)

    def run(trial: Trial, marks: list[float]) -> dict[str, Any] | None:
        logger.info("%s, seed %d, step sizes times %g", trial.system, trial.seed, trial.factor)
        return run_trial(
            lambda: prepare(trial), trial, folder=folder / TRIALS, score=score, marks=marks, clock=config.clock,
            num_samples=config.judged_samples,
        )  # fmt: skip

    searched: dict[str, list[dict[str, Any]]] = {system: [] for system in systems}
    trials: list[dict[str, Any]] = []
    tried = [(system, factor) for system in systems for factor in factors] if len(factors) > 1 else []
    for system, factor in tried:
        if (result := run(Trial(system, SEARCH_SEED, factor), [config.search_seconds])) is None:
            logger.warning(STOPPED)
            return None
        searched[system].append(result)
    for seed in range(config.seeds):
        for system in systems:
            factor = best_of(searched[system])["factor"] if searched[system] else factors[0]
            if (result := run(Trial(system, seed, factor), marks_of(config))) is None:
                logger.warning(STOPPED)
                return None
            trials.append(result)
    return _write_results(
        config, folder, trials, searched=searched, real_score=of_real["held_out"]["classifier_score"],
        spec=first.dataset.spec,
    )  # fmt: skip


def _write_results(
    config: Config,
    folder: Path,
    trials: list[dict[str, Any]],
    *,
    searched: Mapping[str, list[dict[str, Any]]],
    real_score: float,
    spec: DatasetSpec,
) -> dict[str, Any]:
    summary = summarize(trials, systems=list(searched))
    result = {
        "summary": summary, "trials": trials, "searched": searched, "held_out_score": real_score, "clock": config.clock,
        "commit": workdir.commit(),
    }  # fmt: skip
    title = f"{spec.name}, {config.network}, {config.clock} clock, {config.seeds} seeds"
    save_scores(folder / "scores.png", summary, real_score=real_score, title=title)
    factors = {trial["system"]: trial["factor"] for trial in trials}
    grids = {system: folder / TRIALS / f"{Trial(system, 0, factors[system]).name}.png" for system in searched}
    present = {system: grid for system, grid in grids.items() if grid.exists()}
    if present:
        save_samples(folder / "samples.png", present, title=f"{title}: samples of seed 0")
    write_text(folder / "result.md", table(summary, searched, real_score=real_score))
    write_json(folder / workdir.RESULT, result)
    logger.info("scores.png, samples.png, result.md and result.json are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
