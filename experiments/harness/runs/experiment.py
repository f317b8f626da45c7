"""The records of a run: what it trains, how it is measured, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from bgan_jax import data
from bgan_jax.algorithms.state import TrainState
from bgan_jax.runtime.parallel import Launcher
from bgan_jax.sampling.sampler import Sampler
from experiments.harness.runs.run_config import RunConfig


class Experiment(NamedTuple):
    """What a run trains, made from flags that have been checked.

    Attributes:
      config: the flags.
      launcher: how it is run, and on what.
      dataset: the training split.
      initialize: ``key -> TrainState``, traceable.
      step_over: ``axis_name -> step``: the step on one device's share of the batch. ``axis_name`` names the axis of
        devices; ``None`` is for one device.
      sampler: ``generator's variables -> sample(key, n)``.
      title: of the curves, in a few words.
      num_samples: M; ``None`` where a latent has one sample.
      steps_per_call: the most steps that the compiled program takes in one call.
    """

    config: RunConfig
    launcher: Launcher
    dataset: data.Dataset
    initialize: Callable[[jax.Array], TrainState]
    step_over: Callable[[str | None], Callable[..., Any]]
    sampler: Callable[[Any], Sampler]
    title: str
    num_samples: int | None
    steps_per_call: int = 1


#: ``(experiment, step, sample) -> JSON values``: measures the samples of one seed.
Measure = Callable[[Experiment, int, Sampler], dict[str, Any]]


class Outcome(NamedTuple):
    """How a run ended.

    Attributes:
      experiment: what was trained.
      folder: its workdir.
      state: the last state; in a run of several seeds every array has a first axis of seeds.
      step: number of finished steps; fewer than requested when the run was stopped.
      sample: ``sample(key, n)`` from the generator's moving average.
      seconds: of training in this process, compilation included.
      measured: the measurement after the last step; ``None`` without a ``Measure``, or when the run was stopped.
      per_seed: the outcome of every seed in a run of several, which has no ``sample`` and no ``measured`` of its own;
        empty in a run of one.
    """

    experiment: Experiment
    folder: Path
    state: TrainState
    step: int
    sample: Sampler
    seconds: float
    measured: dict[str, Any] | None
    per_seed: list[Outcome]
