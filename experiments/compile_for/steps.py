"""The step that each experiment compiles, for devices that are only described, by the experiment's own functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bgan_jax.runtime import parallel
from bgan_jax.runtime.platform import Platform
from experiments.adversarial_classification import command as adversarial_classification
from experiments.adversarial_classification.labelled_images import LabelledImages, Stream, as_rows
from experiments.compile_for.blank_data import SHAPES, blank, open_shapes
from experiments.harness.errors import UsageError
from experiments.harness.runs import continuous, discrete
from experiments.harness.runs.program import Call, bytes_of, first_call
from experiments.palette_images.command import in_palette
from experiments.text_characters.command import with_weights


def _discrete(config: Any, platform: Platform) -> Call:
    return first_call(discrete.prepare(config, platform, open_split=open_shapes))


def _continuous(config: Any, platform: Platform) -> Call:
    return first_call(continuous.prepare(config, platform, open_split=open_shapes))


def _classification(config: Any, platform: Platform) -> Call:
    """Returns the call of the first of ``--systems``."""
    if config.dataset in SHAPES:
        images = blank(config.dataset)
        shape = (len(images), *images.spec.shape)
        train = LabelledImages(np.broadcast_to(np.zeros((), np.uint8), shape), images.labels)
    else:
        train, _ = adversarial_classification.open_data(config)
    trainers = adversarial_classification.trainers_for(config, platform, train)
    trainer = next(iter(trainers.values()))
    program, launcher = trainer.program, trainer.program.launcher
    state = parallel.replicate(trainer.initialize, np.uint32(config.seed), launcher=launcher)
    data = parallel.replicate(as_rows, train, launcher=launcher)
    stream = Stream(data, parallel.replicate(parallel.identity, np.uint32(0), launcher=launcher))
    return Call(program, (state, program.empty_totals(), stream, program.example_index), bytes_of(data.images))


EXPERIMENTS: Mapping[str, Callable[[Any, Platform], Call]] = {
    "adversarial_classification": _classification,
    "binary_images": _discrete,
    "continuous_images": _continuous,
    "discrete_mnist": _discrete,
    "high_resolution": _continuous,
    "palette_images": lambda config, platform: _discrete(in_palette(config), platform),
    "table": _discrete,
    "text_characters": lambda config, platform: _discrete(with_weights(config), platform),
}


def call_of(name: str, config: Any, platform: Platform) -> Call:
    """Returns the first call of an experiment's program, for a platform.

    Raises:
      UsageError: a wrong flag or data set, or sizes that the devices cannot honour.
    """
    try:
        return EXPERIMENTS[name](config, platform)
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(str(error)) from error
