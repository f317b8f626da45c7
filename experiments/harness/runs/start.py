"""Starts a run: from flags to a checked experiment and an open folder, on all hosts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bgan_jax.atomic_files import write_text
from bgan_jax.paths import path_of
from bgan_jax.runtime import hosts, workdir
from bgan_jax.runtime.checkpoints import saved_steps
from bgan_jax.runtime.platform import Platform, this_process
from bgan_jax.runtime.process import heap, signals
from experiments.harness.cli.compilation_cache import enable_compilation_cache
from experiments.harness.errors import UsageError
from experiments.harness.runs.estimates import check_estimates
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.folders import (
    check_folder,
    check_same_data,
    check_tensorboard,
    check_workdir,
    open_folder,
)
from experiments.harness.runs.run_config import PER_HOST, RunConfig
from experiments.harness.runs.run_flags import HostFlags
from experiments.harness.runs.seeds import check_seeds, seed_runs_of


def start(config: RunConfig, prepare: Callable[[Any, Platform], Experiment]) -> tuple[Experiment, Path]:
    """Joins the hosts, checks the flags, opens the workdir, and logs what the run runs on.

    Args:
      config: the flags.
      prepare: checks the flags for a platform and opens the data, such as ``discrete.prepare``.

    Returns:
      The experiment, and its folder.

    Raises:
      UsageError: a flag, a file or a folder is wrong; nothing has been overwritten.
    """
    check_workdir(config, holds="the run's results go there")
    check_tensorboard(config)
    check_seeds(config)
    heap.use_one_heap()
    if config.compilation_cache:
        enable_compilation_cache()
    try:
        join_hosts(config)
        hosts.on_first(lambda: check_folder(config))  # Before the data are read, which may take minutes.
        experiment = prepare(config, this_process())
        check_estimates(experiment)
        check_same_flags(config, dataset=experiment.dataset.spec.to_json())
        hosts.on_first(lambda: _open_folders(experiment))
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error
    if hosts.is_first():
        launcher = experiment.launcher
        hosts.announce(launcher.platform, batch_size=config.batch_size, parallel=launcher.parallel)
    return experiment, path_of(config.workdir)


def join_hosts(config: HostFlags) -> None:
    """Joins this process to the job that the flags or the cluster describe, and watches for signals.

    Raises:
      ValueError: the flags do not belong together, or the other hosts were not found.
    """
    hosts.join(
        coordinator=config.coordinator,
        num_processes=config.num_processes,
        process_id=config.process_id,
        heartbeat_seconds=config.heartbeat_seconds,
    )
    signals.watch()


def check_same_flags(config: HostFlags, **facts: Any) -> None:
    """Checks that all hosts have the same flags, but for those about a host, and the same facts about the data.

    Raises:
      ValueError: some differ; names them.
    """
    hosts.check_same({name: value for name, value in vars(config).items() if name not in PER_HOST} | facts)


def _finished_steps(config: RunConfig) -> int:
    """Returns the number of steps that the run in the workdir has finished and saved.

    Raises:
      UsageError: ``--steps`` is less.
    """
    folder = workdir.folder_of(config.workdir) / workdir.CHECKPOINTS
    finished = [0, *(saved_steps(folder) if folder.is_dir() else [])][-1]
    if config.steps < finished:
        raise UsageError(
            f"--steps={config.steps} is less than the {finished} steps that the run in --workdir={config.workdir} has "
            f"finished; give at least --steps={finished}, or choose another folder"
        )
    return finished


def _open_folders(experiment: Experiment) -> None:
    """Opens the folder of the run, and those of its seeds."""
    config = experiment.config
    folder = workdir.folder_of(config.workdir)
    seed_runs = [run for run in seed_runs_of(experiment, folder) if run.stack_index is not None]
    for place in (folder, *(run.folder for run in seed_runs)):
        check_same_data(place, experiment.dataset)
    finished = _finished_steps(config)
    folders = [open_folder(config, finished_steps=finished)]
    for run in seed_runs:
        changed = config.resume == "changed" and (run.folder / workdir.CONFIG).exists()
        own = dataclasses.replace(run.experiment.config, resume="changed" if changed else "auto")
        folders.append(open_folder(own, finished_steps=finished, locked=False))
    for place in folders:
        write_text(place / workdir.DATASET, experiment.dataset.to_json() + "\n")
