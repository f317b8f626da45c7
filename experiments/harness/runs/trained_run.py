"""Loads a trained run from its folder, to sample from it or to use its networks.

Example::

    from experiments import load_sampler

    sample, spec, step = load_sampler("runs/mnist")
    x = sample(jax.random.key(0), 100).x
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from bgan_jax import data
from bgan_jax.algorithms.state import TrainState, adam_pair, init_state
from bgan_jax.conditionals import Conditional
from bgan_jax.networks import Networks
from bgan_jax.paths import path_of
from bgan_jax.runtime import workdir
from bgan_jax.runtime.checkpoints import Checkpoints
from bgan_jax.runtime.platform import this_process
from bgan_jax.sampling.sampler import Sampler, make_point_sampler, make_sampler
from experiments.harness.errors import UsageError
from experiments.harness.runs import continuous, discrete
from experiments.harness.runs.folders import cache_folder
from experiments.harness.runs.run_config import open_split
from experiments.harness.runs.seeds import run_of_seed
from experiments.harness.runs.stacked_seeds import take


class TrainedRun(NamedTuple):
    """The newest good checkpoint of a run, with its networks.

    Attributes:
      config: the run's flags by name.
      spec: of its data set.
      step: of the checkpoint.
      networks: both players.
      conditional: the generator's conditional family; ``None`` for continuous data.
      gen_variables: that samples are drawn with: of the generator's moving average, with the shares of a table's
        columns matched if the run asks for it.
      disc_variables: of the discriminator.
    """

    config: dict[str, Any]
    spec: data.DatasetSpec
    step: int
    networks: Networks
    conditional: Conditional | None
    gen_variables: Any
    disc_variables: Any

    @property
    def sample(self) -> Sampler:
        """Returns ``sample(key, n)`` of the generator."""
        if self.conditional is None:
            return make_point_sampler(self.networks, self.gen_variables)
        return make_sampler(self.networks, self.conditional, self.gen_variables)


def players_of(
    config: Mapping[str, Any], spec: data.DatasetSpec, *, platform: str
) -> tuple[Networks, Conditional | None]:
    """Builds the networks of a run, and the conditional where its data are discrete, from its flags."""
    if spec.kind == "continuous":
        return continuous.networks_for(config, spec, platform=platform, axis_name=None), None
    return discrete.players_for(config, spec, platform=platform, axis_name=None)


def state_like(config: Mapping[str, Any], spec: data.DatasetSpec) -> TrainState:
    """Returns the shapes of a run's checkpoints, stacked in a run of several seeds, without computing anything."""
    # Shapes are the same on every platform.
    networks, _ = players_of(config, spec, platform="cpu")
    # Adam's state has the same form whatever its step sizes are.
    optimizers = adam_pair(learning_rate_gen=0.0, learning_rate_disc=0.0)
    like = jax.eval_shape(functools.partial(init_state, networks=networks, optimizers=optimizers), jax.random.key(0))
    like = like.replace(key=jax.eval_shape(jax.random.key_data, like.key))
    seeds = config.get("seeds", 1)
    if seeds == 1:
        return like
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((seeds, *leaf.shape), leaf.dtype), like)


def load_run(folder: str) -> TrainedRun:
    """Loads a run's newest good checkpoint and builds its networks.

    Args:
      folder: the run's workdir; of a run of several seeds, the folder of one of them.

    Returns:
      The :class:`TrainedRun`.

    Raises:
      UsageError: the folder holds no run, or no good checkpoint.
    """
    try:
        config = workdir.read_config(folder)
        run, place = run_of_seed(path_of(folder)) or (path_of(folder), None)
        saved_as = config if place is None else workdir.read_config(run)
        if place is None and config.get("seeds", 1) > 1:
            own = workdir.seed_folder(path_of(folder), config["seed"])
            raise ValueError(f"it is of {config['seeds']} seeds; give the folder of one, such as {own}")
        spec = data.DatasetSpec.from_json((path_of(folder) / workdir.DATASET).read_text(encoding="utf-8"))
        networks, conditional = players_of(config, spec, platform=this_process().name)
        like = state_like(saved_as, spec)
        path = run / workdir.CHECKPOINTS
        restored = Checkpoints(path, read_only=True).restore(like) if path.is_dir() else None
    except Exception as error:  # the files of a run from elsewhere may hold any values
        reason = str(error) or type(error).__name__
        raise UsageError(f"--workdir={folder} holds no run that can be sampled: {reason}") from error
    if restored is None:
        raise UsageError(f"--workdir={folder} holds no finished checkpoint yet ({path})")
    state = restored.tree if place is None else take(restored.tree, place)
    variables = state.gen_average
    if conditional is not None:
        variables = discrete.variables_to_sample(variables, config, spec, networks=networks, conditional=conditional)
    return TrainedRun(
        config=config,
        spec=spec,
        step=restored.step,
        networks=networks,
        conditional=conditional,
        gen_variables=variables,
        disc_variables={"params": state.params.disc, **state.model_state.disc},
    )


def open_splits(trained: TrainedRun) -> tuple[data.Dataset, data.Dataset]:
    """Opens the rows that a run learned from, and its held-out ones.

    Raises:
      UsageError: they are not there any more.
    """
    options: Any = types.SimpleNamespace(**trained.config)
    try:
        return open_split(options, "train"), open_split(options, "test")
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error


def cache_of(trained: TrainedRun) -> Path:
    """Returns the folder in which a run keeps its classifiers."""
    return cache_folder(types.SimpleNamespace(**trained.config))


def load_sampler(folder: str) -> tuple[Sampler, data.DatasetSpec, int]:
    """Returns the sampler of a run's newest good checkpoint, for use in other code.

    Args:
      folder: the run's workdir.

    Returns:
      ``sample(key, n)``, the spec of the data set, and the checkpoint's step.

    Raises:
      UsageError: the folder holds no run, or no good checkpoint.
    """
    trained = load_run(folder)
    return trained.sample, trained.spec, trained.step
