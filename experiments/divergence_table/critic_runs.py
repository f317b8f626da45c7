"""Trains the generators and the critics that the table still misses."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

import jax

from bgan_jax.evaluation.host_randomness import host_generator
from experiments.divergence_table import generators
from experiments.divergence_table.config import Config
from experiments.divergence_table.critics import (
    FLOOR,
    append_result,
    critic_name,
    find_result,
    repair_results,
    train_critic,
)
from experiments.divergence_table.generators import PROBABILITIES, SAMPLES, Rows
from experiments.divergence_table.plan import Plan, generator_config
from experiments.divergence_table.table import TITLES, row_title

logger = logging.getLogger("bgan_jax")

# Generated rows that critics learn from; in longer trainings they see some of them again.
MOST_FAKES = 100_000


class CriticInputs(NamedTuple):
    """The rows that critics of one generator learn from.

    Attributes:
      rows: by form; of the floor, real ones in the generator's place.
      entropy: of g(x|z), in nats per example; ``None`` for the floor.
    """

    rows: dict[str, Rows]
    entropy: float | None


def critic_inputs(config: Config, plan: Plan, train: str, *, seed: int) -> CriticInputs | None:
    """Trains a generator, where it is not finished, and draws its rows.

    Args:
      config: the flags.
      plan: from ``plan_for``.
      train: what trains the generator, or ``FLOOR``.
      seed: of the generator.

    Returns:
      The rows; ``None`` when the training was stopped by a signal.
    """
    real, held_out = (generators.real_rows(split) for split in (plan.dataset, plan.held_out))
    if train == FLOOR:
        order = host_generator(jax.random.fold_in(jax.random.key(seed), 1)).permutation(len(real))
        return CriticInputs({SAMPLES: generators.floor_rows(real, held_out, order=order)}, entropy=None)
    sample = generators.train_or_load(generator_config(config, train, seed=seed))
    if sample is None:
        return None
    num_fresh = min(config.evaluation_rows, len(real) // config.evaluation_batches) * config.evaluation_batches
    rows = generators.generated_rows(
        sample,
        jax.random.fold_in(jax.random.key(seed), 2),
        real=real,
        held_out_real=held_out,
        num_fake=min(config.critic_steps * config.critic_batch_size, MOST_FAKES),
        num_fresh=num_fresh,
    )
    entropy = generators.pixel_entropy(rows[PROBABILITIES].fresh_fake, like=rows[SAMPLES].fresh_fake)
    return CriticInputs(rows, entropy)


def critic_names(config: Config, plan: Plan) -> list[dict[str, Any]]:
    """Lists the names of all critics that the flags ask for, seed by seed."""
    return [
        critic_name(
            train=train,
            form=form,
            seed=seed,
            settings=plan.measures[measure],
            network=plan.networks.name,
            evaluation=f"{config.evaluation_batches} x {config.evaluation_rows}",
        )
        for seed in range(config.seed, config.seed + config.seeds)
        for train in (*plan.train, FLOOR)
        for form, measure in plan.wanted(train)
    ]


def train_missing_critics(config: Config, plan: Plan, folder: Path) -> bool:
    """Trains the critics without a result, and adds each result to the file.

    Args:
      config: the flags.
      plan: from ``plan_for``.
      folder: the workdir.

    Returns:
      Whether all have been trained; false when the training was stopped by a signal.
    """
    finished, names = repair_results(folder), critic_names(config, plan)
    missing = [name for name in names if find_result(finished, name) is None]
    logger.info("%d of %d critics to train", len(missing), len(names))
    current: tuple[tuple[str, int], CriticInputs] | None = None
    for name in missing:
        generator = (name["train"], name["seed"])
        if current is None or current[0] != generator:
            inputs = critic_inputs(config, plan, name["train"], seed=name["seed"])
            if inputs is None:
                return False
            current = generator, inputs
        result = train_critic(
            name,
            current[1].rows[name["form"]],
            networks=plan.networks,
            conditional=plan.conditional,
            settings=plan.measures[name["measure"]],
            num_batches=config.evaluation_batches,
            rows_per_batch=config.evaluation_rows,
        )
        append_result(folder, result | {"entropy": current[1].entropy})
        logger.info(
            "seed %d, %s by %s: V = %s (held-out data: %s), %.0f s", name["seed"],
            row_title(name["train"], name["form"]), TITLES[name["measure"]], result["bound"]["mean"],
            result["held_out"]["mean"], result["seconds"],
        )  # fmt: skip
    return True
