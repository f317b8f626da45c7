"""The seeds of a run (``--seeds``), and the folder of each.

Seed i of a run of several is the run that ``--seed=i`` alone would be: its data come in its own order, its randomness
is its own, and the seeds share the compiled program only. States are stacked along a first axis of seeds, in the run's
one checkpoint. Metrics, pictures and results of a seed are in a folder of its own within the run's, such as ``seed_3``,
which has the same layout as the folder of a run of one seed.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from bgan_jax.paths import path_of, resolved
from bgan_jax.runtime import workdir
from experiments.harness.errors import UsageError
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.run_config import RunConfig
from experiments.harness.runs.stacked_seeds import take


class SeedRun(NamedTuple):
    """One seed of a run.

    Attributes:
      experiment: with the config that the seed would have if it ran alone.
      folder: of its metrics, pictures, measurements and results.
      stack_index: of the seed along the first axis of stacked arrays; ``None`` in a run of one seed, which has no such
        axis.
    """

    experiment: Experiment
    folder: Path
    stack_index: int | None

    @property
    def label(self) -> str:
        """Names the seed in messages; empty in a run of one seed."""
        return "" if self.stack_index is None else f"seed {self.experiment.config.seed}"

    def select(self, tree: Any) -> Any:
        """Returns this seed's part of a tree of all seeds."""
        return tree if self.stack_index is None else take(tree, self.stack_index)


def seeds_of(config: RunConfig) -> range:
    """Returns the seeds that a run trains."""
    return range(config.seed, config.seed + config.seeds)


def seed_axis(config: RunConfig) -> range:
    """Returns the seeds along the first axis of a run's arrays; empty in a run of one seed, which has no such axis."""
    return seeds_of(config) if config.seeds > 1 else range(0)


def seed_runs_of(experiment: Experiment, folder: Path) -> list[SeedRun]:
    """Returns every seed of a run; of a run of one seed, the run itself."""
    config = experiment.config
    if config.seeds == 1:
        return [SeedRun(experiment=experiment, folder=folder, stack_index=None)]
    found = []
    for index, seed in enumerate(seeds_of(config)):
        own_folder = workdir.seed_folder(folder, seed)
        own_config = dataclasses.replace(config, seed=seed, seeds=1, workdir=str(own_folder))
        found.append(SeedRun(experiment=experiment._replace(config=own_config), folder=own_folder, stack_index=index))
    return found


def check_seeds(config: RunConfig) -> None:
    """Refuses flags that cannot be combined with several seeds.

    Raises:
      UsageError: names the flag and the remedy.
    """
    if run_of_seed(path_of(config.workdir)) is not None:
        raise UsageError(
            f"--workdir={config.workdir} is one seed of the run in its parent folder; continue that run, or choose "
            "another folder"
        )
    if config.seeds == 1:
        return
    if config.nan_policy == "restore":
        raise UsageError(
            f"--nan_policy=restore would restore all --seeds={config.seeds} when one of them fails, so that none gives "
            "the numbers of its own run; use --nan_policy=stop, or --seeds=1 in a folder for each --seed"
        )
    if config.seed + config.seeds > 2**32:
        raise UsageError(
            f"--seed={config.seed} with --seeds={config.seeds} ends beyond the last seed, 2**32 - 1; use a smaller "
            "--seed"
        )


def run_of_seed(folder: Path) -> tuple[Path, int] | None:
    """Finds the run of several seeds that a folder is one seed of.

    Returns:
      The run's folder, and the seed's index in its stacked arrays; ``None`` if the folder is not one of a run's seeds.
    """
    folder = resolved(folder)
    parent, prefix, number = folder.parent, *folder.name.partition("_")[::2]
    if prefix != "seed" or not number.isdecimal():
        return None
    try:
        config = workdir.read_config(parent)
        first, count = int(config["seed"]), int(config["seeds"])
    except (ValueError, KeyError, TypeError, OSError):
        return None
    index = int(number) - first
    return (parent, index) if count > 1 and 0 <= index < count else None
