r"""One training step for discrete data whose generator is followed through relaxed samples: the baselines of the paper.

The discriminator sees something continuous in place of the generator's samples, so its gradient reaches the generator
and the step is that of continuous data (``continuous_step.py``), with the relaxation between the generator and it:

===========================  ==========================================  ==================================
relaxation                   what the discriminator sees                 with
===========================  ==========================================  ==================================
``probabilities``            E[t(x)|z], nothing is drawn                 WGAN-GP and clipping (1704.00028)
``gumbel_soft``              Gumbel-softmax samples at a temperature     non-saturating (1611.01144)
``gumbel_straight_through``  the vertices nearest to them                the same
===========================  ==========================================  ==================================

What such a generator is judged on is another matter: its samples, or its probabilities.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax

from bgan_jax.algorithms.continuous import ContinuousGame, ContinuousSettings, alternate
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.relaxation import annealed_temperature, relaxed_sample, straight_through
from bgan_jax.algorithms.state import TrainState
from bgan_jax.algorithms.updates import Generated, generate
from bgan_jax.conditionals import Conditional

Metrics = dict[str, jax.Array]


def _probabilities(
    keys: jax.Array, logits: jax.Array, *, conditional: Conditional, temperature: jax.Array
) -> jax.Array:
    del keys, temperature
    return conditional.mean(logits)


def _gumbel_soft(keys: jax.Array, logits: jax.Array, *, conditional: Conditional, temperature: jax.Array) -> jax.Array:
    return jax.vmap(
        lambda key, example: relaxed_sample(key, example, conditional=conditional, temperature=temperature)
    )(keys, logits)


def _gumbel_straight_through(
    keys: jax.Array, logits: jax.Array, *, conditional: Conditional, temperature: jax.Array
) -> jax.Array:
    soft = _gumbel_soft(keys, logits, conditional=conditional, temperature=temperature)
    return straight_through(soft, conditional=conditional)


#: By name: ``(keys [N], logits [N, ...], *, conditional, temperature) -> points [N, ...]``.
RELAXATIONS: dict[str, Callable[..., jax.Array]] = {
    "probabilities": _probabilities,
    "gumbel_soft": _gumbel_soft,
    "gumbel_straight_through": _gumbel_straight_through,
}


@dataclasses.dataclass(frozen=True)
class RelaxedSettings(ContinuousSettings):
    """The settings of a continuous run, and the relaxation; everything here is static.

    Attributes:
      relaxation: a key of ``RELAXATIONS``.
      temperature: tau_0 of Gumbel-softmax at the first step.
      temperature_rate: how fast it falls, per step.
      temperature_minimum: where it stops.
    """

    relaxation: str = "probabilities"
    temperature: float = 3.0
    temperature_rate: float = 1e-3
    temperature_minimum: float = 0.5

    def __post_init__(self) -> None:
        """Refuses settings that no step can honour.

        Raises:
          ValueError: a value is out of its range; the message names it, and what is legal.
        """
        super().__post_init__()
        if self.relaxation not in RELAXATIONS:
            raise ValueError(f"unknown relaxation {self.relaxation!r}; legal: {', '.join(RELAXATIONS)}")
        if not self.temperature >= self.temperature_minimum > 0.0:
            raise ValueError(
                f"temperature={self.temperature} must be at least temperature_minimum={self.temperature_minimum}, "
                "and that positive"
            )
        if self.temperature_rate < 0.0:
            raise ValueError(f"temperature_rate is {self.temperature_rate}; it must not be negative")


RelaxedGame = Game[RelaxedSettings]


def relaxed_step(
    state: TrainState, real: jax.Array, example_index: jax.Array, *, game: RelaxedGame, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """One step: discriminator updates, then generator updates, the last and the first of them on the same samples.

    Args:
      state: the run's state, the same on every device.
      real: this device's share of the data, in the data's own form, ``[disc_steps, N, ...]``.
      example_index: where that share lies in the global batch, ``[N]``, integer. Randomness follows these indices, so
        the step is the same on any number of devices.
      game: networks, conditional, optimizers, settings. Static.
      axis_name: the device axis, ``None`` on one device. Static.

    Returns:
      The next state, and scalar metrics averaged over the devices; ``temperature`` is among them.
    """
    settings = game.settings
    step_key = jax.random.fold_in(state.key, state.step)
    temperature = annealed_temperature(
        state.step, initial=settings.temperature, rate=settings.temperature_rate, minimum=settings.temperature_minimum
    )

    def generated(state: TrainState, i: int) -> Generated:
        fakes = generate(state, jax.random.fold_in(step_key, i), example_index, networks=game.networks)
        return relax(fakes, game=game, temperature=temperature)

    # Between the vertices the game is continuous.
    continuous = ContinuousGame(networks=game.networks, optimizers=game.optimizers, settings=settings)
    points = game.conditional.statistics(real)
    state, metrics = alternate(state, points, generated=generated, game=continuous, axis_name=axis_name)
    return state, {**metrics, "temperature": temperature}


def relax(fakes: Generated, *, game: RelaxedGame, temperature: jax.Array) -> Generated:
    """The generator's pass with the relaxation as its last layer: points for logits, and the way back through both."""

    def forward(logits: Any) -> jax.Array:
        return RELAXATIONS[game.settings.relaxation](
            fakes.sample_keys, logits, conditional=game.conditional, temperature=temperature
        )

    points, pull_back = jax.vjp(forward, fakes.logits)
    # The penalty draws with the same keys, so those that it gets are others.
    keys = jax.vmap(lambda key: jax.random.fold_in(key, 1))(fakes.sample_keys)
    return fakes._replace(
        logits=points, pull_back=lambda cotangent: fakes.pull_back(pull_back(cotangent)[0]), sample_keys=keys
    )
