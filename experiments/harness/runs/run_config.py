"""The flags of every run, and what they stand for: data, optimisers, a step's settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax.numpy as jnp

from bgan_jax import data
from bgan_jax.algorithms.state import Pair, adam_pair
from bgan_jax.runtime import parallel
from bgan_jax.runtime.platform import Platform
from bgan_jax.runtime.recovery import NAN_POLICIES
from bgan_jax.runtime.workdir import RESUME
from experiments.harness.cli import flags
from experiments.harness.cli.flags import flag
from experiments.harness.cli.shared_flags import SmokeFlag, WorkdirFlag
from experiments.harness.runs.run_flags import (
    AdamFlags,
    DatasetOptions,
    HostFlags,
    LauncherFlags,
    LengthFlags,
    NetworkFlags,
    PrecisionFlags,
    SeedFlags,
    UpdateFlags,
)

# Flags that each host has its own value of.
PER_HOST = ("process_id", "coordinator", "data_dir", "cache_dir", "workdir", "download", "compilation_cache")
# A call cannot be interrupted, and a signal waits for two of them: seconds, at 10 ms a step.
MOST_STEPS_PER_CALL = 100


# Fields, and so flags under a heading of the help, come in the reverse order of the base classes.
@flags.config()
class RunConfig(
    SmokeFlag,
    HostFlags,
    LauncherFlags,
    UpdateFlags,
    AdamFlags,
    PrecisionFlags,
    NetworkFlags,
    LengthFlags,
    SeedFlags,
    DatasetOptions,
    WorkdirFlag,
):
    """Flags that mean the same in every experiment that trains a generator."""

    data_backend: str = flag(
        "auto", "Where batches come from: device memory or the host; auto decides by size.", group="data",
        choices=("auto", "resident", "streamed"), may_change=True,
    )  # fmt: skip
    steps_per_call: int | None = flag(
        None, "Most steps in one call of the compiled program, which ends where a report, a checkpoint or a picture is "
        f"due. Empty is 1 on CPU, and elsewhere all steps between two reports, at most {MOST_STEPS_PER_CALL}.",
        group="devices", minimum=1, maximum=100000, may_change=True,
    )  # fmt: skip
    latent_dim: int | None = flag(None, "Size of the latents; empty is the preset's.", group="networks", minimum=1)
    latent_categories: int = flag(
        0, "Categories that the first coordinate of a latent chooses from, for data that fall into groups with nothing "
        "between them; 0: none, and at least 2 otherwise.", group="networks", minimum=0, maximum=65536,
    )  # fmt: skip
    learning_rate_half_life: int | None = flag(
        None,
        "Updates in which both step sizes halve; empty keeps them constant.",
        minimum=1,
        adjustable=True,
    )
    adam_b2: float = flag(
        0.999, "Adam's decay of the second moment; lower where gradients burst early on, as by reverse KL.",
        minimum=0.0, maximum=0.99999, adjustable=True,
    )  # fmt: skip
    adam_eps: float = flag(
        1e-8, "Added to the root of Adam's second moment; at 1e-3 other devices give the same numbers to 1e-5.",
        minimum=0.0, adjustable=True,
    )  # fmt: skip
    average_decay: float = flag(
        0.99, "Decay per update of the generator's moving average, which samples come from.", group="generator",
        minimum=0.0, maximum=1.0, adjustable=True,
    )  # fmt: skip
    nan_policy: str = flag(
        "stop", "On a number that is not finite: stop the run, or restore the last checkpoint and continue from it "
        "with other noise, three times at most.", choices=NAN_POLICIES, may_change=True,
    )  # fmt: skip
    resume: str = flag(
        "auto", "If the folder holds a run: auto continues it, must requires one, never refuses one; changed continues "
        "it with other values of flags such as step sizes, from then on.",
        choices=RESUME, may_change=True,
    )  # fmt: skip
    report_every: int = flag(25, "Steps between lines of metrics.", group="records", minimum=1, may_change=True)
    picture_every: int = flag(
        500, "Steps between sample grids, and measurements of samples; 0 takes only the last.", group="records",
        minimum=0, may_change=True,
    )  # fmt: skip
    checkpoint_every: int = flag(500, "Steps between checkpoints.", group="records", minimum=1, may_change=True)
    keep_checkpoints: int = flag(3, "How many checkpoints to keep.", group="records", minimum=1, may_change=True)
    tensorboard: bool = flag(
        False, "Also write TensorBoard files (extra: tensorboard).", group="records", may_change=True
    )


#: ``(config, name of the split) -> Dataset``: :func:`open_split`, or what stands for it where no data are read.
OpenSplit: TypeAlias = Callable[["RunConfig", str], data.Dataset]


def open_split(config: RunConfig, split: str) -> data.Dataset:
    """Opens one split of the run's data set."""
    options = [field.name for field in dataclasses.fields(DatasetOptions) if field.name != "dataset"]
    # A run of an earlier version has fewer flags.
    return data.open_dataset(
        config.dataset, split=split, **{name: getattr(config, name) for name in options if hasattr(config, name)}
    )


def open_training_split(config: RunConfig, open_split: OpenSplit = open_split) -> data.Dataset:
    """Opens the split that the generator learns from.

    Args:
      config: the flags.
      open_split: opens a split.

    Raises:
      ValueError: it has fewer examples than a batch.
    """
    dataset = open_split(config, "train")
    if len(dataset) < config.batch_size:
        raise ValueError(
            f"--batch_size={config.batch_size} is more than the {len(dataset)} training examples of "
            f"--dataset={config.dataset}: choose at most {len(dataset)}, or give more data"
        )
    return dataset


def optimizers_for(config: RunConfig) -> Pair:
    """Creates Adam for both players from the flags."""
    return adam_pair(
        learning_rate_gen=config.learning_rate_gen,
        learning_rate_disc=config.learning_rate_disc,
        b1=config.adam_b1,
        b2=config.adam_b2,
        eps=config.adam_eps,
        half_life=config.learning_rate_half_life,
    )


def settings_from(record: type, config: RunConfig, **given: Any) -> Any:
    """Creates a step's settings: every field that has a flag of its name, and the given fields."""
    names = [field.name for field in dataclasses.fields(record) if hasattr(config, field.name)]
    return record(**({name: getattr(config, name) for name in names} | given))


def launcher_for(config: RunConfig, platform: Platform) -> parallel.Launcher:
    """Returns the launcher of a run, after a check of its batch.

    Raises:
      ValueError: the devices, or the order of the data, cannot honour the sizes; names the flag and what fits.
    """
    check_sizes(config, platform)
    return parallel.launcher_for(platform, config.parallel)


def compute_dtype(config: Mapping[str, Any]) -> Any:
    """Returns the dtype of the hidden computation, from a run's flags; a run of an earlier version has no such flag."""
    return jnp.dtype(config.get("compute_dtype", "float32"))


def steps_per_call_of(config: RunConfig, platform: Platform, dataset: data.Dataset) -> int:
    """Returns the most steps that a call of the compiled program takes.

    Raises:
      ValueError: several are asked for, and the host sends the batches, one for every call.
    """
    streamed = data.choose_backend(dataset, backend=config.data_backend) == "streamed"
    if config.steps_per_call is None:
        return 1 if platform.on_cpu or streamed else min(config.report_every, MOST_STEPS_PER_CALL)
    if streamed and config.steps_per_call > 1:
        raise ValueError(
            f"--steps_per_call={config.steps_per_call} needs data that are in device memory: leave it out, or give "
            "--data_backend=resident"
        )
    return config.steps_per_call


def check_sizes(config: RunConfig, platform: Platform) -> None:
    """Refuses sizes that the devices, or the order of the data, cannot honour.

    Raises:
      ValueError: names the flag and what fits.
    """
    parallel.check_batch_divides(config.batch_size, devices=len(platform.devices))
    data.check_schedule(num_steps=config.steps * config.disc_steps, batch_size=config.batch_size)
