"""Takes gradient steps on generated images themselves, to see where each objective pushes them.

    python -m experiments.pixel_descent --workdir=runs/pixel_descent

As in the paper, a DCGAN is trained with the proxy loss (non_saturating), its discriminator takes 1,000 more steps while
the generator is fixed, and then pictures of the generator descend on each objective, pixel by pixel, clipped to
[-1, 1]. descent-RATE.png shows them on their way; paths.png has F, the drift from the start, and the Frechet distance
along it; result.md and result.json are the table. Pictures go in batches of the training's size, and the discriminator
sees them as in training, normalised by their own batch.

About 8 minutes of one CPU core. docs/results/pixel_descent.md has the measurements.
"""

from __future__ import annotations

import logging
from typing import Any

import jax

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.losses import GENERATOR_OBJECTIVES
from bgan_jax.runtime import parallel, workdir
from bgan_jax.runtime.metrics import read_metrics
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.flags import flag
from experiments.harness.cli.lists import names_of, positive_numbers
from experiments.harness.errors import UsageError
from experiments.harness.runs import continuous, measured_run
from experiments.harness.runs.measured_run import MeasuredConfig, reference_metric_of, train_and_measure
from experiments.harness.runs.run_config import optimizers_for
from experiments.harness.runs.run_flags import BY_A_DIVERGENCE
from experiments.harness.runs.start import start
from experiments.pixel_descent.descent import descend_all, training_samples
from experiments.pixel_descent.discriminator_training import FOLDER, train_discriminator_alone
from experiments.pixel_descent.figures import save_descent, save_paths
from experiments.pixel_descent.table import descent_row, descents_table

logger = logging.getLogger("bgan_jax")

SMOKE = {
    "steps": 2, "disc_steps_after": 2, "batch_size": 16, "width": 4, "descent_objectives": "minimax,boundary_seeking",
    "descent_rates": "0.1", "descent_steps": 3, "judged_samples": 32, "judge_steps": 5, "report_every": 1,
    "picture_every": 0,
}  # fmt: skip


@flags.config(
    dataset=flags.override("emoji32", legal="a name, npz:PATH or images:PATH"),
    network=flags.override("dcgan32_cortex", choices=continuous.IMAGE_NETWORKS),
    width=16,
    # The discriminator's own steps come after these, so neither they nor the images can change.
    steps=flags.override(1500, may_change=False),
    judged_samples=flags.override(512, legal="at least 4, and a multiple of the batch", may_change=False),
    objective="non_saturating",
    divergence=flags.override(common=False),
    learning_rate_gen=flags.override(5e-4, common=False),
    learning_rate_disc=flags.override(5e-4, common=False),
)
class Config(MeasuredConfig):
    """The flags of this experiment."""

    disc_steps_after: int = flag(
        1000, "Discriminator updates after training, with the generator fixed.", group="descent", common=True, minimum=1
    )
    descent_objectives: str = flag(
        "minimax,non_saturating,boundary_seeking", "What images descend on, separated by commas.", group="descent",
        common=True, legal=", ".join(BY_A_DIVERGENCE),
    )  # fmt: skip
    descent_rates: str = flag(
        "0.01,0.1,1", "Step sizes of the descent, separated by commas.", group="descent", common=True
    )
    descent_steps: int = flag(100, "Steps of the descent.", group="descent", common=True, minimum=1)


def objectives_and_rates(config: Config) -> tuple[list[str], list[float]]:
    """Parses the objectives to descend on, and the step sizes.

    Raises:
      UsageError: a list holds something that is not legal, or the pictures do not fill batches.
    """
    by_logit = [name for name, objective in GENERATOR_OBJECTIVES.items() if objective.uses_divergence]
    names = names_of("descent_objectives", config.descent_objectives, legal=by_logit)
    if not GENERATOR_OBJECTIVES[config.objective].uses_divergence:
        raise UsageError(f"--objective={config.objective} trains no F to descend on; legal: {', '.join(by_logit)}")
    rates = positive_numbers("descent_rates", config.descent_rates)
    if config.judged_samples % config.batch_size:
        raise UsageError(
            f"--judged_samples={config.judged_samples} is not a multiple of --batch_size={config.batch_size}: pictures "
            "descend in batches of the training's size"
        )
    return names, rates


def main(config: Config) -> dict[str, Any] | None:
    """Trains both players, then the discriminator alone, then descends; ``None`` when stopped by a signal."""
    objectives, rates = objectives_and_rates(config)
    if config.seeds > 1:
        raise UsageError(f"--seeds={config.seeds}: the descent is from one generator; run it for each --seed instead")
    if config.num_processes is not None and config.num_processes > 1:
        raise UsageError("--num_processes: the descent runs on one host; its devices share the training")
    experiment, folder = start(config, measured_run.prepare)
    spec = experiment.dataset.spec
    reference_metric = reference_metric_of(experiment)
    outcome, trained = train_and_measure(experiment, folder, reference_metric=reference_metric)
    if trained is None:
        return None
    state = train_discriminator_alone(config, outcome.state, experiment, folder, steps=config.disc_steps_after)
    if state is None:
        return None
    host = parallel.to_host(state)
    state = host.replace(key=jax.random.wrap_key_data(host.key))
    networks = continuous.networks_for(vars(config), spec, platform=experiment.launcher.platform.name, axis_name=None)
    start_images = training_samples(
        state, jax.random.key(config.seed + 1), networks=networks, num_samples=config.judged_samples,
        batch_size=config.batch_size,
    )  # fmt: skip
    descents = descend_all(
        state, start_images, objectives=objectives, rates=rates, divergence=config.divergence, networks=networks,
        optimizers=optimizers_for(config), steps=config.descent_steps, batch_size=config.batch_size, spec=spec,
        reference_metric=reference_metric,
    )  # fmt: skip
    rows = [descent_row(descent) for descent in descents]
    about_disc = read_metrics(folder / FOLDER / workdir.METRICS)[-1]
    result = {
        "trained": {name: trained[name] for name in ("objective", "samples", "steps", "training_seconds")},
        "discriminator": {
            name: round(about_disc[name], 3) for name in ("real_logit", "fake_logit", "real_accuracy", "fake_accuracy")
        },
        "descents": rows,
        "floor": reference_metric.floor,
        "protocol": reference_metric.protocol,
        "seed": config.seed,
        "commit": workdir.commit(),
    }
    for rate in dict.fromkeys(rates):
        at_rate = [descent for descent in descents if descent.rate == rate]
        save_descent(folder / f"descent-{rate:g}.png", at_rate, spec=spec)
    save_paths(folder / "paths.png", descents, floor=reference_metric.floor["frechet"])
    write_text(folder / "result.md", descents_table(rows, floor=reference_metric.floor["frechet"]))
    write_json(folder / workdir.RESULT, result)
    logger.info("descent-RATE.png, paths.png, result.md and result.json are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
