"""Writes the table, its protocol and its figure from the results of the critics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np

from bgan_jax import data
from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.evaluation.fresh_critic import WASSERSTEIN
from bgan_jax.runtime import workdir
from bgan_jax.runtime.image_files import image_grid
from experiments.divergence_table import generators
from experiments.divergence_table.config import Config
from experiments.divergence_table.critic_runs import critic_names
from experiments.divergence_table.critics import FLOOR, CriticResult, find_result, read_results
from experiments.divergence_table.figures import save_table_figure
from experiments.divergence_table.generators import FORMS, PROBABILITIES, SAMPLES
from experiments.divergence_table.plan import Plan, generator_config
from experiments.divergence_table.table import TITLES, divergence_table, row_title, summarize

# Images in each grid.
NUM_SHOWN = 64


def protocol_of(config: Config, plan: Plan, *, rows: int) -> str:
    """Describes how the numbers were made, for the head of the table."""
    penalties = ", ".join(
        f"{TITLES[name]} {settings.penalty_form} {settings.penalty:g}" for name, settings in plan.measures.items()
    )
    own = {
        WASSERSTEIN: f"; WGAN-GP with {config.wasserstein_disc_steps} critic updates each",
        "reverse_kl": f"; reverse KL with Adam's second decay at {config.reverse_kl_adam_b2:g} and its discriminator's "
        f"step size at {config.reverse_kl_learning_rate_disc:g}",
    }
    of_rows = "".join(words for name, words in own.items() if name in plan.train)
    return (
        f"Generators of {plan.dataset.spec.name} ({len(plan.dataset):,} examples), {config.network}, {config.steps} "
        f"updates of batch {config.batch_size}, frozen at their moving averages{of_rows}. "
        f"For every cell a new discriminator of {plan.networks.name}, {config.critic_steps} steps of "
        f"{config.critic_batch_size} data and as many generated rows; penalties: {penalties}. V without the penalty, "
        f"the mean of {config.evaluation_batches} batches of {rows} rows of the data that the critic learned from and "
        "as many generated rows that it never saw. JS is twice the Jensen-Shannon divergence, in nats, at most 1.386; "
        "reverse KL in nats; Wasserstein in units of the Euclidean distance between pictures. Floor: one half of the "
        "data in the generator's place, the other as data. Critics' step sizes fall to 0, so a curve that ends flat "
        "does not say that a longer training finds no more."
    )


def write_report(config: Config, plan: Plan, folder: Path) -> dict[str, Any]:
    """Writes result.json, result.md and divergence_table.png from the results of the trained critics."""
    names, finished = critic_names(config, plan), read_results(folder)
    results: list[CriticResult] = [one for name in names if (one := find_result(finished, name)) is not None]
    rows = summarize(results, trains=(*plan.train, FLOOR), forms=FORMS)
    entropies: dict[str, float] = {}
    for train in plan.train:
        values = {one["name"]["seed"]: one["entropy"] for one in results if one["name"]["train"] == train}
        entropies[train] = round(float(np.mean(list(values.values()))), 2)
    batch = min(config.evaluation_rows, len(plan.dataset) // config.evaluation_batches)
    protocol = protocol_of(config, plan, rows=batch)
    result = {
        "protocol": protocol,
        "seeds": list(range(config.seed, config.seed + config.seeds)),
        "rows": rows,
        "nats_per_example_left_to_chance": entropies,
        "seconds_of_critics": round(sum(one["seconds"] for one in results), 1),
        "commit": workdir.commit(),
    }
    write_json(folder / workdir.RESULT, result)
    table = divergence_table(rows, list(plan.measures), protocol=protocol, entropies=entropies)
    write_text(folder / "result.md", table)
    save_table_figure(
        folder / "divergence_table.png", sample_grids(config, plan), rows, results, measures=list(plan.measures),
        title=f"{plan.dataset.spec.name}: V of fresh critics, {config.seeds} seed{'s' if config.seeds > 1 else ''}; "
        "in brackets the published, of other networks and penalties",
    )  # fmt: skip
    return result


def sample_grids(config: Config, plan: Plan) -> dict[str, np.ndarray]:
    """Draws grids of data and of the first seed's samples, by title; none where the data are not images."""
    spec = plan.dataset.spec
    if spec.kind == "text":
        return {}

    held_out = generators.real_rows(plan.held_out)
    real = held_out[np.linspace(0, len(held_out) - 1, NUM_SHOWN, dtype=int)]  # files may be sorted by class
    grids = {"data": image_grid(data.to_images(real, spec=spec), columns=8)}
    for train in plan.train:
        sample = generators.train_or_load(generator_config(config, train, seed=config.seed))
        if sample is None:
            raise RuntimeError(f"the generator of {train} was not trained to its end, which the report needs")
        shown = generators.in_forms(sample(jax.random.key(config.seed), NUM_SHOWN))
        forms = plan.forms if train == WASSERSTEIN else (SAMPLES,)
        for form in forms:
            draw = data.mean_images if form == PROBABILITIES else data.to_images
            grids[row_title(train, form)] = image_grid(draw(shown[form], spec=spec), columns=8)
    return grids
