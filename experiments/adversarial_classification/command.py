"""Trains a classifier as the generator of labels, by every system of the paper's table.

    python -m experiments.adversarial_classification --workdir=runs/classification

By default on the digits that ship with the package, at 16x16. Images, network and epochs are small, so that two
cores can train all 22 systems with two seeds each. --preset=full is the paper's setting, as recalled. Finished runs are
kept in curves/, and the same command trains those that are missing; --systems=gan,cross_entropy trains a part of the
table.

About 17 minutes of one CPU core. docs/results/adversarial_classification.md has the measurements, also on CIFAR-10.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optax

from bgan_jax.algorithms.classification import PENALTY_INPUTS
from bgan_jax.algorithms.settings import MOST_UPDATES
from bgan_jax.algorithms.state import Pair, adam_pair
from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.data import check_schedule, open_dataset
from bgan_jax.losses import PENALTIES
from bgan_jax.networks import ClassifierNetworks, build_classifier_networks
from bgan_jax.runtime import hosts, parallel, workdir
from bgan_jax.runtime.image_files import image_grid, save_png
from bgan_jax.runtime.platform import Platform, this_process
from experiments.adversarial_classification import systems
from experiments.adversarial_classification.curves import train_or_read_curves
from experiments.adversarial_classification.figures import save_curves
from experiments.adversarial_classification.labelled_images import LabelledImages, labelled_images
from experiments.adversarial_classification.table import system_row, systems_table
from experiments.adversarial_classification.training import (
    Trainer,
    error_counter,
    initializer,
    trainer,
)
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.compilation_cache import enable_compilation_cache
from experiments.harness.cli.flags import flag
from experiments.harness.cli.needs import Need, above, satisfies
from experiments.harness.cli.shared_flags import PresetFlag, SmokeFlag, WorkdirFlag
from experiments.harness.errors import UsageError
from experiments.harness.reports.sample_grids import NUM_REAL
from experiments.harness.runs.folders import check_folder, check_workdir, open_folder
from experiments.harness.runs.run_flags import (
    AdamFlags,
    HostFlags,
    ImageFlags,
    LauncherFlags,
    PenaltyStrideFlags,
    SeedFlags,
)
from experiments.harness.runs.start import check_same_flags, join_hosts

logger = logging.getLogger("bgan_jax")

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # The paper's, as recalled; what it leaves open is filled in as the docs suggest. For an accelerator.
    "full": {
        "dataset": "cifar10", "reduction": 1, "width": 64, "epochs": 200, "critic_epochs": 600,
        "learning_rate_gen": 1e-4, "learning_rate_disc": 1e-4, "num_samples": 20, "penalty_stride": 1,
        "average_decay": 0.0, "measurements": 50, "seeds": 1,
    },
}  # fmt: skip

SMOKE = {
    "systems": "cross_entropy,gan/importance_sampling", "seeds": 2, "examples": 64,
    "reduction": 2, "width": 2, "epochs": 1, "critic_epochs": 1, "batch_size": 16, "num_samples": 3,
    "penalty_stride": 2, "measurements": 2, "critic_steps": 2,
}  # fmt: skip


def _trains(test: Callable[[str], bool], words: str) -> Need:
    """Needs a system of some kind among those that are trained."""

    def is_met(text: str) -> bool:
        try:
            return any(test(name) for name in systems.chosen(text))
        except ValueError:
            return True  # A wrong name is refused when the flags are checked.

    return satisfies("systems", is_met, f"{words} in --systems")


ADVERSARIAL = _trains(lambda name: "/" in name, "a divergence")
DRAWING = _trains(lambda name: "/" in name and not name.endswith("/exact"), "a divergence that draws labels")
WITH_A_CRITIC = _trains(lambda name: name == systems.WASSERSTEIN, systems.WASSERSTEIN)
WITHOUT_A_CRITIC = _trains(lambda name: name != systems.WASSERSTEIN, f"something other than {systems.WASSERSTEIN}")
WITH_AN_OPPONENT = _trains(lambda name: name != systems.CROSS_ENTROPY, f"something other than {systems.CROSS_ENTROPY}")


@flags.config(
    preset=flags.override(choices=tuple(PRESETS)),
    seeds=flags.override(2, may_change=True),
    seed=flags.override(maximum=2**20),
    dataset=flags.override(
        "mnist10k", legal="labelled images: a name, npz:PATH or images:PATH with a folder for every label"
    ),
    learning_rate_disc=flags.override(needs=[WITH_AN_OPPONENT]),
    penalty=flags.override(needs=[ADVERSARIAL]),
    penalty_stride=flags.override(4, needs=[ADVERSARIAL, above("penalty", 0)]),
)
class Config(
    SmokeFlag, PresetFlag, HostFlags, LauncherFlags, PenaltyStrideFlags, AdamFlags, SeedFlags, ImageFlags, WorkdirFlag
):
    """The flags of this experiment."""

    systems: str = flag(
        "all", "What to train: systems, columns or divergences, separated by commas; all is every one.", common=True,
        may_change=True,
    )  # fmt: skip
    examples: int | None = flag(
        None, "Training images, spread evenly over the set; empty is all.", group="data", common=True, minimum=16
    )
    reduction: int = flag(
        2, "Squares of so many pixels a side are averaged into one.", group="data", minimum=1, maximum=64
    )
    width: int = flag(
        16, "Maps of the first convolution; the paper's size is 64.", group="networks", common=True, minimum=1
    )
    epochs: int = flag(5, "Passes over the training images.", common=True, minimum=1, needs=[WITHOUT_A_CRITIC])
    critic_epochs: int = flag(
        5, "Passes of the classifier that has a critic; the paper gave it three times as many.", group="critic",
        minimum=1, needs=[WITH_A_CRITIC],
    )  # fmt: skip
    batch_size: int = flag(64, "Images per step over all devices.", common=True, minimum=1)
    num_samples: int = flag(
        10, "Labels drawn for each image (M).", group="generator", common=True, minimum=2, needs=[DRAWING]
    )
    disc_steps: int = flag(
        1,
        "Discriminator updates per step of the classifier.",
        group="discriminator",
        minimum=1,
        maximum=MOST_UPDATES,
        needs=[ADVERSARIAL],
    )
    penalty_form: str = flag(
        "authors", "The penalty; authors: gradient_norm for gan and jensen_shannon, else unweighted, as in their code.",
        group="discriminator", choices=("authors", *PENALTIES), needs=[ADVERSARIAL, above("penalty", 0)],
    )  # fmt: skip
    penalty_inputs: str = flag(
        "image", "What the penalty differentiates F by.", group="discriminator", choices=PENALTY_INPUTS,
        needs=[ADVERSARIAL, above("penalty", 0)],
    )  # fmt: skip
    average_decay: float = flag(
        0.99, "Decay per update of the classifier's moving average, which is measured; 0 measures the newest.",
        group="generator", minimum=0.0, maximum=1.0,
    )  # fmt: skip
    critic_clip: float = flag(
        0.1, "Bound of the critic's parameters.", group="critic", minimum=1e-9, needs=[WITH_A_CRITIC]
    )
    critic_steps: int = flag(
        1, "Critic updates per step.", group="critic", minimum=1, maximum=MOST_UPDATES, needs=[WITH_A_CRITIC]
    )
    measurements: int = flag(5, "Points of every curve.", group="records", minimum=1)


def system_for(config: Config, name: str) -> systems.System:
    """Returns a system with the flags' settings."""
    return systems.system(
        name, num_samples=config.num_samples, penalty=config.penalty,
        penalty_stride=config.penalty_stride, penalty_form=config.penalty_form,
        penalty_inputs=config.penalty_inputs, disc_steps=config.disc_steps,
        critic_clip=config.critic_clip, critic_steps=config.critic_steps, average_decay=config.average_decay,
    )  # fmt: skip


def epochs_for(config: Config, name: str) -> int:
    """Returns the passes over the training images of one system."""
    return config.critic_epochs if name == systems.WASSERSTEIN else config.epochs


def open_data(config: Config) -> tuple[LabelledImages, LabelledImages]:
    """Opens the training and the test images."""
    names = ("data_dir", "cache_dir", "download", "resolution", "value_range")
    options: dict[str, Any] = {name: getattr(config, name) for name in names}
    greys: dict[str, Any] = {"binarization": "none"} if config.dataset.startswith("mnist") else {}
    train, test = (
        labelled_images(open_dataset(config.dataset, split=split, **options, **greys), reduction=config.reduction)
        for split in ("train", "test")
    )
    return train.evenly_spaced(config.examples or len(train.labels)), test


def optimizers_for(config: Config) -> Pair:
    """Returns Adam for both players, each on one flat vector: faster than on thirty small arrays, also to compile."""
    adams = adam_pair(
        learning_rate_gen=config.learning_rate_gen, learning_rate_disc=config.learning_rate_disc, b1=config.adam_b1
    )
    return Pair(gen=optax.flatten(adams.gen), disc=optax.flatten(adams.disc))


def networks_for(config: Config, train: LabelledImages, *, platform: str) -> Callable[[str | None], ClassifierNetworks]:
    """Returns the function ``axis_name -> networks``, for a platform."""
    return lambda axis_name: build_classifier_networks(
        example_shape=train.images.shape[1:], num_classes=int(train.labels.max()) + 1, width=config.width,
        axis_name=axis_name, platform=platform,
    )  # fmt: skip


def trainers_for(config: Config, platform: Platform, train: LabelledImages) -> dict[str, Trainer]:
    """Makes a trainer for every system, for a platform.

    Raises:
      ValueError: sizes that the devices, or the order of the data, cannot honour.
    """
    devices = len(platform.devices)
    parallel.check_batch_divides(config.batch_size, devices=devices)
    if flags.unmet_need(config, "penalty_stride") is None:
        parallel.check_stride_divides(config.penalty_stride, batch_size=config.batch_size, devices=devices)
    if len(train.labels) < config.batch_size:
        raise ValueError(f"--batch_size={config.batch_size} is more than the {len(train.labels)} training images")
    made = {name: system_for(config, name) for name in systems.chosen(config.systems)}
    for name, system in made.items():
        steps = epochs_for(config, name) * (len(train.labels) // config.batch_size)
        check_schedule(num_steps=2 * steps * system.minibatches, batch_size=config.batch_size)
    launcher = parallel.launcher_for(platform, config.parallel)
    build, optimizers = networks_for(config, train, platform=platform.name), optimizers_for(config)
    initialize = initializer(build(None), optimizers=optimizers)
    return {
        name: trainer(
            system, build=build, initialize=initialize, optimizers=optimizers, split=train,
            batch_size=config.batch_size, launcher=launcher,
        )
        for name, system in made.items()
    }  # fmt: skip


def start(config: Config) -> tuple[Platform, dict[str, Trainer], LabelledImages, LabelledImages]:
    """Joins the hosts, checks the flags, opens the data and the workdir, and makes a trainer for every system.

    Raises:
      UsageError: a wrong flag, file or folder; nothing has been overwritten.
    """
    check_workdir(config, holds="the table and the picture go there")
    try:
        systems.chosen(config.systems)
        join_hosts(config)
        hosts.on_first(lambda: check_folder(config))
        platform = this_process()
        train, test = open_data(config)
        trainers = trainers_for(config, platform, train)
        check_same_flags(config, dataset=[len(train.labels), *train.images.shape[1:], len(test.labels)])
        hosts.on_first(lambda: open_folder(config))
    except UsageError:
        raise
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error
    return platform, trainers, train, test


def protocol(config: Config, train: LabelledImages, test: LabelledImages) -> str:
    """Describes what was trained and measured, in a sentence."""
    height, width, channels = train.images.shape[1:]
    average = f"a moving average ({config.average_decay}) of " if config.average_decay else ""
    return (
        f"{config.dataset}: {len(train.labels)} training images of {height}x{width}x{channels}, {len(test.labels)} for "
        f"the test; 4 convolutions from {config.width} maps and 3 dense layers; {config.epochs} epochs "
        f"({config.critic_epochs} with a critic), batch {config.batch_size}, M = {config.num_samples}, penalty "
        f"{config.penalty} ({config.penalty_form}, by the {config.penalty_inputs}); {average}the classifier as it "
        f"ends; mean ± standard deviation over seeds: {config.seeds}"
    )


def main(config: Config) -> dict[str, Any] | None:
    """Trains every system from every seed, skipping finished runs, and writes the table and the figure.

    Returns:
      The result; ``None`` on the hosts that wrote nothing.
    """
    if config.compilation_cache:
        enable_compilation_cache()
    platform, trainers, train, test = start(config)
    folder = workdir.folder_of(config.workdir)
    began = time.monotonic()
    if hosts.is_first():
        real = train.evenly_spaced(NUM_REAL).images
        save_png(folder / workdir.PICTURES / "real.png", image_grid(real, columns=8))
    networks = networks_for(config, train, platform=platform.name)(None)
    curves = train_or_read_curves(
        trainers, folder=folder, seeds=range(config.seed, config.seed + config.seeds), train=train, test=test,
        error=error_counter(networks), epochs_of=functools.partial(epochs_for, config),
        measurements=config.measurements, launcher=parallel.launcher_for(platform, config.parallel),
    )  # fmt: skip
    if not hosts.is_first():
        return None
    rows = [system_row(name, runs) for name, runs in curves.items()]
    result: dict[str, Any] = {
        "protocol": protocol(config, train, test),
        "rows": rows,
        "seconds": round(time.monotonic() - began, 1),
        "commit": workdir.commit(),
    }
    write_json(folder / workdir.RESULT, result)
    write_text(folder / "result.md", systems_table(rows, protocol=result["protocol"]))
    save_curves(folder / "curves.png", curves, title=f"{Path(config.dataset).name}, seeds: {config.seeds}")
    logger.info("result.md, result.json, curves.png and pictures/real.png are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE, presets=PRESETS)
