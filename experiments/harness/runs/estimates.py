"""Refuses a run whose step cannot fit into memory, or would take hours, by estimates made before anything is compiled.

Both are lower bounds: what lies between the layers of a network is not counted, and of the arithmetic only the passes
of the samples through the discriminator, each at least two operations for every parameter.
"""

from __future__ import annotations

import math
import os
from typing import Any

import jax

from bgan_jax.runtime.platform import Platform
from experiments.harness.errors import UsageError
from experiments.harness.runs.cost import ASSUMED_RATE
from experiments.harness.runs.experiment import Experiment

# Operations per second of one CPU core, an assumption in favour of the run.
ASSUMED_CORE_RATE = 1e11
LONGEST_STEP_HOURS = 1.0
# Sums over the samples are in float32, which counts up to here.
MOST_SAMPLES = 2**24


def check_estimates(experiment: Experiment) -> None:
    """Refuses sizes that need more memory than the devices have, or more than an hour a step.

    Raises:
      UsageError: states the estimate, the limit and the flags to lower.
    """
    state = jax.eval_shape(experiment.initialize, jax.random.key(0))
    _check_memory(experiment, state)
    _check_time(experiment, state)


def _check_memory(experiment: Experiment, state: Any) -> None:
    config: Any = experiment.config
    values = math.prod(experiment.dataset.spec.point_shape)
    copies = {
        "disc_steps": config.disc_steps,
        "disc_fakes_per_latent": getattr(config, "disc_fakes_per_latent", 1),
        "sample_chunk": getattr(config, "sample_chunk", None) or 1,
    }
    batch = config.seeds * config.batch_size * sum(copies.values()) * values * 4
    held = config.seeds * sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state.params) * 3)
    # On CPU the devices share the memory of the machine.
    platform = experiment.launcher.platform
    per_device = batch / len(platform.devices) + held
    needed = per_device * (len(platform.local_devices) if platform.on_cpu else 1)
    limit = _memory_limit(platform)
    if limit is not None and needed > limit:
        flag = max(copies, key=lambda name: copies[name])
        lower = ["--batch_size", f"--{flag}"] if batch > held else ["--width"]
        lower += ["--seeds"] if config.seeds > 1 else []
        raise UsageError(
            f"a step needs at least {needed / 2**30:,.0f} GB of memory, and there are {limit / 2**30:,.0f}; lower "
            f"{' or '.join(dict.fromkeys(lower))}"
        )


def _memory_limit(platform: Platform) -> int | None:
    """Returns the memory of a device in bytes, of the machine for CPUs; ``None`` where it is not known."""
    if not platform.attached:
        return None  # The compiler says what a step needs there.
    if not platform.on_cpu:
        return (platform.local_devices[0].memory_stats() or {}).get("bytes_limit")
    names = getattr(os, "sysconf_names", {})
    if not {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= set(names):
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _check_time(experiment: Experiment, state: Any) -> None:
    config = experiment.config
    if experiment.num_samples is None:
        return
    scored = experiment.num_samples * config.batch_size * config.gen_steps * config.seeds
    operations = 2.0 * scored * sum(leaf.size for leaf in jax.tree.leaves(state.params.disc))
    platform = experiment.launcher.platform
    rate = ASSUMED_CORE_RATE * (os.cpu_count() or 1) if platform.on_cpu else ASSUMED_RATE * len(platform.devices)
    hours = operations / rate / 3600
    if hours > LONGEST_STEP_HOURS or experiment.num_samples > MOST_SAMPLES:
        raise UsageError(
            f"--num_samples={experiment.num_samples}: a step would score {scored:,} samples, at least {operations:.1g} "
            f"operations, {hours:.2g} hours at {rate:.0e} a second; at most {LONGEST_STEP_HOURS:g} hour a step and "
            f"{MOST_SAMPLES:,} samples per latent are accepted; lower --num_samples or --batch_size"
        )
