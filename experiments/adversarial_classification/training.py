"""Trains one system from one seed, and measures its errors during training."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.classification import LabelledBatch, init_classification_state, label_conditional
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.state import Pair
from bgan_jax.networks import ClassifierNetworks
from bgan_jax.runtime import parallel
from bgan_jax.runtime.compiled_step import StepProgram, make_advance
from bgan_jax.runtime.loop import Cadence, Outputs, train
from bgan_jax.runtime.nonfinite import NonFiniteError
from experiments.adversarial_classification.labelled_images import LabelledImages, Stream, intensities, labelled_load
from experiments.adversarial_classification.systems import System
from experiments.harness.runs.batches import host_slice

EVALUATION_CHUNK = 500


class Curve(NamedTuple):
    """Errors of one run of one system during training; JSON values.

    Attributes:
      epochs: passes over the training set at every measurement, by the classifier's batches.
      test_error: percent of the test set.
      train_error: percent of as many training images, in evaluation mode as well.
      seconds: of training, compilation and measurements among them.
      stopped: why the run ended early, or None.
    """

    epochs: list[float]
    test_error: list[float]
    train_error: list[float]
    seconds: float
    stopped: str | None


def error_counter(networks: ClassifierNetworks) -> Callable[[Any, LabelledImages], float]:
    """Returns the function ``(variables, split) -> percent of images whose most probable label is wrong``."""

    @jax.jit
    def count_wrong(variables: Any, images: jax.Array, labels: jax.Array) -> jax.Array:
        logits, _ = networks.gen.apply(variables, intensities(images), train=False)
        return jnp.sum(jnp.argmax(logits, axis=1) != labels)

    def error(variables: Any, split: LabelledImages) -> float:
        chunks = range(0, len(split.labels), EVALUATION_CHUNK)
        wrong = sum(
            int(count_wrong(variables, split.images[i : i + EVALUATION_CHUNK], split.labels[i : i + EVALUATION_CHUNK]))
            for i in chunks
        )
        return 100.0 * wrong / len(split.labels)

    return error


class Trainer(NamedTuple):
    """One system's compiled step, for any number of seeds.

    Attributes:
      program: the step on all devices.
      initialize: ``seed -> state``.
      batch_size: over all devices.
    """

    program: StepProgram
    initialize: Callable[[jax.Array], Any]
    batch_size: int


def initializer(networks: ClassifierNetworks, *, optimizers: Pair) -> Callable[[jax.Array], Any]:
    """Returns the function ``seed -> state``, one for all systems, so that it is compiled once."""

    def initialize(seed: jax.Array) -> Any:
        return init_classification_state(jax.random.key(seed), networks=networks, optimizers=optimizers)

    return initialize


def trainer(
    system: System, *, build: Callable[..., ClassifierNetworks], initialize: Callable[[jax.Array], Any],
    optimizers: Pair, split: LabelledImages, batch_size: int, launcher: parallel.Launcher,
) -> Trainer:  # fmt: skip
    """Prepares one system's step.

    Args:
      system: what to train.
      build: ``(axis_name) -> networks``.
      initialize: from :func:`initializer`.
      optimizers: one per player.
      split: the training split, numpy.
      batch_size: over all devices.
      launcher: how steps are run, and on what.

    Returns:
      The trainer; nothing has been compiled yet.
    """
    load = labelled_load(
        num_examples=len(split.labels),
        shape=split.images.shape[1:],
        batch_size=batch_size,
        minibatches=system.minibatches,
    )

    def game(axis_name: str | None) -> Game[Any]:
        networks = build(axis_name)
        return Game(
            networks=networks,
            optimizers=optimizers,
            settings=system.settings,
            conditional=label_conditional(networks, platform=launcher.platform.name),
            flat_mean=launcher.platform.on_cpu,
        )

    share = batch_size // len(launcher.platform.devices)
    shapes = (system.minibatches, share, *split.images.shape[1:]), (system.minibatches, share)
    real = jax.eval_shape(lambda: LabelledBatch(jnp.zeros(shapes[0]), jnp.zeros(shapes[1], jnp.int32)))
    _, metrics = jax.eval_shape(
        functools.partial(system.step, game=game(None)),
        jax.eval_shape(initialize, np.uint32(0)),
        real,
        jax.ShapeDtypeStruct((share,), jnp.int32),
    )
    step = functools.partial(system.step, game=game(parallel.AXIS))
    index = np.arange(batch_size, dtype=np.int32)
    program = StepProgram(
        advance=parallel.on_devices(
            make_advance(step, load),
            launcher=launcher,
            sharded=(False, False, False, True),
        ),
        example_index=parallel.shard(index[host_slice(batch_size, platform=launcher.platform)], launcher=launcher),
        metric_names=tuple(metrics),
        launcher=launcher,
    )
    return Trainer(program=program, initialize=initialize, batch_size=batch_size)


def train_system(
    trainer: Trainer, data: Any, *, error: Callable[[Any, LabelledImages], float], train_part: LabelledImages,
    test: LabelledImages, seed: int, epochs: int, measurements: int,
) -> Curve:  # fmt: skip
    """Trains one system from one seed.

    Args:
      trainer: the system's.
      data: the training split on the devices.
      error: counts errors, in percent.
      train_part: a part of the training split to measure on.
      test: the test split.
      seed: of the initial parameters, of the labels drawn and of the order of examples.
      epochs: passes over the training set, by the classifier's batches.
      measurements: how many times errors are measured, the end among them.

    Returns:
      The curve. A run that stops being finite ends early, with the reason.
    """
    began = time.monotonic()
    launcher, num_examples = trainer.program.launcher, data.labels.shape[0]
    state = parallel.replicate(trainer.initialize, np.uint32(seed), launcher=launcher)
    # Every seed begins at another epoch of the endless order.
    first = np.uint32(1009 * seed % (2**31 // num_examples))
    stream = Stream(data, parallel.replicate(parallel.identity, first, launcher=launcher))
    steps_per_epoch = num_examples // trainer.batch_size
    marks = np.unique(np.linspace(0, epochs * steps_per_epoch, measurements + 1).round().astype(int))
    curve = Curve(epochs=[], test_error=[], train_error=[], seconds=0.0, stopped=None)
    for start, end in itertools.pairwise(marks.tolist()):
        try:
            state, _ = train(
                trainer.program, state, itertools.repeat(stream), start_step=start, total_steps=end,
                cadence=Cadence(report_every=end, checkpoint_every=end), outputs=Outputs(),
            )  # fmt: skip
        except NonFiniteError as reason:
            curve = curve._replace(stopped=str(reason).partition(";")[0])
            break
        variables = parallel.to_host(state.gen_average)
        curve.epochs.append(round(end / steps_per_epoch, 3))
        curve.test_error.append(error(variables, test))
        curve.train_error.append(error(variables, train_part))
    return curve._replace(seconds=round(time.monotonic() - began, 1))
