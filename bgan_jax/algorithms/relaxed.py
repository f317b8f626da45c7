r"""One training step for discrete data with gradients through relaxed samples: the baselines of the paper.

The discriminator sees something continuous in place of the generator's samples, so its gradient reaches the generator
and the step is that of continuous data (``continuous.py``), with the relaxation between the generator and it:

===========================  ==========================================  ==================================
relaxation                   what the discriminator sees                 with
===========================  ==========================================  ==================================
``probabilities``            E[t(x)|z], nothing is drawn                 WGAN-GP and clipping (1704.00028)
``gumbel_soft``              Gumbel-softmax samples at a temperature     non-saturating (1611.01144)
``gumbel_straight_through``  the vertices nearest to them                the same
===========================  ==========================================  ==================================

Such a generator may be evaluated by its samples or by its probabilities.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax

from bgan_jax.algorithms.continuous import ContinuousSettings, alternate
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.passes import GeneratorPass, generate
from bgan_jax.algorithms.relaxation import annealed_temperature, relaxed_sample, straight_through
from bgan_jax.algorithms.state import TrainState
from bgan_jax.algorithms.updates import Metrics
from bgan_jax.conditionals import Conditional
from bgan_jax.conditionals.keys import penalty_keys


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
    """The settings of a run with relaxed samples; everything here is static.

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
        """Checks every value.

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
    """Takes one step: discriminator updates, then generator updates; the last and the first share their samples.

    Args:
      state: the run's state, the same on every device.
      real: this device's share of the data, as integers, ``[disc_steps, N, ...]``.
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

    def sample(state: TrainState, i: int) -> GeneratorPass:
        fakes = generate(state, jax.random.fold_in(step_key, i), example_index, networks=game.networks)
        return relax(fakes, game=game, temperature=temperature)

    points = game.conditional.statistics(real)
    state, metrics = alternate(state, points, sample=sample, game=game, axis_name=axis_name)
    return state, {**metrics, "temperature": temperature}


def relax(fakes: GeneratorPass, *, game: RelaxedGame, temperature: jax.Array) -> GeneratorPass:
    """Returns the generator's pass with the relaxation as its last layer: points for logits, the vjp through both."""

    def forward(logits: jax.Array) -> jax.Array:
        return RELAXATIONS[game.settings.relaxation](
            fakes.sample_keys, logits, conditional=game.conditional, temperature=temperature
        )

    points, relaxation_vjp = jax.vjp(forward, fakes.logits)
    return fakes._replace(
        logits=points,
        vjp=lambda cotangent: fakes.vjp(relaxation_vjp(cotangent)[0]),
        # The relaxation has drawn with the sample keys themselves.
        sample_keys=penalty_keys(fakes.sample_keys, num_samples=1),
    )
