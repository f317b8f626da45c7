"""The flags of every run, and what they stand for: data, optimisers, a step's settings."""

from __future__ import annotations

import dataclasses
from typing import Any

from bgan_jax import data
from bgan_jax.algorithms.state import Pair, adam_pair
from bgan_jax.networks import NETWORKS
from bgan_jax.runtime import hosts, parallel
from bgan_jax.runtime.parallel import LAUNCHERS
from bgan_jax.runtime.recovery import NAN_POLICIES
from bgan_jax.runtime.workdir import RESUME
from experiments.harness.cli.flags import flag

# Flags that each host has its own value of.
PER_HOST = ("process_id", "coordinator", "data_dir", "cache_dir", "workdir", "download", "compilation_cache")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Flags that mean the same in every experiment that trains a generator."""

    workdir: str = flag("", "Folder of the run: config, metrics, pictures, checkpoints, results.", may_change=True)
    dataset: str = flag("mnist10k", "Name of the data set, or npz:PATH, images:PATH, text:PATH.")
    data_dir: str | None = flag(None, "Folder of prepared data sets.", may_change=True)
    cache_dir: str | None = flag(None, "Folder of packed data sets; the user's cache folder if empty.", may_change=True)
    download: bool = flag(False, "Allow fetching the data set over the network.", may_change=True)
    resolution: int | None = flag(None, "Height and width of pictures, in pixels, where the data set lets one choose.")
    palette: int | None = flag(None, "Number of colours of palette pictures, 2 to 256.")
    quantizer: str | None = flag(None, "How a palette is found: kmeans, or median_cut as in the paper.")
    dither: str | None = flag(None, "Dithering of palette pictures: none, or floyd_steinberg as in the paper.")
    binarization: str | None = flag(
        None, "How grey pictures become bits: threshold, or stochastic (drawn anew every time on the device)."
    )
    length: int | None = flag(None, "Symbols of a text example.")
    data_backend: str = flag(
        "auto", "Where batches come from: device memory or the host; auto decides by size.",
        choices=("auto", "resident", "streamed"), may_change=True,
    )  # fmt: skip
    seed: int = flag(0, "Seed of everything random in the run.", minimum=0, maximum=2**32 - 1)
    seeds: int = flag(
        1, "Number of seeds, --seed and those after it; trained at once, by one program.", minimum=1, maximum=1000
    )
    steps: int = flag(1000, "Training steps at the end of the run.", minimum=1, may_change=True)
    batch_size: int = flag(64, "Examples, and latents, per step over all devices of all hosts (N).", minimum=1)
    network: str = flag("dcgan28_small", "Preset of generator and discriminator.", choices=tuple(NETWORKS))
    width: int | None = flag(None, "Base number of maps or units; empty is the preset's.", minimum=1)
    latent_dim: int | None = flag(None, "Size of the latents; empty is the preset's.", minimum=1)
    learning_rate_gen: float = flag(1e-3, "Adam's step size for the generator.", minimum=0.0)
    learning_rate_disc: float = flag(1e-3, "Adam's step size for the discriminator.", minimum=0.0)
    learning_rate_half_life: int | None = flag(
        None, "Updates in which both step sizes halve; empty keeps them constant.", minimum=1
    )
    adam_b1: float = flag(0.5, "Adam's decay of the first moment.", minimum=0.0, maximum=0.99999)
    adam_b2: float = flag(
        0.999, "Adam's decay of the second moment; lower where gradients burst early on, as by reverse KL.",
        minimum=0.0, maximum=0.99999,
    )  # fmt: skip
    adam_eps: float = flag(
        1e-8, "Added to the root of Adam's second moment; at 1e-3 other devices give the same numbers to 1e-5.",
        minimum=0.0,
    )  # fmt: skip
    disc_steps: int = flag(1, "Discriminator updates per step.", minimum=1)
    gen_steps: int = flag(1, "Generator updates per step.", minimum=1)
    average_decay: float = flag(
        0.99, "Decay per update of the generator's moving average, which samples come from.", minimum=0.0, maximum=1.0
    )
    parallel: str = flag("pmap", "How the step spreads over devices.", choices=LAUNCHERS, may_change=True)
    coordinator: str | None = flag(None, "host:port of process 0, for several hosts.", may_change=True)
    num_processes: int | None = flag(None, "Number of processes of the job.", minimum=1, may_change=True)
    process_id: int | None = flag(None, "Number of this process, from 0.", minimum=0, may_change=True)
    heartbeat_seconds: int = flag(
        hosts.HEARTBEAT_SECONDS, "How long a host may be silent before the job ends.", minimum=5, may_change=True
    )
    nan_policy: str = flag(
        "stop", "On a number that is not finite: stop the run, or restore the last checkpoint and go on from it with "
        "other noise, three times at most.", choices=NAN_POLICIES, may_change=True,
    )  # fmt: skip
    resume: str = flag(
        "auto", "A run that is there: auto continues it, must wants one, never refuses one.",
        choices=RESUME, may_change=True,
    )  # fmt: skip
    report_every: int = flag(25, "Steps between lines of metrics.", minimum=1, may_change=True)
    picture_every: int = flag(500, "Steps between sample grids; 0 takes only the last.", minimum=0, may_change=True)
    checkpoint_every: int = flag(500, "Steps between checkpoints.", minimum=1, may_change=True)
    keep_checkpoints: int = flag(3, "How many checkpoints to keep.", minimum=1, may_change=True)
    tensorboard: bool = flag(False, "Also write TensorBoard files (extra: tensorboard).", may_change=True)
    compilation_cache: bool = flag(
        True, "Keep compiled programs in the user's cache folder, for a fast start next time.", may_change=True
    )
    smoke: bool = flag(False, "The whole path in seconds, on tiny sizes.", may_change=True)


def open_split(config: RunConfig, split: str) -> data.Dataset:
    """One split of the run's data set."""
    options = ("resolution", "palette", "quantizer", "dither", "binarization", "length")
    places = ("data_dir", "cache_dir", "download")
    return data.open_dataset(
        config.dataset, split=split, **{name: getattr(config, name) for name in (*places, *options)}
    )


def optimizers_for(config: RunConfig) -> Pair:
    """Adam for both players, as the flags have it."""
    return adam_pair(
        learning_rate_gen=config.learning_rate_gen,
        learning_rate_disc=config.learning_rate_disc,
        b1=config.adam_b1,
        b2=config.adam_b2,
        eps=config.adam_eps,
        half_life=config.learning_rate_half_life,
    )


def settings_from(record: type, config: RunConfig, **given: Any) -> Any:
    """A step's settings: every field that has a flag of its name, and what is given."""
    names = [field.name for field in dataclasses.fields(record) if hasattr(config, field.name)]
    return record(**({name: getattr(config, name) for name in names} | given))


def check_sizes(config: RunConfig) -> None:
    """Refuses sizes that the devices, or the order of the data, cannot honour.

    Raises:
      ValueError: names the flag and what fits.
    """
    parallel.check_batch_divides(config.batch_size)
    data.check_schedule(num_steps=config.steps * config.disc_steps, batch_size=config.batch_size)
