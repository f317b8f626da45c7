"""Where each objective pushes generated pictures: descent on the pixels themselves, past the generator.

    python -m experiments.pixel_descent --workdir=runs/pixel_descent

As in the paper, a DCGAN is trained with the proxy loss (non_saturating), its discriminator takes 1,000 more steps while
the generator rests, and then pictures of the generator go down the slope of each objective, pixel by pixel, clipped to
[-1, 1]. descent-RATE.png shows them on their way; paths.png has F, the drift from the start, and the Frechet distance
along it; result.md and result.json are the table. Pictures go in batches of the training's size, and the discriminator
sees them as in training, normalised by their own batch.

Measured by the command above, one seed, 475 s of one busy CPU core (AMD EPYC), at d95132a; Frechet distance before the
descent 13.3 (real pictures 4.4), mean F -6.9; after 100 steps:

| objective | rate | mean F | F > 0 | drift | Frechet |
|---|---|---|---|---|---|
| minimax | 0.01 | -6.91 | 0.00 | 0.01 | 13.3 |
| non_saturating | 0.01 | +0.90 | 0.90 | 2.28 | 13.1 |
| boundary_seeking | 0.01 | 0.00 | | 2.06 | 13.0 |
| minimax | 0.1 | -6.51 | 0.00 | 0.15 | 13.3 |
| non_saturating | 0.1 | +4.31 | 1.00 | 3.41 | 13.2 |
| boundary_seeking | 0.1 | 0.00 | | 3.40 | 13.6 |
| minimax | 1 | +35.75 | 1.00 | 27.41 | 72.0 |
| non_saturating | 1 | +6.53 | 1.00 | 4.45 | 13.3 |
| boundary_seeking | 1 | 0.00 | | 36.60 | 53.9 |

As in the paper, boundary seeking stops at F = 0 and stays there, where the proxy goes on past it and drifts on; minimax
does not move while F is far below 0, then never stops. That its pictures degrade least holds at small rates only: its
slope is 2 |F| times that of F, 14 at the start, so at rate 1 its first step leaps and leaves noise on which F is 0.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.continuous import (
    ContinuousGame,
    ContinuousSettings,
    Metrics,
    point_gradients,
    train_discriminator,
)
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.state import TrainState
from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.data import DatasetSpec
from bgan_jax.losses import GENERATOR_OBJECTIVES
from bgan_jax.runtime import parallel, workdir
from bgan_jax.runtime.metrics import read_metrics
from experiments.harness.cli.command import Command
from experiments.harness.cli.errors import UsageError
from experiments.harness.cli.flags import flag
from experiments.harness.metrics import measured_training
from experiments.harness.metrics.distances import Yardstick, sample_distances
from experiments.harness.metrics.measured_training import MeasuredConfig, train_and_measure, yardstick_of
from experiments.harness.runs import continuous
from experiments.harness.runs.folders import open_folder
from experiments.harness.runs.run import Experiment, run, start
from experiments.harness.runs.run_config import optimizers_for, settings_from
from experiments.pixel_descent.figures import Descent, save_descent, save_paths

logger = logging.getLogger("bgan_jax")

SMOKE = {
    "steps": 2, "disc_steps_after": 2, "batch_size": 16, "width": 4, "descent_objectives": "minimax,boundary_seeking",
    "descent_rates": "0.1", "descent_steps": 3, "judged_samples": 32, "judge_steps": 5, "report_every": 1,
    "picture_every": 0,
}  # fmt: skip
MOMENTS = 6


@dataclasses.dataclass(frozen=True)
class Config(MeasuredConfig):
    """The flags of this experiment."""

    dataset: str = flag("emoji32", "Name of the data set, or npz:PATH, images:PATH.")
    network: str = flag("dcgan32_cortex", "Preset of generator and discriminator.", choices=continuous.IMAGE_NETWORKS)
    width: int | None = flag(16, "Base number of maps; empty is the preset's.", minimum=1)
    steps: int = flag(1500, "Training steps of both players, before the discriminator's own.", minimum=1)
    objective: str = flag("non_saturating", "What the generator is trained by.", choices=tuple(GENERATOR_OBJECTIVES))
    learning_rate_gen: float = flag(5e-4, "Adam's step size for the generator.", minimum=0.0)
    learning_rate_disc: float = flag(5e-4, "Adam's step size for the discriminator.", minimum=0.0)
    average_decay: float = flag(
        0.99, "Decay per update of the generator's moving average, which is measured in training.", minimum=0.0,
        maximum=1.0,
    )  # fmt: skip
    judged_samples: int = flag(
        512, "Pictures that descend, and that every measurement sees; a multiple of the batch.", minimum=4
    )
    disc_steps_after: int = flag(1000, "Discriminator updates after training, with the generator fixed.", minimum=1)
    descent_objectives: str = flag(
        "minimax,non_saturating,boundary_seeking", "What pictures descend on, separated by commas; of those by F."
    )
    descent_rates: str = flag("0.01,0.1,1", "Step sizes of the descent, separated by commas.")
    descent_steps: int = flag(100, "Steps of the descent.", minimum=1)


def names_and_rates(config: Config) -> tuple[list[str], list[float]]:
    """What to descend on, and how fast.

    Raises:
      UsageError: a list holds something that is not legal, or the pictures do not fill batches.
    """
    by_logit = [name for name, objective in GENERATOR_OBJECTIVES.items() if objective.uses_divergence]
    names = list(dict.fromkeys(part.strip() for part in config.descent_objectives.split(",") if part.strip()))
    for name in names:
        if name not in by_logit:
            raise UsageError(f"--descent_objectives: {name!r} is none of those by F: {', '.join(by_logit)}")
    if not names:
        raise UsageError(f"--descent_objectives is empty; legal: {', '.join(by_logit)}")
    if not GENERATOR_OBJECTIVES[config.objective].uses_divergence:
        raise UsageError(f"--objective={config.objective} trains no F to descend on; legal: {', '.join(by_logit)}")
    try:
        rates = [float(part) for part in config.descent_rates.split(",") if part.strip()]
    except ValueError as error:
        raise UsageError(f"--descent_rates={config.descent_rates} holds something that is no number") from error
    if not rates or not all(0.0 < rate < np.inf for rate in rates):
        raise UsageError(f"--descent_rates={config.descent_rates}: give step sizes above 0, separated by commas")
    if config.judged_samples % config.batch_size:
        raise UsageError(
            f"--judged_samples={config.judged_samples} is no multiple of --batch_size={config.batch_size}: pictures "
            "descend in batches of the training's size"
        )
    return names, rates


def discriminator_step(
    state: TrainState, real: jax.Array, example_index: jax.Array, *, game: ContinuousGame, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """One update of the discriminator while the generator rests; arguments as those of ``continuous_step``."""
    fakes = generate(state, jax.random.fold_in(state.key, state.step), example_index, networks=game.networks)
    state, metrics = train_discriminator(state, real[0], fakes, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), metrics


def sharpen(config: Config, trained: TrainState, experiment: Experiment, folder: Path) -> TrainState | None:
    """The state after the discriminator's own steps, a run in a folder of its own; ``None`` when told to stop."""
    alone = dataclasses.replace(
        config, workdir=str(folder / "discriminator"), steps=config.disc_steps_after, disc_steps=1, gen_steps=1,
        picture_every=0, checkpoint_every=config.disc_steps_after,
    )  # fmt: skip
    settings = settings_from(ContinuousSettings, alone)
    host = parallel.to_host(trained)

    def step_over(axis_name: str | None) -> Any:
        networks = continuous.networks_for(vars(config), experiment.dataset.spec, axis_name=axis_name)
        game = ContinuousGame(networks=networks, optimizers=optimizers_for(config), settings=settings)
        return functools.partial(discriminator_step, game=game)

    open_folder(alone)
    outcome = run(
        experiment._replace(
            config=alone,
            initialize=lambda key: jax.tree.map(jnp.asarray, host.replace(key=jax.random.wrap_key_data(host.key))),
            step_over=step_over,
            title=f"{config.dataset}, the discriminator alone",
        ),
        Path(alone.workdir),
    )
    return outcome.state if outcome.step == alone.steps else None


def moments_of(steps: int) -> list[int]:
    """Some of the steps from 0 to the last, closer together at the start.

    Example:
      >>> moments_of(100)
      [0, 2, 5, 14, 38, 100]
    """
    later = np.geomspace(max(steps / 50, 1.0), steps, MOMENTS - 1).round().astype(int)
    return [0, *sorted({int(step) for step in later})]


def descend(
    state: TrainState, start: np.ndarray, *, game: ContinuousGame, rate: float, steps: int, batch_size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Pictures down the slope of the game's objective: :math:`x \leftarrow \mathrm{clip}(x - \eta \nabla_x L(F(x)))`.

    Args:
      state: a run's state; its discriminator is used as in training and not changed.
      start: pictures, ``[N, H, W, C]`` in [-1, 1]; batches of them fill up.
      game: networks and objective.
      rate: the step size eta.
      steps: how many.
      batch_size: pictures whose batch statistics the discriminator takes together.

    Returns:
      F ``[steps + 1, N]``, drift ``[steps + 1, N]``, and the pictures at :func:`moments_of` the steps,
      ``[moments, N, H, W, C]``.
    """

    @jax.jit
    def step(state: TrainState, points: jax.Array, first: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        slopes, _, logits = point_gradients(state, points, game=game)
        drift = jnp.sqrt(jnp.sum(jnp.square(points - first), axis=(1, 2, 3)))
        return jnp.clip(points - rate * slopes, -1.0, 1.0), logits, drift

    moments = moments_of(steps)
    courses = []
    for place in range(0, len(start), batch_size):
        points = first = jnp.asarray(start[place : place + batch_size])
        course: list[tuple[Any, Any]] = []
        kept = []
        for number in range(steps + 1):
            if number in moments:
                kept.append(np.asarray(points))
            points, logits, drift = step(state, points, first)
            course.append((logits, drift))
        courses.append((*(np.stack(series) for series in zip(*course, strict=True)), np.stack(kept)))
    logits, drift, pictures = (np.concatenate(parts, axis=1) for parts in zip(*courses, strict=True))
    return logits, drift, pictures


def descents_of(
    config: Config, state: TrainState, start: np.ndarray, *, spec: DatasetSpec, yardstick: Yardstick
) -> list[Descent]:
    """Every objective at every rate, from the same pictures."""
    names, rates = names_and_rates(config)
    networks = continuous.networks_for(vars(config), spec, axis_name=None)
    moments, found = moments_of(config.descent_steps), []
    for rate in rates:
        for name in names:
            settings = ContinuousSettings(objective=name, divergence=config.divergence, penalty=0.0)
            game = ContinuousGame(networks=networks, optimizers=optimizers_for(config), settings=settings)
            logits, drift, kept = descend(
                state, start, game=game, rate=rate, steps=config.descent_steps, batch_size=config.batch_size
            )
            frechet = [sample_distances(yardstick, pictures, spec=spec)["frechet"] for pictures in kept]
            found.append(Descent(name, rate, logits, drift, moments, kept, frechet))
            logger.info("%s at rate %g: mean F from %+.2f to %+.2f, drift %.2f, Frechet distance from %.2f to %.2f",
                        name, rate, logits[0].mean(), logits[-1].mean(), drift[-1].mean(), frechet[0],
                        frechet[-1])  # fmt: skip
    return found


def row_of(descent: Descent) -> dict[str, Any]:
    """One descent in numbers."""
    means = descent.logits.mean(axis=1)
    # Nine tenths of the way from where F starts, below 0, to the boundary: seeking it, F comes near and never crosses.
    reached = np.flatnonzero(means >= min(0.1 * float(means[0]), 0.0))
    return {
        "objective": descent.objective,
        "rate": descent.rate,
        "mean_logit": [round(float(means[step]), 3) for step in descent.moments],
        "highest_mean_logit": round(float(means.max()), 3),
        "last_rms_logit": round(float(np.sqrt(np.square(descent.logits[-1]).mean())), 3),
        "share_beyond_boundary": round(float(np.mean(descent.logits[-1] > 0.0)), 3),
        "steps_to_boundary": int(reached[0]) if len(reached) else None,
        "drift_at_boundary": round(float(descent.drift[reached[0]].mean()), 3) if len(reached) else None,
        "drift": [round(float(descent.drift[step].mean()), 3) for step in descent.moments],
        "frechet": descent.frechet,
        "moments": descent.moments,
    }


def markdown(rows: Sequence[dict[str, Any]], *, floor: float) -> str:
    """The table."""
    lines = [
        f"Frechet distance of as many real pictures: {floor:.2f}.",
        "",
        f"Before the descent: {rows[0]['frechet'][0]:.2f}, with a mean F of {rows[0]['mean_logit'][0]:+.2f}.",
        "",
        "| objective | rate | mean F | rms F | F > 0 | steps to near 0 | drift there | drift | Frechet | at worst |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        reached = row["steps_to_boundary"]
        cells = [
            row["objective"], f"{row['rate']:g}", f"{row['mean_logit'][-1]:+.2f}", f"{row['last_rms_logit']:.2f}",
            f"{row['share_beyond_boundary']:.2f}", "-" if reached is None else str(reached),
            "-" if reached is None else f"{row['drift_at_boundary']:.2f}", f"{row['drift'][-1]:.2f}",
            f"{row['frechet'][-1]:.2f}", f"{max(row['frechet']):.2f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(config: Config) -> dict[str, Any] | None:
    """Trains, sharpens the discriminator, descends; ``None`` when told to stop."""
    names_and_rates(config)
    if config.seeds > 1:
        raise UsageError(f"--seeds={config.seeds}: the descent is from one generator; run it for each --seed instead")
    if config.num_processes is not None and config.num_processes > 1:
        raise UsageError("--num_processes: the descent runs on one host; its devices share the training")
    experiment, folder = start(config, measured_training.prepare)
    spec = experiment.dataset.spec
    yardstick = yardstick_of(experiment)
    outcome, trained = train_and_measure(experiment, folder, yardstick=yardstick)
    if trained is None:
        return None
    state = sharpen(config, outcome.state, experiment, folder)
    if state is None:
        return None
    host = parallel.to_host(state)
    state = host.replace(key=jax.random.wrap_key_data(host.key))
    networks = continuous.networks_for(vars(config), spec, axis_name=None)
    # Pictures as the discriminator saw them in training: of the newest generator, normalised by their batch.
    draw = jax.jit(lambda key, index: generate(state, key, index, networks=networks).logits)
    key = jax.random.key(config.seed + 1)
    pictures = np.concatenate([
        np.asarray(draw(key, place + jnp.arange(config.batch_size)))
        for place in range(0, config.judged_samples, config.batch_size)
    ])  # fmt: skip
    descents = descents_of(config, state, pictures, spec=spec, yardstick=yardstick)
    rows = [row_of(descent) for descent in descents]
    about_disc = read_metrics(folder / "discriminator" / workdir.METRICS)[-1]
    result = {
        "trained": {name: trained[name] for name in ("objective", "samples", "steps", "training_seconds")},
        "discriminator": {
            name: round(about_disc[name], 3) for name in ("real_logit", "fake_logit", "real_accuracy", "fake_accuracy")
        },
        "descents": rows,
        "floor": yardstick.floor,
        "protocol": yardstick.protocol,
        "seed": config.seed,
        "commit": workdir.commit(),
    }
    for rate in dict.fromkeys(descent.rate for descent in descents):
        at_rate = [descent for descent in descents if descent.rate == rate]
        save_descent(folder / f"descent-{rate:g}.png", at_rate, spec=spec)
    save_paths(folder / "paths.png", descents, floor=yardstick.floor["frechet"])
    write_text(folder / "result.md", markdown(rows, floor=yardstick.floor["frechet"]))
    write_json(folder / workdir.RESULT, result)
    logger.info("descent-RATE.png, paths.png, result.md and result.json are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
