"""The paper's divergence table: what fresh critics say of generators trained by boundary seeking and by WGAN-GP.

    python -m experiments.divergence_table --workdir=runs/table

Trains a generator of binarised digits by boundary seeking with a Jensen-Shannon discriminator, one with a reverse-KL
discriminator, and WGAN-GP's through its probabilities, all of one architecture; freezes each; trains a new
discriminator per measure on each; and prints the paper's table with ours beside it. --train and --measure take any of
the divergences, and --forms what is shown of WGAN-GP's generator. Finished cells are kept in cells.jsonl, and the same
command goes on with the missing ones. result.md is the table with its protocol, divergence_table.png the page.

Measured on the whole of MNIST, seeds 0 to 2, on one of two busy cores, about 23 min a seed, by --seeds=3
--dataset=mnist --data_dir=../shared/data/tfds --critic_penalty=0.5 --evaluation_rows=1000, in parts at f88ef9a (the
first two of JS, the first of WGAN-GP), 586aebd (the others of both) and 0a7e71a (reverse KL). V, mean and standard
deviation over seeds; in brackets the published, of other networks, lengths and penalties:

                                 JS                  reverse KL          Wasserstein
    BGAN, JS                     0.38 ± 0.08 (0.37)  0.49 ± 0.09 (0.16)  0.73 ± 0.10 (0.40)
    BGAN, reverse KL             0.68 ± 0.15 (0.44)  1.15 ± 0.42 (0.44)  0.90 ± 0.17 (0.45)
    WGAN-GP (samples)            1.09 ± 0.09 (0.45)  3.65 ± 0.99 (1.32)  2.34 ± 0.15 (0.87)
    WGAN-GP (probabilities)      -                   -                   1.69 ± 0.25 (0.54)
    data (floor)                 0.00 ± 0.00         0.00 ± 0.00         0.02 ± 0.01

As published, in every column: the Jensen-Shannon generator is best, reverse KL's second, WGAN-GP's third, and samples
of WGAN-GP's are worse than the probabilities that it was trained through. All but the first cell are farther from the
data than the published ones: generators have had 800 steps, where the authors' code takes 230 times as many by default.

Reverse KL needs a discriminator with a shorter memory. At the settings of Jensen-Shannon its first gradients have norms
from 40 to 48,000 (there: 6), because F is pulled down without bound on samples that are easy to tell, and -e^-F on data
answers; Adam divides by their root mean square for a thousand steps and hardly moves F any more: V by JS was 1.08 for
seed 0 and 1.386, the maximum, one blot for every latent, for seed 1. With half the step and a second decay of 0.9 in
the place of 0.999 gradients have norms of 3 to 5 from step 300 on. Also tried for seed 1, by a judge's classifier score
(of 5.50 with the settings chosen): gradients clipped at norm 10, 5.48; the authors' step and penalty, 1e-3 and 5, 4.33;
a fifth of the penalty and half the generator's step, 4.60; penalty 5 halving every 200 steps, 3.97.

V has not levelled off after 400 steps of the critic: its step size has fallen to 0. With --critic_penalty=5, the
authors' gamma, the critics of the first row see next to nothing (seed 0: V = 0.04 for JS and for reverse KL).
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax import data
from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.evaluation.fresh_critic import WASSERSTEIN
from bgan_jax.evaluation.host_randomness import host_generator
from bgan_jax.runtime import workdir
from bgan_jax.runtime.image_files import image_grid
from experiments.divergence_table import generators, page
from experiments.divergence_table.cells import FLOOR, Cell, cell_name, find, keep, measure_cell, mend, read_cells
from experiments.divergence_table.config import PRESETS, SMOKE, Config
from experiments.divergence_table.generators import FORMS, PROBABILITIES, SAMPLES, Rows
from experiments.divergence_table.plan import Plan, generator_config, plan_for
from experiments.harness.cli.command import Command
from experiments.harness.runs.compilation_cache import enable_compilation_cache
from experiments.harness.runs.folders import open_folder

logger = logging.getLogger("bgan_jax")

PICTURED = 64
# Generated rows that critics learn from; beyond so many steps they see some of them again.
MOST_FAKES = 100_000


class Frozen(NamedTuple):
    """One generator, or the data in its place: rows by form, and the entropy of its conditionals in nats."""

    rows: dict[str, Rows]
    entropy: float | None


def frozen(config: Config, plan: Plan, train: str, *, seed: int) -> Frozen | None:
    """Trains a generator, if it is not there yet, and draws its rows; ``None`` when told to stop."""
    real, held_out = (generators.real_rows(split) for split in (plan.dataset, plan.held_out))
    if train == FLOOR:
        order = host_generator(jax.random.fold_in(jax.random.key(seed), 1)).permutation(len(real))
        return Frozen({SAMPLES: generators.floor_rows(real, held_out, order=order)}, entropy=None)
    sample = generators.trained(generator_config(config, train, seed=seed))
    if sample is None:
        return None
    num_fresh = min(config.evaluation_rows, len(real) // config.evaluation_batches) * config.evaluation_batches
    rows = generators.frozen_rows(
        sample,
        jax.random.fold_in(jax.random.key(seed), 2),
        real=real,
        held_out_real=held_out,
        num_fake=min(config.critic_steps * config.critic_batch_size, MOST_FAKES),
        num_fresh=num_fresh,
    )
    entropy = generators.pixel_entropy(rows[PROBABILITIES].fresh_fake, like=rows[SAMPLES].fresh_fake)
    return Frozen(rows, entropy)


def all_names(config: Config, plan: Plan) -> list[dict[str, Any]]:
    """The names of all cells that the flags ask for, seed by seed."""
    return [
        cell_name(
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


def fill(config: Config, plan: Plan, folder: Path) -> bool:
    """Measures the cells that are missing, and keeps each as it comes; false when told to stop."""
    finished = mend(folder)
    missing = [name for name in all_names(config, plan) if find(finished, name) is None]
    logger.info("%d of %d cells to measure", len(missing), len(all_names(config, plan)))
    current: tuple[tuple[str, int], Frozen] | None = None
    for name in missing:
        wanted = (name["train"], name["seed"])
        if current is None or current[0] != wanted:
            generator = frozen(config, plan, *wanted[:1], seed=wanted[1])
            if generator is None:
                return False
            current = wanted, generator
        cell = measure_cell(
            name,
            current[1].rows[name["form"]],
            networks=plan.networks,
            conditional=plan.conditional,
            settings=plan.measures[name["measure"]],
            num_batches=config.evaluation_batches,
            rows_per_batch=config.evaluation_rows,
        )
        keep(folder, cell | {"entropy": current[1].entropy})
        logger.info(
            "seed %d, %s by %s: V = %s (held-out data: %s), %.0f s", name["seed"],
            page.row_title(name["train"], name["form"]), page.TITLES[name["measure"]], cell["bound"]["mean"],
            cell["held_out"]["mean"], cell["seconds"],
        )  # fmt: skip
    return True


def protocol_of(config: Config, plan: Plan, *, rows: int) -> str:
    """How the numbers came about, in the words of a table's header."""
    penalties = ", ".join(
        f"{page.TITLES[name]} {settings.penalty_form} {settings.penalty:g}" for name, settings in plan.measures.items()
    )
    return (
        f"Generators of {plan.dataset.spec.name} ({len(plan.dataset):,} examples), {config.network}, {config.steps} "
        f"updates of batch {config.batch_size}, frozen at their moving averages; WGAN-GP with "
        f"{config.wasserstein_disc_steps} critic updates each, reverse KL with Adam's second decay at "
        f"{config.reverse_kl_adam_b2:g} and its discriminator's step size at {config.reverse_kl_learning_rate_disc:g}. "
        f"For every cell a new discriminator of {plan.networks.name}, {config.critic_steps} steps of "
        f"{config.critic_batch_size} data and as many generated rows; penalties: {penalties}. V without the penalty, "
        f"the mean of {config.evaluation_batches} batches of {rows} rows of the data that the critic learned from and "
        "as many generated rows that it never saw. JS is twice the Jensen-Shannon divergence, in nats, at most 1.386; "
        "reverse KL in nats; Wasserstein in units of the Euclidean distance between pictures. Floor: one half of the "
        "data in the generator's place, the other as data. Critics' step sizes fall to 0, so a curve that ends flat "
        "does not say that a longer training finds no more."
    )


def report(config: Config, plan: Plan, folder: Path) -> dict[str, Any]:
    """Writes result.json, result.md and divergence_table.png from the cells that are there."""
    names, finished = all_names(config, plan), read_cells(folder)
    cells: list[Cell] = [cell for name in names if (cell := find(finished, name)) is not None]
    rows = page.summarize(cells, trains=(*plan.train, FLOOR), forms=FORMS)
    entropies: dict[str, float] = {}
    for train in plan.train:
        values = {cell["name"]["seed"]: cell["entropy"] for cell in cells if cell["name"]["train"] == train}
        entropies[train] = round(float(np.mean(list(values.values()))), 2)
    batch = min(config.evaluation_rows, len(plan.dataset) // config.evaluation_batches)
    protocol = protocol_of(config, plan, rows=batch)
    result = {
        "protocol": protocol,
        "seeds": list(range(config.seed, config.seed + config.seeds)),
        "rows": rows,
        "nats_per_example_left_to_chance": entropies,
        "seconds_of_critics": round(sum(cell["seconds"] for cell in cells), 1),
        "commit": workdir.commit(),
    }
    write_json(folder / workdir.RESULT, result)
    table = page.markdown(rows, list(plan.measures), protocol=protocol, entropies=entropies)
    write_text(folder / "result.md", table)
    page.save_page(
        folder / "divergence_table.png", pictures_of(config, plan), rows, cells, measures=list(plan.measures),
        title=f"{plan.dataset.spec.name}: V of fresh critics, {config.seeds} seed{'s' if config.seeds > 1 else ''}; "
        "in brackets the published, of other networks and penalties",
    )  # fmt: skip
    return result


def pictures_of(config: Config, plan: Plan) -> dict[str, np.ndarray]:
    """Grids of data and of the first seed's samples, by title; empty where the data are no pictures."""
    spec = plan.dataset.spec
    if spec.kind == "text":
        return {}

    held_out = generators.real_rows(plan.held_out)
    real = held_out[np.linspace(0, len(held_out) - 1, PICTURED, dtype=int)]  # files may be sorted by class
    grids = {"data": image_grid(data.to_images(real, spec=spec), columns=8)}
    for train in plan.train:
        sample = generators.trained(generator_config(config, train, seed=config.seed))
        assert sample is not None, "all generators were trained before the report"
        shown = generators.in_forms(sample(jax.random.key(config.seed), PICTURED))
        forms = plan.forms if train == WASSERSTEIN else (SAMPLES,)
        for form in forms:
            draw = data.mean_images if form == PROBABILITIES else data.to_images
            grids[page.row_title(train, form)] = image_grid(draw(shown[form], spec=spec), columns=8)
    return grids


def main(config: Config) -> dict[str, Any] | None:
    """Trains what is missing, measures what is missing, and writes the table."""
    plan = plan_for(config)
    folder = open_folder(config)
    if config.compilation_cache:
        enable_compilation_cache()
    began = time.monotonic()
    if not fill(config, plan, folder):
        logger.info("stopped, as asked; the same command goes on")
        return None
    result = report(config, plan, folder)
    logger.info("\n%s", (folder / "result.md").read_text(encoding="utf-8"))
    logger.info(
        "result.md, result.json, divergence_table.png and cells.jsonl are in %s; %.1f min", folder,
        (time.monotonic() - began) / 60,
    )  # fmt: skip
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE, presets=PRESETS)
