"""Measures the seeds of one objective during training, and records the first seed for the figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.continuous import ContinuousGame, point_gradients
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.state import TrainState
from bgan_jax.evaluation.coverage import ModeCoverage, mode_coverage
from bgan_jax.evaluation.planar import PlanarTarget
from bgan_jax.networks import Networks
from experiments.toy2d import figures

# Samples in a figure, and points along each side of the window: of F, and of the gradient field.
SAMPLES_SHOWN, FINE, COARSE = 1000, 96, 17

#: ``states -> (samples of the first seed, coverage, F on samples, F of the first seed over the window)``.
Observe = Callable[[TrainState], tuple[jax.Array, ModeCoverage, jax.Array, jax.Array]]


class Snapshot(NamedTuple):
    """All seeds of one objective at one step; numpy arrays with a leading axis of seeds.

    Attributes:
      coverage: of the measured samples.
      frame: of the first seed alone.
      logits: F on the measured samples.
    """

    coverage: ModeCoverage
    frame: figures.Frame
    logits: np.ndarray


def coverage_of(samples: jax.Array, target: PlanarTarget) -> ModeCoverage:
    """Counts covered modes and high-quality samples.

    A mode is covered by a fifth of its fair share of high-quality samples.

    Args:
      samples: points in the plane, ``[n, 2]``.
      target: the distribution whose modes are counted.

    Returns:
      The :class:`ModeCoverage`.
    """
    fair_share = len(samples) / len(target.centers)
    return mode_coverage(
        samples,
        centers=jnp.asarray(target.centers),
        standard_deviation=target.standard_deviation,
        min_samples=max(int(fair_share / 5), 1),
    )


def make_observe(networks: Networks, target: PlanarTarget, *, num_samples: int) -> Observe:
    """Compiles the measurement of all seeds. It does not depend on the objective, so one program serves all of them.

    Args:
      networks: of every seed.
      target: the distribution that is learned.
      num_samples: samples of each seed.

    Returns:
      The compiled function; see :data:`Observe`.
    """

    def logits_of(state: TrainState, points: jax.Array) -> jax.Array:
        return networks.disc.apply({"params": state.params.disc, **state.model_state.disc}, points, train=False)[0]

    def one_seed(state: TrainState) -> tuple[jax.Array, ModeCoverage, jax.Array]:
        key = jax.random.fold_in(state.key, 0x5A3)
        samples = generate(state, key, jnp.arange(num_samples), networks=networks).logits
        return samples, coverage_of(samples, target), logits_of(state, samples)

    @jax.jit
    def observe(states: TrainState) -> tuple[jax.Array, ModeCoverage, jax.Array, jax.Array]:
        samples, coverage, logits = jax.vmap(one_seed)(states)
        window = jnp.asarray(figures.window(FINE).reshape(-1, 2))
        return samples[0, :SAMPLES_SHOWN], coverage, logits, logits_of(_first_seed(states), window)

    return observe


def make_take_snapshot(game: ContinuousGame, observe: Observe) -> Callable[[TrainState], Snapshot]:
    """Returns the function that measures all seeds of a game and records the first seed's frame.

    Args:
      game: whose generator objective gives the gradient field.
      observe: from :func:`make_observe`.

    Returns:
      ``states -> Snapshot``.
    """
    coarse = figures.window(COARSE).reshape(-1, 2)

    @jax.jit
    def field_of(states: TrainState) -> jax.Array:
        return -point_gradients(_first_seed(states), jnp.asarray(coarse), game=game)[0]

    def take_snapshot(states: TrainState) -> Snapshot:
        samples, coverage, logits, over_window = jax.device_get(observe(states))
        frame = figures.Frame(
            step=int(states.step[0]),
            samples=samples,
            logits=over_window.reshape(FINE, FINE),
            field=np.asarray(field_of(states)).reshape(COARSE, COARSE, 2),
        )
        return Snapshot(coverage=coverage, frame=frame, logits=logits)

    return take_snapshot


def _first_seed(states: TrainState) -> TrainState:
    return jax.tree.map(lambda leaf: leaf[0], states)
