"""Runs whose data are bits, palette indices or symbols: their flags, and the step that the flags choose."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from bgan_jax import data
from bgan_jax.algorithms.discrete import DiscreteSettings, discrete_step
from bgan_jax.algorithms.estimators import ESTIMATORS
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.learned_baseline import with_baseline
from bgan_jax.algorithms.microbatches import microbatches_for
from bgan_jax.algorithms.relaxed import RELAXATIONS, RelaxedSettings, relaxed_step
from bgan_jax.algorithms.state import init_state
from bgan_jax.conditionals import Conditional, conditional_for
from bgan_jax.networks import Networks, build_networks
from bgan_jax.runtime import parallel
from bgan_jax.runtime.platform import Platform
from bgan_jax.sampling.column_shares import match_column_shares
from bgan_jax.sampling.sampler import Sampler, make_sampler
from experiments.harness.cli import flags
from experiments.harness.cli.flags import flag
from experiments.harness.cli.needs import above, either, none_of, one_of
from experiments.harness.errors import UsageError
from experiments.harness.runs.data_kinds import DISCRETE, check_kind
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
from experiments.harness.runs.run_flags import (
    TRAINED_BY_A_DIVERGENCE,
    ObjectiveFlags,
    PenaltyStrideFlags,
    SampleFlags,
)
from experiments.harness.runs.table_label import label_of

#: Value of ``--given_column`` for no column.
NOT_GIVEN = "none"
NOT_RELAXED = none_of("estimator", *RELAXATIONS)
GUMBEL = one_of("estimator", "gumbel_soft", "gumbel_straight_through")


@flags.config(
    divergence=flags.override("jensen_shannon", needs=[either(NOT_RELAXED, TRAINED_BY_A_DIVERGENCE)]),
    objective=flags.override("non_saturating", common=False, needs=[one_of("estimator", *RELAXATIONS)]),
    clip=flags.override(needs=[one_of("estimator", *RELAXATIONS)]),
    num_samples=flags.override(needs=[NOT_RELAXED]),
    control_variate=flags.override(needs=[NOT_RELAXED]),
    disc_fakes_per_latent=flags.override(needs=[NOT_RELAXED]),
    penalty=5.0,
    penalty_stride=flags.override(needs=[above("penalty", 0), NOT_RELAXED]),
)
class DiscreteConfig(PenaltyStrideFlags, ObjectiveFlags, SampleFlags, RunConfig):
    """Flags that mean the same in every discrete experiment."""

    sample_chunk: int | None = flag(
        None, "How many of the M samples are in memory at once; divides M. Empty: what is fastest, about 64 points, "
        "M x N, on CPU, and up to 20 samples of every latent elsewhere.", group="generator",
        needs=[NOT_RELAXED], adjustable=True,
    )  # fmt: skip
    estimator: str = flag(
        "boundary_seeking", "How the generator gets its gradient: by weights or rewards of its samples; or, the last "
        "three, through the discriminator from relaxed samples.", group="generator", common=True,
        choices=(*ESTIMATORS, *RELAXATIONS),
    )  # fmt: skip
    temperature: float = flag(
        3.0,
        "Temperature of Gumbel-softmax at the first step.",
        group="generator",
        minimum=1e-3,
        needs=[GUMBEL],
        adjustable=True,
    )
    temperature_rate: float = flag(
        1e-3, "How fast that temperature falls: it is multiplied by e^-rate every step.", group="generator",
        minimum=0.0, needs=[GUMBEL], adjustable=True,
    )  # fmt: skip
    temperature_minimum: float = flag(
        0.5, "Where that temperature stops.", group="generator", minimum=1e-3,
        needs=[GUMBEL, above("temperature_rate", 0)], adjustable=True,
    )  # fmt: skip
    learning_rate_baseline: float = flag(
        1e-3, "Adam's step size for REINFORCE's learned baseline.", group="generator", minimum=0.0,
        needs=[one_of("estimator", "reinforce_learned_baseline")], adjustable=True,
    )  # fmt: skip


def players_for(
    config: Mapping[str, Any], spec: data.DatasetSpec, *, platform: str, axis_name: str | None
) -> tuple[Networks, Conditional]:
    """Builds the networks and the conditional from a run's flags and its data set, for a platform."""
    conditional = conditional_for(
        spec.kind,
        spec.shape,
        num_classes=spec.num_values,
        column_sizes=spec.column_sizes,
        platform=platform,
    )
    networks = build_networks(
        config["network"],
        example_shape=spec.point_shape,
        width=config.get("width"),
        latent_dim=config.get("latent_dim"),
        latent_categories=config.get("latent_categories", 0),  # A run of an earlier version has no such flag.
        axis_name=axis_name,
        platform=platform,
        dtype=compute_dtype(config),
        output_bias=log_shares(spec),
        # A run of an earlier version has no such flag.
        given_column=given_column(spec, config.get("given_column", NOT_GIVEN)),
    )
    return with_baseline(networks, estimator=config["estimator"]), conditional


def variables_to_sample(
    variables: Any,
    config: Mapping[str, Any],
    spec: data.DatasetSpec,
    *,
    networks: Networks,
    conditional: Conditional,
) -> Any:
    """Returns the variables that a run's samples are drawn with.

    They are those of the generator's moving average; of a table, the shares of its columns are matched with
    ``--match_shares``.
    """
    # Only runs of tables have the flag.
    shares = log_shares(spec) if config.get("match_shares", False) else None
    if shares is None:
        return variables
    return match_column_shares(variables, networks=networks, conditional=conditional, log_shares=shares)


def log_shares(spec: data.DatasetSpec) -> tuple[float, ...] | None:
    """Returns the logits of a table's own shares, column by column, with which its generator starts; else ``None``.

    A category that no training row has counts as half a row.
    """
    if spec.columns is None:
        return None
    least = 0.5 / max(spec.splits.get("train", 1), 1)
    shares = [share for column in spec.columns if column.learned for share in column.shares]
    return tuple(math.log(max(share, least)) for share in shares)


def given_column(spec: data.DatasetSpec, name: str | None) -> tuple[int, int] | None:
    """Returns first logit and number of categories of the column of a table that the players are conditional on.

    Args:
      spec: of the data.
      name: of the column; ``None`` for the one that :func:`label_of` takes, :data:`NOT_GIVEN` for no column.

    Raises:
      UsageError: there is no learned column of that name.
    """
    if spec.columns is None or name == NOT_GIVEN:
        return None
    place, sizes = label_of(spec, name, flag="given_column"), spec.column_sizes
    return sum(sizes[:place]), sizes[place]


def prepare(
    config: DiscreteConfig,
    platform: Platform,
    *,
    kinds: Sequence[str] = DISCRETE,
    open_split: OpenSplit = open_split,
) -> Experiment:
    """Checks the flags and opens the data; writes nothing.

    Args:
      config: the flags.
      platform: what the run is for.
      open_split: opens the data.
      kinds: of data that the experiment takes.

    Raises:
      UsageError: a flag or the data set is wrong.
    """
    try:
        relaxes = config.estimator in RELAXATIONS
        settings: DiscreteSettings | RelaxedSettings = (
            # Relaxed samples have the penalty on every example.
            settings_from(RelaxedSettings, config, relaxation=config.estimator, penalty_stride=1)
            if relaxes
            else settings_from(DiscreteSettings, config)
        )
        launcher = launcher_for(config, platform)
        if flags.unmet_need(config, "penalty_stride") is None:
            parallel.check_stride_divides(
                config.penalty_stride, batch_size=config.batch_size, devices=len(platform.devices)
            )
        dataset = open_training_split(config, open_split)
        steps_per_call = steps_per_call_of(config, platform, dataset)
        check_kind(dataset.spec, config.dataset, kinds=kinds)
        networks, conditional = players_for(vars(config), dataset.spec, platform=platform.name, axis_name=None)
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error
    optimizers = optimizers_for(config)

    def step_over(axis_name: str | None) -> Any:
        networks, conditional = players_for(vars(config), dataset.spec, platform=platform.name, axis_name=axis_name)
        game: Game[Any] = Game(
            networks=networks,
            conditional=conditional,
            optimizers=optimizers,
            settings=settings,
            microbatches=microbatches_for(platform.name),
            flat_mean=platform.on_cpu,
        )
        return functools.partial(relaxed_step if relaxes else discrete_step, game=game)

    def sampler(variables: Any) -> Sampler:
        options = vars(config)
        variables = variables_to_sample(variables, options, dataset.spec, networks=networks, conditional=conditional)
        return make_sampler(networks, conditional, variables)

    return Experiment(
        config=config,
        launcher=launcher,
        dataset=dataset,
        initialize=functools.partial(init_state, networks=networks, optimizers=optimizers),
        step_over=step_over,
        sampler=sampler,
        title=f"{config.dataset}, {config.network}, "
        + (f"{config.estimator}, {config.objective}" if relaxes else f"{config.divergence}, M = {config.num_samples}"),
        num_samples=None if relaxes else config.num_samples,
        steps_per_call=steps_per_call,
    )
