r"""One training step of a generative adversarial network of continuous data, whose generator follows gradients of F.

Section 3 of Hjelm et al. 2018, "Boundary-Seeking Generative Adversarial Networks", https://arxiv.org/abs/1702.08431:
the discriminator estimates :math:`F = \log p/q`, and the generator minimises :math:`E[F(G(z))^2]`, or one of the
objectives that this replaces. The step is written for one device's share of the batch; only ``runtime/parallel.py``
knows how many devices there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from bgan_jax import losses
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.passes import GeneratorPass, discriminate, generate
from bgan_jax.algorithms.regularisation import penalty_term
from bgan_jax.algorithms.settings import GameSettings
from bgan_jax.algorithms.state import TrainState
from bgan_jax.algorithms.updates import Metrics, moving_average, update_discriminator, update_generator


@dataclasses.dataclass(frozen=True)
class ContinuousSettings(GameSettings):
    """The settings of a continuous run; everything here is static and shapes the compiled program.

    ``divergence`` trains the discriminator only where the objective has no discriminator loss of its own.

    Attributes:
      objective: what the generator minimises, a key of ``losses.GENERATOR_OBJECTIVES``.
      clip: the discriminator's parameters are kept within plus or minus this; 0 clips nothing.
    """

    divergence: str | losses.FDivergence = "gan"
    objective: str = "boundary_seeking"
    clip: float = 0.0

    def __post_init__(self) -> None:
        """Checks every value.

        Raises:
          ValueError: a value is out of its range; the message names it, and what is legal.
        """
        if self.objective not in losses.GENERATOR_OBJECTIVES:
            legal = ", ".join(losses.GENERATOR_OBJECTIVES)
            raise ValueError(f"unknown objective {self.objective!r}; legal: {legal}")
        super().__post_init__()
        if self.clip < 0.0:
            raise ValueError(f"clip is {self.clip}; it must not be negative; 0 switches it off")
        needs_divergence = losses.PENALTIES[self.penalty_form].needs_divergence
        if self.penalty > 0.0 and needs_divergence and not losses.GENERATOR_OBJECTIVES[self.objective].uses_divergence:
            others = [name for name, penalty in losses.PENALTIES.items() if not penalty.needs_divergence]
            raise ValueError(
                f"penalty_form {self.penalty_form!r} is weighted by a divergence, and objective {self.objective!r} has "
                f"none; use one of {', '.join(others)}, or penalty=0"
            )


ContinuousGame = Game[ContinuousSettings]


def continuous_step(
    state: TrainState, real: jax.Array, example_index: jax.Array, *, game: ContinuousGame, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """Takes one step: discriminator updates, then generator updates; the last and the first share their samples.

    Args:
      state: the run's state, the same on every device.
      real: this device's share of the data, as the discriminator takes it, ``[disc_steps, N, ...]``, float32.
      example_index: where that share lies in the global batch, ``[N]``, integer. Randomness follows these indices, so
        the step is the same on any number of devices.
      game: networks, optimizers, settings. Static.
      axis_name: the device axis, ``None`` on one device. Static.

    Returns:
      The next state, and scalar metrics averaged over the devices.
    """
    step_key = jax.random.fold_in(state.key, state.step)

    def sample(state: TrainState, i: int) -> GeneratorPass:
        return generate(state, jax.random.fold_in(step_key, i), example_index, networks=game.networks)

    return alternate(state, real, sample=sample, game=game, axis_name=axis_name)


def alternate(
    state: TrainState,
    real: jax.Array,
    *,
    sample: Callable[[TrainState, int], GeneratorPass],
    game: ContinuousGame,
    axis_name: str | None,
) -> tuple[TrainState, Metrics]:
    """Takes the updates of one step, on points that the caller makes.

    Args:
      state: the run's state.
      real: data, as the discriminator takes it, ``[disc_steps, N, ...]``, float32.
      sample: ``(state, i) -> the generator's points`` of round i, each round with randomness of its own. Static.
      game: networks, optimizers, settings. Static.
      axis_name: the device axis, ``None`` on one device. Static.

    Returns:
      The next state, and scalar metrics averaged over the devices.
    """
    disc_steps, gen_steps = game.settings.disc_steps, game.settings.gen_steps
    for i in range(disc_steps):
        fakes = sample(state, i)
        state, disc_metrics = train_discriminator(state, real[i], fakes, game=game, axis_name=axis_name)
    # The generator has not moved since its last samples were made, so it goes back through them.
    state, gen_metrics = train_generator(state, fakes, game=game, axis_name=axis_name)
    for j in range(1, gen_steps):
        fakes = sample(state, disc_steps - 1 + j)
        state, gen_metrics = train_generator(state, fakes, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), {**disc_metrics, **gen_metrics}


def train_discriminator(
    state: TrainState, real: jax.Array, fakes: GeneratorPass, *, game: ContinuousGame, axis_name: str | None
) -> tuple[TrainState, Metrics]:
    """Descends the objective's discriminator loss on real and generated points, with its penalty."""
    disc, settings = game.networks.disc, game.settings
    objective = losses.GENERATOR_OBJECTIVES[settings.objective]
    fake = jax.lax.stop_gradient(fakes.logits)

    def loss_fn(params: Any) -> tuple[jax.Array, tuple[Metrics, Any]]:
        real_logits, fake_logits, model_state = discriminate(disc, params, state.model_state.disc, real=real, fake=fake)
        loss = objective.discriminator_loss(
            real_logits=real_logits, fake_logits=fake_logits, divergence=settings.divergence
        )
        scaled_penalty, penalty = penalty_term(
            lambda points: disc.apply_twice({"params": params, **model_state}, points, train=True)[0],
            fakes.sample_keys,
            real=real,
            fake=fake,
            step=state.step,
            settings=settings,
            batch_independent=disc.batch_independent,
        )
        metrics = {
            "bound" if objective.uses_divergence else "critic": -loss,
            "penalty": penalty,
            **_logit_metrics(real_logits, fake_logits, boundary=objective.boundary),
        }
        return loss + scaled_penalty, (metrics, model_state)

    gradient, (metrics, model_state) = jax.grad(loss_fn, has_aux=True)(state.params.disc)
    return update_discriminator(
        state,
        gradient,
        model_state,
        metrics,
        optimizers=game.optimizers,
        axis_name=axis_name,
        flat=game.flat_mean,
        clip=settings.clip,
    )


def _logit_metrics(real_logits: jax.Array, fake_logits: jax.Array, *, boundary: float | None) -> Metrics:
    metrics = {"real_logit": jnp.mean(real_logits), "fake_logit": jnp.mean(fake_logits)}
    if boundary is not None:
        metrics["real_accuracy"] = jnp.mean(real_logits > boundary, dtype=jnp.float32)
        metrics["fake_accuracy"] = jnp.mean(fake_logits < boundary, dtype=jnp.float32)
    return metrics


def train_generator(
    state: TrainState, fakes: GeneratorPass, *, game: ContinuousGame, axis_name: str | None
) -> tuple[TrainState, Metrics]:
    """Moves the generator's points down the objective's slope, through the discriminator."""
    settings = game.settings
    slopes, gen_loss, fake_logits = point_gradients(state, fakes.logits, game=game)
    gradient = fakes.vjp(slopes / fakes.logits.shape[0])
    # Relative to the running average, the mean weight fits in float32 and travels in the same all-reduce.
    relative = jnp.exp(jnp.clip(fake_logits - state.log_partition_average, -80.0, 80.0))
    metrics = {
        "gen_loss": jnp.mean(gen_loss),
        "sample_logit": jnp.mean(fake_logits),
        "sample_logit_square": jnp.mean(jnp.square(fake_logits)),
        "log_partition": jnp.mean(relative),
    }
    before = state.log_partition_average
    state, metrics, _ = update_generator(
        state,
        gradient,
        fakes.model_state,
        metrics,
        optimizers=game.optimizers,
        axis_name=axis_name,
        flat=game.flat_mean,
        average_decay=settings.average_decay,
    )
    metrics["log_partition"] = before + jnp.log(metrics["log_partition"])
    average = moving_average(before, metrics["log_partition"], decay=settings.log_partition_decay)
    return state.replace(log_partition_average=average), metrics


def point_gradients(
    state: TrainState, points: jax.Array, *, game: ContinuousGame
) -> tuple[jax.Array, jax.Array, jax.Array]:
    r"""Computes the objective's slope at each point, :math:`\nabla_x L(F(x))`; points move down it.

    Args:
      state: the run's state; the discriminator is read, in its training mode, and not changed.
      points: ``[N, ...]``, float32.
      game: networks and settings. Static.

    Returns:
      The slopes ``[N, ...]``, the losses ``[N]``, and F ``[N]``.
    """
    variables = {"params": state.params.disc, **state.model_state.disc}
    objective = losses.GENERATOR_OBJECTIVES[game.settings.objective]

    def loss_fn(points: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        fake_logits, _ = game.networks.disc.apply(variables, points, train=True)
        per_point = objective.generator_loss(
            fake_logits, divergence=game.settings.divergence, log_partition=state.log_partition_average
        )
        return jnp.sum(per_point), (per_point, fake_logits)

    slopes, (per_point, fake_logits) = jax.grad(loss_fn, has_aux=True)(points)
    return slopes, per_point, fake_logits
