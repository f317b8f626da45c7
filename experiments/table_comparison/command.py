"""Compares generators of tables: the same rows, the same seconds, the same scores, several seeds.

    python -m experiments.table_comparison --workdir=runs/letters --dataset=csv:LETTERS.csv.xz --seconds=240
    python -m experiments.table_comparison --workdir=runs/short --systems=independent,tree,boundary_seeking --seconds=60

Boundary seeking with the settings of ``experiments.table``, beside other ways to make synthetic tables: independent
columns, a Chow-Liu tree, and CTGAN and TVAE of the package ``ctgan`` (pip install ctgan) with its default settings,
TVAE also with its categories drawn from their probabilities, where the package takes the likeliest. Seconds are the
processor's, of training alone. Every system at every seed is a trial; rerun the same command to continue with those
that are missing. --settings=penalty=2,learning_rate_gen=1e-3 changes flags of ``experiments.table``.

result.md has the table, and the worst columns of boundary seeking; pairs.png shows every pair of columns, of seed 0.

--split=validation scores on a fifth of the training rows, which are then not trained on: to choose settings, so that
the test rows are seen once.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags as absl_flags

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.data import Dataset
from bgan_jax.evaluation import table_forests
from bgan_jax.runtime import workdir
from bgan_jax.runtime.platform import this_process
from bgan_jax.runtime.process import signals
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.compilation_cache import enable_compilation_cache
from experiments.harness.cli.flags import flag
from experiments.harness.cli.lists import names_of, split_list
from experiments.harness.cli.shared_flags import SmokeFlag, WorkdirFlag
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.folders import check_folder, check_workdir, open_folder
from experiments.harness.runs.measured_run import open_held_out
from experiments.harness.runs.run_flags import CompilationFlags, DatasetOptions
from experiments.table import command as table
from experiments.table.figures import save_pairs
from experiments.table.scores import Reference, kept, real_scores, reference_of, scores, worst
from experiments.table_comparison import ctgan_models
from experiments.table_comparison.results import comparison_table, summarize
from experiments.table_comparison.systems import BOUNDARY_SEEKING, INDEPENDENT, OF_CTGAN, SYSTEMS, Fitted

logger = logging.getLogger("bgan_jax")

SMOKE = {
    "systems": "independent,tree,boundary_seeking", "seconds": 0.2, "seeds": 1, "judged_samples": 2000,
    "settings": "batch_size=16,num_samples=3,width=8,penalty_stride=2",
}  # fmt: skip
# Folder of all trials, in the workdir.
TRIALS = "trials"
REAL = "real training rows"
# Where a trial's file has the total variation of every pair of columns.
DISTANCES = "distances"
_EVERY = 5


@flags.config(dataset=flags.override("commute", legal="commute or csv:FILE"))
class Config(SmokeFlag, CompilationFlags, DatasetOptions, WorkdirFlag):
    """The flags of this experiment."""

    systems: str = flag(
        ",".join(SYSTEMS), "What is compared; the names separated by commas.", group="run", common=True,
        legal=", ".join(SYSTEMS), may_change=True,
    )  # fmt: skip
    seconds: float = flag(
        240.0, "Seconds of the processor, of training, of every trial.", group="run", common=True, minimum=1e-3
    )
    seeds: int = flag(
        3, "Number of trials of each, with the seed 0 and those after it.", group="run", common=True, minimum=1,
        may_change=True,
    )  # fmt: skip
    settings: str = flag(
        "", "Flags of experiments.table for boundary seeking, NAME=VALUE with commas between.", group="run", common=True
    )
    split: str = flag(
        "test", "Rows that are scored on: held-out ones, or a fifth of the training rows, to choose settings.",
        group="run", choices=("test", "validation"),
    )  # fmt: skip
    judged_samples: int = flag(20000, "Rows that are scored.", group="evaluation", minimum=2)
    label: str | None = flag(None, "Column that classifiers predict, as in experiments.table.", group="evaluation",
                             legal="a learned column's name")  # fmt: skip


def run_config(config: Config, seed: int) -> table.Config:
    """Returns the flags of a trial of boundary seeking.

    Raises:
      UsageError: ``--settings`` names a flag that does not exist, or a value that is not legal.
    """
    names = {field.name for field in dataclasses.fields(DatasetOptions)} | {"workdir", "judged_samples", "label"}
    given = {name: getattr(config, name) for name in names}
    arguments = [f"--{name}={value}" for name, value in given.items() if value not in (None, "", False)]
    arguments += [f"--{setting}" for setting in split_list(config.settings)]
    arguments += [f"--compilation_cache={str(config.compilation_cache).lower()}", f"--seed={seed}"]
    try:
        return table.COMMAND.parse(arguments)
    except absl_flags.Error as error:
        raise UsageError(f"--settings={config.settings}: {error}") from error


def open_rows(config: Config) -> tuple[Dataset, Dataset]:
    """Opens the rows of all trials: those to train on, and those to score on."""
    first = table.prepare(run_config(config, 0), this_process())
    if config.split == "test":
        return first.dataset, open_held_out(first)
    whole = first.dataset
    of_validation = np.arange(len(whole)) % _EVERY == _EVERY - 1
    train, held_out = (
        Dataset(whole.spec, np.ascontiguousarray(whole.packed[part])) for part in (~of_validation, of_validation)
    )
    return train, held_out


def experiment_of(config: Config, seed: int, train: Dataset) -> Experiment:
    """Prepares a trial of boundary seeking on rows that are open already."""
    return discrete.prepare(
        run_config(config, seed), this_process(), kinds=["table"], open_split=lambda run, split: train
    )


def main(config: Config) -> dict[str, Any] | None:
    """Runs the trials that are missing, then writes the table; ``None`` when stopped by a signal."""
    names = names_of("systems", config.systems, legal=SYSTEMS)
    absent = [name for name in names if name in OF_CTGAN and not ctgan_models.available()]
    if absent:
        raise UsageError(
            f"--systems: {' and '.join(absent)} need the package ctgan: pip install ctgan, or give "
            f"--systems={','.join(name for name in SYSTEMS if name not in OF_CTGAN)}"
        )
    check_workdir(config, holds="the results and every trial go there")
    check_folder(config)  # Before the data are read.
    if config.compilation_cache:
        enable_compilation_cache()
    train, held_out = open_rows(config)
    reference = reference_of(train, held_out, num_samples=config.judged_samples, label=config.label)
    folder = open_folder(config)
    (folder / TRIALS).mkdir(exist_ok=True)
    real, distances = real_scores(reference, forests=table_forests.available())
    trials = [_trial(REAL, 0, Fitted({}, 0.0), real, distances)]
    for seed in range(config.seeds):
        for name in names:
            place = folder / TRIALS / f"{name}-seed{seed}.json"
            found = _run_trial(config, place, train, reference, name=name, seed=seed)
            if found is None:
                logger.warning("stopped; finished trials are kept; rerun the same command to go on with the others")
                return None
            trials += found
    return _write_results(config, folder, trials, reference)


def _run_trial(
    config: Config, place: Path, train: Dataset, reference: Reference, *, name: str, seed: int
) -> list[dict[str, Any]] | None:
    """Trains and scores one system at one seed, or reads its results where it is finished."""
    if place.exists():
        return json.loads(place.read_text(encoding="utf-8"))
    logger.info("%s, seed %d", name, seed)
    signals.describe("in the middle of a trial, which starts again when you rerun the same command; others are kept")
    fitted = SYSTEMS[name](experiment_of(config, seed, train), reference, config.seconds, seed)
    if fitted is None:
        return None
    results = []
    for system, rows in fitted.rows.items():
        found, distances = scores(reference, rows, forests=table_forests.available())
        results.append(_trial(system, seed, fitted, found, distances))
        shown = ", ".join(f"{key} {value:.3f}" for key, value in found.items() if isinstance(value, float))
        logger.info("%s: %s", system, shown)
    write_json(place, results)
    return results


def _trial(system: str, seed: int, fitted: Fitted, found: dict[str, Any], distances: np.ndarray) -> dict[str, Any]:
    return {
        "system": system,
        "seed": seed,
        "seconds": round(fitted.seconds, 1),
        "steps": fitted.steps,
        "scores": found,
        DISTANCES: np.round(distances, 4).tolist(),
    }


def _write_results(config: Config, folder: Path, trials: list[dict[str, Any]], reference: Reference) -> dict[str, Any]:
    summary = summarize(trials)
    pairs = {row["system"]: row["scores"]["pairs"]["mean"] for row in summary}
    ceiling = pairs.get(INDEPENDENT)
    if ceiling is not None:
        baseline = {"real": {"pairs": pairs[REAL]}, "independent": {"pairs": ceiling}}
        for row in summary:
            row["kept_dependence"] = kept(pairs[row["system"]], baseline)
    panels = {trial["system"]: np.array(trial[DISTANCES]) for trial in trials if trial["seed"] == 0}
    result = {
        "dataset": reference.spec.name,
        "summary": summary,
        "trials": [{name: value for name, value in trial.items() if name != DISTANCES} for trial in trials],
        "label": reference.names[reference.label],
        "split": config.split,
        "settings": config.settings,
        "seconds_of_each": config.seconds,
        **(worst(reference, panels[BOUNDARY_SEEKING], panels[REAL]) if BOUNDARY_SEEKING in panels else {}),
        "commit": workdir.commit(),
    }
    write_json(folder / workdir.RESULT, result)
    write_text(folder / "result.md", comparison_table(result, seconds=config.seconds))
    save_pairs(folder / "pairs.png", panels, names=reference.names, title="Pairs of columns")
    logger.info("result.md, result.json and pairs.png are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
