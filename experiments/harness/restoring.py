"""The generator of a run that was trained earlier, from its folder."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from bgan_jax import data
from bgan_jax.training import workdir
from bgan_jax.training.checkpoints import Checkpoints
from bgan_jax.training.sampling import Sampler, make_point_sampler, make_sampler
from bgan_jax.training.state import TrainState, adam_pair, init_state
from experiments.harness import continuous, discrete
from experiments.harness.flags import UsageError


def state_like(config: Mapping[str, Any], spec: data.DatasetSpec) -> TrainState:
    """The shapes of a run's checkpoints, without computing anything."""
    if spec.kind == "continuous":
        networks = continuous.networks_for(config, spec, axis_name=None)
    else:
        networks, _ = discrete.players_for(config, spec, axis_name=None)
    # Adam's state has the same form whatever its step sizes are.
    optimizers = adam_pair(learning_rate_gen=0.0, learning_rate_disc=0.0)
    like = jax.eval_shape(functools.partial(init_state, networks=networks, optimizers=optimizers), jax.random.key(0))
    return like.replace(key=jax.eval_shape(jax.random.key_data, like.key))


def sampler_for(config: Mapping[str, Any], spec: data.DatasetSpec) -> Any:
    """A function of the generator's variables that makes the sampler of a run with these flags."""
    if spec.kind == "continuous":
        return functools.partial(make_point_sampler, continuous.networks_for(config, spec, axis_name=None))
    networks, conditional = discrete.players_for(config, spec, axis_name=None)
    return functools.partial(make_sampler, networks, conditional)


def load_sampler(folder: str) -> tuple[Sampler, data.DatasetSpec, int]:
    """The sampler of a run's newest good checkpoint.

    Args:
      folder: the run's workdir.

    Returns:
      ``sample(key, n)``, the record of the data set, and the checkpoint's step.

    Raises:
      UsageError: the folder holds no run, or no good checkpoint.
    """
    try:
        config = workdir.read_config(folder)
        spec = data.DatasetSpec.from_json((Path(folder).expanduser() / workdir.DATASET).read_text(encoding="utf-8"))
        make, like = sampler_for(config, spec), state_like(config, spec)
    except (ValueError, KeyError, OSError) as error:
        raise UsageError(f"--workdir={folder} holds no run that can be sampled: {error}") from error
    path = Path(folder).expanduser() / workdir.CHECKPOINTS
    restored = Checkpoints(path, read_only=True).restore(like) if path.is_dir() else None
    if restored is None:
        raise UsageError(f"--workdir={folder} holds no finished checkpoint yet ({path})")
    return make(restored.tree.gen_average), spec, restored.step
