"""Pictures of real-valued pixels, by any of the generator objectives that the paper compares.

    python -m experiments.continuous_images --workdir=runs/images
    python -m experiments.continuous_images --workdir=runs/proxy --objective=non_saturating

Trains a DCGAN on emoji that ship with the package, then measures Frechet and kernel distances of samples from held-out
pictures, in the features of a small network trained on the real set, beside the floor that real pictures score. The
same trainer takes every objective, every divergence for F, every regulariser, n discriminator and m generator updates.
--preset=cifar_overtrain, celeba64 and resnet64 run the settings of the authors' code.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import jax

from bgan_jax.data import default_cache_dir
from bgan_jax.training import workdir
from bgan_jax.training.sampling import Sampler
from experiments.harness import continuous, flags
from experiments.harness.distances import Yardstick, sample_distances, yardstick_for
from experiments.harness.run import MEASUREMENTS, Experiment, open_split, run, start
from experiments.harness.showing import save_real

logger = logging.getLogger("bgan_jax")

# EXPERIMENTS of the paper: settings of the authors' Theano and PyTorch code.
_AUTHORS: dict[str, Any] = {
    "batch_size": 64, "learning_rate_gen": 1e-4, "learning_rate_disc": 1e-4, "average_decay": 0.0, "width": None,
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "cifar_overtrain": {
        **_AUTHORS, "dataset": "cifar10", "network": "dcgan32_cortex", "gen_steps": 5, "penalty": 1.0, "steps": 78000,
    },
    "celeba64": {
        **_AUTHORS, "dataset": "celeba64", "network": "dcgan64", "objective": "boundary_seeking_centered",
        "penalty": 0.0, "steps": 127000,
    },
    "resnet64": {**_AUTHORS, "dataset": "celeba64", "network": "resnet64", "penalty": 1.0, "steps": 95000},
}  # fmt: skip

SMOKE = {
    "steps": 4, "batch_size": 16, "width": 4, "report_every": 2, "checkpoint_every": 2, "picture_every": 2,
    "judged_samples": 100, "judge_steps": 5,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config(continuous.ContinuousConfig):
    """The flags of this experiment."""

    dataset: str = flags.knob("emoji32", "Name of the data set, or npz:PATH, images:PATH.")
    network: str = flags.knob(
        "dcgan32_cortex", "Preset of generator and discriminator.", choices=continuous.IMAGE_NETWORKS
    )
    width: int | None = flags.knob(32, "Base number of maps; empty is the preset's.", minimum=1)
    steps: int = flags.knob(3000, "Training steps at the end of the run.", minimum=1, may_change=True)
    learning_rate_gen: float = flags.knob(5e-4, "Adam's step size for the generator.", minimum=0.0)
    learning_rate_disc: float = flags.knob(5e-4, "Adam's step size for the discriminator.", minimum=0.0)
    average_decay: float = flags.knob(
        0.995, "Decay per update of the generator's moving average, which samples come from.", minimum=0.0, maximum=1.0
    )
    preset: str = flags.knob(
        "default", "Named settings; single flags override them.", choices=tuple(PRESETS), may_change=True
    )
    judged_samples: int = flags.knob(2000, "Samples that every measurement sees.", minimum=4, may_change=True)
    judge_steps: int = flags.knob(1000, "Training steps of the features' network.", minimum=1, may_change=True)


def yardstick_of(config: Config, experiment: Experiment) -> Yardstick:
    """What samples of the run are measured by."""
    return yardstick_for(
        experiment.dataset,
        open_split(config, "test"),
        folder=Path(config.cache_dir) if config.cache_dir else default_cache_dir(),
        steps=config.judge_steps,
        num_samples=config.judged_samples,
    )


def main(config: Config) -> dict[str, Any] | None:
    """Trains, samples, measures; the result goes to ``result.json``, distances over the run to measurements.jsonl."""
    experiment, folder = start(config, continuous.prepare)
    spec = experiment.dataset.spec
    yardstick = yardstick_of(config, experiment) if jax.process_index() == 0 else None

    def measure(step: int, sample: Sampler) -> dict[str, float]:
        assert yardstick is not None  # only process 0 takes pictures
        samples = sample(jax.random.key(config.seed + 1), yardstick.num_samples)
        found = sample_distances(yardstick, samples.x, spec=spec)
        logger.info("step %d: Frechet distance %.2f (real pictures: %.2f)", step, found["frechet"],
                    yardstick.floor["frechet"])  # fmt: skip
        return found

    outcome = run(experiment, folder, measure=measure)
    if outcome.step < config.steps or yardstick is None:
        return None
    save_real(folder / workdir.PICTURES / "real.png", experiment.dataset)
    samples = outcome.sample(jax.random.key(config.seed + 1), yardstick.num_samples)
    result = {
        "objective": config.objective,
        "divergence": config.divergence,
        "samples": sample_distances(yardstick, samples.x, spec=spec),
        "floor": yardstick.floor,
        "protocol": yardstick.protocol,
        "seed": config.seed,
        "steps": outcome.step,
        "training_seconds": round(outcome.seconds, 1),
        "commit": workdir.commit(),
    }
    workdir.write_json(folder / workdir.RESULT, result)
    logger.info("pictures, curves, %s and result.json are in %s", MEASUREMENTS, folder)
    return result


if __name__ == "__main__":
    flags.run(main, Config, description=__doc__, smoke=SMOKE, presets=PRESETS)
