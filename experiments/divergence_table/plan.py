"""The generators, critics and data that the flags ask for, all checked before anything is written."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from bgan_jax import data
from bgan_jax.conditionals import Conditional
from bgan_jax.evaluation.fresh_critic import MEASURES, WASSERSTEIN, CriticSettings
from bgan_jax.networks import Networks
from bgan_jax.paths import path_of
from bgan_jax.runtime.platform import this_process
from experiments.divergence_table import generators
from experiments.divergence_table.config import WIDER, Config
from experiments.divergence_table.generators import FORMS, PROBABILITIES, SAMPLES
from experiments.harness.cli.lists import names_of
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.folders import check_workdir
from experiments.harness.runs.run_config import open_split


class Plan(NamedTuple):
    """Generators, critics and data of a table whose flags are legal.

    Attributes:
      train: what trains the generators.
      measures: what critics measure, with their settings.
      forms: of WGAN-GP's generator.
      networks: whose discriminator is the critic.
      conditional: what the data are.
      dataset: training split.
      held_out: test split.
    """

    train: tuple[str, ...]
    measures: dict[str, CriticSettings]
    forms: tuple[str, ...]
    networks: Networks
    conditional: Conditional
    dataset: data.Dataset
    held_out: data.Dataset

    def wanted(self, train: str) -> list[tuple[str, str]]:
        """Lists (form, measure) of every critic of a generator; divergences of probabilities have no meaning."""
        forms = self.forms if train == WASSERSTEIN else (SAMPLES,)
        return [
            (form, measure)
            for form in forms
            for measure in self.measures
            if form != PROBABILITIES or measure == WASSERSTEIN
        ]


def critic_settings(config: Config, measure: str) -> CriticSettings:
    """Returns the settings of the critic of a measure: with WGAN-GP's penalty, or that of the authors' code."""
    weighted = measure in ("gan", "jensen_shannon")
    form = "wgan_gp" if measure == WASSERSTEIN else "gradient_norm" if weighted else "unweighted"
    return CriticSettings(
        measure=measure,
        penalty=config.critic_wasserstein_penalty if measure == WASSERSTEIN else config.critic_penalty,
        penalty_form=form,
        penalty_stride=config.critic_penalty_stride,
        steps=config.critic_steps,
        batch_size=config.critic_batch_size,
        learning_rate=config.critic_learning_rate,
    )


def generator_config(config: Config, train: str, *, seed: int) -> discrete.DiscreteConfig:
    """Returns the flags of one generator's run."""
    own: dict[str, dict[str, Any]] = {
        WASSERSTEIN: {
            "penalty": config.wasserstein_penalty,
            "disc_steps": config.wasserstein_disc_steps,
            "learning_rate_gen": config.wasserstein_learning_rate,
            "learning_rate_disc": config.wasserstein_learning_rate,
        },
        "reverse_kl": {
            "learning_rate_disc": config.reverse_kl_learning_rate_disc,
            "adam_b2": config.reverse_kl_adam_b2,
        },
    }
    folder = path_of(config.workdir)
    return generators.training_config(vars(config) | own.get(train, {}), train, folder=folder, seed=seed)


def plan_for(config: Config) -> Plan:
    """Checks every flag and opens the data; nothing has been written yet.

    Raises:
      UsageError: a wrong flag, file or folder.
    """
    check_workdir(config, holds="generators, critics and the table go there")
    if config.num_processes is not None or config.coordinator is not None or config.process_id is not None:
        raise UsageError("this experiment runs in one process: leave --coordinator, --num_processes, --process_id out")
    train = tuple(names_of("train", config.train, legal=MEASURES))
    measures = tuple(names_of("measure", config.measure, legal=MEASURES))
    forms = tuple(names_of("forms", config.forms, legal=FORMS))
    platform = this_process()
    for name in train:
        discrete.prepare(generator_config(config, name, seed=config.seed), platform)
    try:
        dataset, held_out = open_split(config, "train"), open_split(config, "test")
        players = generator_config(config, train[0], seed=config.seed)
        critics = config.critic_network or WIDER.get(config.network, config.network)
        players = dataclasses.replace(players, network=critics)
        networks, conditional = discrete.players_for(
            vars(players), dataset.spec, platform=platform.name, axis_name=None
        )
        settings = {name: critic_settings(config, name) for name in measures}
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error
    smallest = len(dataset) * 2 // 5
    if config.critic_batch_size > smallest:
        raise UsageError(
            f"--critic_batch_size={config.critic_batch_size} is more than two fifths of {config.dataset}'s training "
            f"split, which the floor's critics learn from; at most {smallest}"
        )
    if config.evaluation_batches > len(held_out):
        raise UsageError(
            f"--evaluation_batches={config.evaluation_batches} is more than the {len(held_out)} held-out rows"
        )
    return Plan(train, settings, forms, networks, conditional, dataset, held_out)
