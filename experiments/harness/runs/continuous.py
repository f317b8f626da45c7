"""Runs whose data are images of real-valued pixels: their flags, and the step that the flags choose."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from bgan_jax import data
from bgan_jax.algorithms.continuous import ContinuousGame, ContinuousSettings, continuous_step
from bgan_jax.algorithms.state import init_state
from bgan_jax.networks import Networks, build_networks
from bgan_jax.runtime.platform import Platform
from bgan_jax.sampling.sampler import make_point_sampler
from experiments.harness.cli import flags
from experiments.harness.cli.flags import flag
from experiments.harness.errors import UsageError
from experiments.harness.runs.data_kinds import check_kind
from experiments.harness.runs.experiment import Experiment
from experiments.harness.runs.run_config import (
    OpenSplit,
    RunConfig,
    compute_dtype,
    launcher_for,
    open_split,
    open_training_split,
    optimizers_for,
    settings_from,
    steps_per_call_of,
)
from experiments.harness.runs.run_flags import ObjectiveFlags

IMAGE_NETWORKS = (
    "dcgan32", "dcgan32_cortex", "dcgan64", "dcgan128", "resnet32", "resnet64", "resnet128", "resnet32_roth",
    "resnet64_roth", "resnet128_roth",
)  # fmt: skip


@flags.config()
class ContinuousConfig(ObjectiveFlags, RunConfig):
    """Flags that mean the same in every experiment on continuous data."""

    spectral_norm: bool = flag(False, "Spectral normalisation of the discriminator's kernels.", group="discriminator")


def networks_for(
    config: Mapping[str, Any], spec: data.DatasetSpec, *, platform: str, axis_name: str | None
) -> Networks:
    """Builds the networks from a run's flags and its data set, for a platform."""
    return build_networks(
        config["network"],
        example_shape=spec.shape,
        width=config.get("width"),
        latent_dim=config.get("latent_dim"),
        latent_categories=config.get("latent_categories", 0),  # A run of an earlier version has no such flag.
        axis_name=axis_name,
        platform=platform,
        dtype=compute_dtype(config),
        spectral_norm=config["spectral_norm"],
    )


def prepare(config: ContinuousConfig, platform: Platform, *, open_split: OpenSplit = open_split) -> Experiment:
    """Checks the flags and opens the data; writes nothing.

    Args:
      config: the flags.
      platform: what the run is for.
      open_split: opens the data.

    Raises:
      UsageError: a flag or the data set is wrong.
    """
    try:
        settings = settings_from(ContinuousSettings, config)
        launcher = launcher_for(config, platform)
        dataset = open_training_split(config, open_split)
        steps_per_call = steps_per_call_of(config, platform, dataset)
        check_kind(dataset.spec, config.dataset, kinds=["continuous"])
        networks = networks_for(vars(config), dataset.spec, platform=platform.name, axis_name=None)
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error
    optimizers = optimizers_for(config)

    def step_over(axis_name: str | None) -> Any:
        networks = networks_for(vars(config), dataset.spec, platform=platform.name, axis_name=axis_name)
        game = ContinuousGame(networks=networks, optimizers=optimizers, settings=settings, flat_mean=platform.on_cpu)
        return functools.partial(continuous_step, game=game)

    return Experiment(
        config=config,
        launcher=launcher,
        dataset=dataset,
        initialize=functools.partial(init_state, networks=networks, optimizers=optimizers),
        step_over=step_over,
        sampler=functools.partial(make_point_sampler, networks),
        title=f"{config.dataset}, {config.network}, {config.objective}, {config.divergence} discriminator",
        num_samples=None,
        steps_per_call=steps_per_call,
    )
