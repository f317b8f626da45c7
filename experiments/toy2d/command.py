"""Trains generator objectives in the plane, side by side.

    python -m experiments.toy2d --workdir=runs/toy2d

Trains every objective from the same seeds, all seeds at once in one compiled step, on a distribution in the plane whose
density is known. toy2d.png is the page: samples of q over the density of p with the boundary F = 0, F with the field
that pushes generated points, and curves over the run; toy2d.gif shows it happen; result.md and result.json are the
table. --target picks the distribution, and --gen_steps=5 over-trains the generator, as in the paper's stability test.

What to see: where F > 0, at data that the generator misses, the arrows of boundary seeking point *away*: a generated
point is pulled back to F = 0 from either side, so any q on the boundary is a minimum, and modes that are lost stay
lost. The non-saturating objective pushes past the boundary and finds them.

About 2 minutes of one CPU core. docs/results/toy2d.md has the measurements.
"""

from __future__ import annotations

import functools
import logging
import math
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.continuous import ContinuousGame, ContinuousSettings
from bgan_jax.algorithms.state import Pair, adam_pair, init_state
from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.evaluation.planar import TARGETS, planar_log_density, planar_target, sample_planar
from bgan_jax.losses import DIVERGENCES, GENERATOR_OBJECTIVES, PENALTIES
from bgan_jax.networks import Networks, build_networks
from bgan_jax.runtime import workdir
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.flags import flag
from experiments.harness.cli.lists import split_list
from experiments.harness.cli.needs import above, lists
from experiments.harness.cli.shared_flags import SmokeFlag, WorkdirFlag
from experiments.harness.errors import UsageError
from experiments.harness.runs.folders import check_workdir, open_folder
from experiments.harness.runs.run_flags import (
    BY_A_DIVERGENCE,
    LengthFlags,
    PenaltyFlag,
    SeedFlag,
    StepSizeFlags,
    UpdateFlags,
)
from experiments.toy2d import figures
from experiments.toy2d.measurement import FINE, SAMPLES_SHOWN, coverage_of, make_observe
from experiments.toy2d.table import objectives_table
from experiments.toy2d.training import train_objective

logger = logging.getLogger("bgan_jax")

SMOKE = {
    "objectives": "boundary_seeking,wasserstein", "seeds": 2, "steps": 40, "frames": 2, "batch_size": 16, "width": 16,
    "measured_samples": 200,
}  # fmt: skip


PENALISED = [
    above("penalty", 0),
    lists("objectives", *(name for name in GENERATOR_OBJECTIVES if name != "wasserstein")),
]


@flags.config(
    steps=flags.override(4000, legal="a multiple of --frames", may_change=False),
    batch_size=flags.override(128, minimum=2),
    penalty=2.0,
)
class Config(SmokeFlag, PenaltyFlag, UpdateFlags, StepSizeFlags, LengthFlags, SeedFlag, WorkdirFlag):
    """The flags of this experiment."""

    target: str = flag("ring", "The distribution to learn.", group="data", common=True, choices=tuple(TARGETS))
    objectives: str = flag(
        "boundary_seeking,boundary_cross_entropy,non_saturating,minimax,least_squares,wasserstein",
        "What generators minimise, separated by commas.", group="generator", common=True,
        legal=", ".join(GENERATOR_OBJECTIVES),
    )  # fmt: skip
    divergence: str = flag(
        "gan", "What trains F, for objectives without a loss of their own.", group="discriminator", common=True,
        choices=tuple(DIVERGENCES), needs=[lists("objectives", *BY_A_DIVERGENCE)],
    )  # fmt: skip
    seeds: int = flag(4, "Number of runs of each objective, trained at once.", common=True, minimum=1)
    width: int = flag(64, "Units in each of the two hidden layers of either network.", group="networks", minimum=1)
    latent_dim: int = flag(16, "Size of the latents.", group="networks", minimum=1)
    penalty_form: str = flag(
        "gradient_norm",
        "The penalty. gradient_norm asks for a divergence: least squares and hinge take unweighted in its place, and "
        "wasserstein always has wgan_gp, constant.", group="discriminator", choices=tuple(PENALTIES),
        needs=PENALISED,
    )  # fmt: skip
    penalty_decay: float = flag(
        0.05, "What is left of gamma at the end of the run; it falls exponentially.", group="discriminator",
        minimum=1e-9, maximum=1.0, needs=PENALISED,
    )  # fmt: skip
    frames: int = flag(
        40, "Frames of the animation after the first, and points of the curves.", group="records", minimum=1
    )
    measured_samples: int = flag(2500, "Samples of each measurement.", group="records", minimum=2)


def players_for(config: Config) -> tuple[Networks, Pair]:
    """Builds networks and optimizers, the same for every objective."""
    networks = build_networks("mlp", example_shape=(2,), width=config.width, latent_dim=config.latent_dim)
    return networks, adam_pair(learning_rate_gen=config.learning_rate_gen, learning_rate_disc=config.learning_rate_disc)


def settings_for(config: Config, objective: str) -> ContinuousSettings:
    """Returns the settings of one objective, with the penalty that its discriminator can have.

    Raises:
      UsageError: an unknown objective, or settings that contradict each other.
    """
    form = config.penalty_form
    half_life = None if config.penalty_decay == 1.0 else config.steps / -math.log2(config.penalty_decay)
    if objective == "wasserstein":
        form, half_life = "wgan_gp", None
    elif (
        objective in GENERATOR_OBJECTIVES
        and PENALTIES[form].needs_divergence
        and not GENERATOR_OBJECTIVES[objective].uses_divergence
    ):
        form = "unweighted"
    try:
        return ContinuousSettings(
            objective=objective, divergence=config.divergence, penalty=config.penalty, penalty_form=form,
            penalty_half_life=half_life, disc_steps=config.disc_steps, gen_steps=config.gen_steps,
        )  # fmt: skip
    except ValueError as error:
        raise UsageError(str(error)) from error


def open_run(config: Config) -> tuple[list[str], Path]:
    """Checks the flags and opens the workdir.

    Raises:
      UsageError: a wrong flag, file or folder; nothing has been overwritten.
    """
    check_workdir(config, holds="the pictures and the table go there")
    objectives = split_list(config.objectives)
    if not objectives:
        raise UsageError(f"--objectives is empty; legal: {', '.join(GENERATOR_OBJECTIVES)}")
    if config.steps % config.frames:
        raise UsageError(f"--steps={config.steps} is not a multiple of --frames={config.frames}")
    for objective in objectives:
        settings_for(config, objective)
    return objectives, open_folder(config)


def main(config: Config) -> dict[str, Any]:
    """Trains every objective, and writes the page, the animation and the table."""
    objectives, folder = open_run(config)
    began = time.monotonic()
    target = planar_target(config.target)
    data = sample_planar(jax.random.key(config.seed), target, num_samples=config.measured_samples)
    density = np.exp(planar_log_density(jnp.asarray(figures.window(2 * FINE)), target=target))
    figures.save_data(folder / workdir.PICTURES / "real.png", density=density, data=np.asarray(data[:SAMPLES_SHOWN]))
    networks, optimizers = players_for(config)
    initialize = functools.partial(init_state, networks=networks, optimizers=optimizers)
    start = jax.jit(jax.vmap(initialize))(jax.random.split(jax.random.key(config.seed), config.seeds))
    observe = make_observe(networks, target, num_samples=config.measured_samples)
    columns, rows = zip(
        *(
            train_objective(
                ContinuousGame(networks, optimizers, settings_for(config, objective)), target, start=start,
                observe=observe, batch_size=config.batch_size, steps=config.steps, frames=config.frames,
            )
            for objective in objectives
        ),
        strict=True,
    )  # fmt: skip

    perfect = {name: float(value) for name, value in coverage_of(data, target)._asdict().items() if value.ndim == 0}
    title = f"{config.target.replace('_', ' ')}: {config.divergence} discriminator"
    title += f", {config.disc_steps} : {config.gen_steps} updates" if config.disc_steps != config.gen_steps else ""
    figures.save_page(
        folder / "toy2d.png", columns, density=density, data=np.asarray(data[:SAMPLES_SHOWN]),
        perfect=(perfect["modes_covered"], perfect["high_quality_fraction"]),
        title=f"{title}, step {config.steps}, {config.seeds} seeds",
    )  # fmt: skip
    figures.save_animation(folder / "toy2d.gif", columns, density=density, title=title)

    result = {
        "target": config.target,
        "num_modes": len(target.centers),
        "seeds": config.seeds,
        "steps": config.steps,
        "protocol": (
            f"{config.measured_samples} samples of the newest generator; high quality: within 3 standard deviations of "
            "a mode; covered: a mode with a fifth of its fair share of high-quality samples; mean and sd over seeds"
        ),
        "samples_of_p": perfect,
        "rows": list(rows),
        "seconds": round(time.monotonic() - began, 1),
        "commit": workdir.commit(),
    }
    write_json(folder / workdir.RESULT, result)
    write_text(folder / "result.md", objectives_table(rows, perfect, num_modes=len(target.centers)))
    logger.info("toy2d.png, toy2d.gif, result.json and result.md are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
