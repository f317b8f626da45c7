r"""One training step of a generative adversarial network of continuous data, whose generator follows gradients of F.

Section 3 of Hjelm et al. 2018, "Boundary-Seeking Generative Adversarial Networks", https://arxiv.org/abs/1702.08431:
the discriminator estimates :math:`F = \log p/q`, and the generator minimises :math:`E[F(G(z))^2]`, or one of the
objectives that this replaces. The step is written for one device's share of the batch; only ``runtime/parallel.py``
knows how many devices there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bgan_jax import losses
from bgan_jax.algorithms.objectives import OBJECTIVES, Objective
from bgan_jax.algorithms.regularisation import REGULARISERS, annealed, check_penalty, clipped
from bgan_jax.algorithms.state import Pair, TrainState
from bgan_jax.algorithms.updates import (
    Generated,
    generate,
    judge,
    mean_over_devices,
    update_discriminator,
    update_generator,
)
from bgan_jax.networks import Networks

Metrics = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class ContinuousSettings:
    """What a continuous run may choose; everything here is static and shapes the compiled program.

    Attributes:
      objective: what the generator minimises, a key of ``bgan_jax.algorithms.objectives.OBJECTIVES``.
      divergence: name of the divergence that trains the discriminator, where the objective has none of its own.
      penalty: the coefficient gamma of the penalty on the discriminator's input gradient; 0 switches it off.
      penalty_form: which penalty, a key of ``bgan_jax.algorithms.regularisation.REGULARISERS``.
      penalty_half_life: steps in which the coefficient halves; ``None`` keeps it constant.
      clip: the discriminator's parameters are kept within plus or minus this; 0 clips nothing.
      disc_steps: discriminator updates per step, each on fresh data and samples.
      gen_steps: generator updates per step, all but the first on fresh samples.
      average_decay: decay per update of the generator's moving average.
      log_partition_decay: decay per generator update of the log-partition's moving average.
    """

    objective: str = "boundary_seeking"
    divergence: str = "gan"
    penalty: float = 1.0
    penalty_form: str = "gradient_norm"
    penalty_half_life: float | None = None
    clip: float = 0.0
    disc_steps: int = 1
    gen_steps: int = 1
    average_decay: float = 0.99
    log_partition_decay: float = 0.995

    def __post_init__(self) -> None:
        """Refuses settings that no step can honour.

        Raises:
          ValueError: a value is out of its range; the message names it, and what is legal.
        """
        if self.objective not in OBJECTIVES:
            raise ValueError(f"unknown objective {self.objective!r}; legal: {', '.join(OBJECTIVES)}")
        losses.as_divergence(self.divergence)
        check_penalty(self.penalty, penalty_form=self.penalty_form, penalty_half_life=self.penalty_half_life)
        if self.clip < 0.0:
            raise ValueError(f"clip is {self.clip}; it must not be negative; 0 switches it off")
        needs_divergence = REGULARISERS[self.penalty_form].needs_divergence
        if self.penalty > 0.0 and needs_divergence and not OBJECTIVES[self.objective].uses_divergence:
            others = [name for name, regulariser in REGULARISERS.items() if not regulariser.needs_divergence]
            raise ValueError(
                f"penalty_form {self.penalty_form!r} is weighted as a divergence asks, and objective "
                f"{self.objective!r} has none; use one of {', '.join(others)}, or penalty=0"
            )
        if min(self.disc_steps, self.gen_steps) < 1:
            raise ValueError(f"disc_steps={self.disc_steps} and gen_steps={self.gen_steps} must both be at least 1")


class ContinuousGame(NamedTuple):
    """What stays the same from step to step; everything here is static.

    Attributes:
      networks: both players.
      optimizers: one per player.
      settings: everything else.
    """

    networks: Networks
    optimizers: Pair
    settings: ContinuousSettings

    @property
    def objective(self) -> Objective:
        """The record of the settings' objective."""
        return OBJECTIVES[self.settings.objective]


def continuous_step(
    state: TrainState, real: jax.Array, example_index: jax.Array, *, game: ContinuousGame, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """One step: discriminator updates, then generator updates, the last and the first of them on the same samples.

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

    def generated(state: TrainState, i: int) -> Generated:
        return generate(state, jax.random.fold_in(step_key, i), example_index, networks=game.networks)

    return alternate(state, real, generated=generated, game=game, axis_name=axis_name)


def alternate(
    state: TrainState,
    real: jax.Array,
    *,
    generated: Callable[[TrainState, int], Generated],
    game: ContinuousGame,
    axis_name: str | None,
) -> tuple[TrainState, Metrics]:
    """The updates of one step, on points that the caller makes.

    Args:
      state: the run's state.
      real: data, as the discriminator takes it, ``[disc_steps, N, ...]``, float32.
      generated: ``(state, i) -> the generator's points`` of round i, each round with randomness of its own. Static.
      game: networks, optimizers, settings. Static.
      axis_name: the device axis, ``None`` on one device. Static.

    Returns:
      The next state, and scalar metrics averaged over the devices.
    """
    disc_steps, gen_steps = game.settings.disc_steps, game.settings.gen_steps
    # Unrolled on purpose: inside a compiled loop a CPU trains convolutions of the form "conv" far slower.
    for i in range(disc_steps):
        fakes = generated(state, i)
        state, disc_metrics = train_discriminator(state, real[i], fakes, game=game, axis_name=axis_name)
    # The generator has not moved since its last samples were made, so it goes back through them.
    state, gen_metrics = train_generator(state, fakes, game=game, axis_name=axis_name)
    for j in range(1, gen_steps):
        fakes = generated(state, disc_steps - 1 + j)
        state, gen_metrics = train_generator(state, fakes, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), {**disc_metrics, **gen_metrics}


def train_discriminator(
    state: TrainState, real: jax.Array, fakes: Generated, *, game: ContinuousGame, axis_name: str | None
) -> tuple[TrainState, Metrics]:
    """Descends the objective's discriminator loss on real and generated points, with its penalty."""
    networks, settings, objective = game.networks, game.settings, game.objective
    regulariser = REGULARISERS[settings.penalty_form]
    fake = jax.lax.stop_gradient(fakes.logits)
    coefficient = annealed(settings.penalty, state.step, half_life=settings.penalty_half_life)

    def loss_fn(params: Any) -> tuple[jax.Array, tuple[Metrics, Any]]:
        real_logits, fake_logits, model_state = judge(networks, params, state.model_state.disc, real=real, fake=fake)
        loss = objective.discriminator_loss(
            real_logits=real_logits, fake_logits=fake_logits, divergence=settings.divergence
        )
        metrics = {"bound" if objective.uses_divergence else "critic": -loss}
        metrics |= _about_logits(real_logits, fake_logits, boundary=objective.boundary)
        metrics["penalty"] = jnp.zeros(())
        if settings.penalty > 0.0:
            metrics["penalty"] = regulariser.penalty(
                lambda points: networks.disc_double_backward.apply(
                    {"params": params, **model_state}, points, train=True
                )[0],
                fakes.sample_keys,
                real=real,
                fake=fake,
                divergence=settings.divergence,
                together=networks.independent,
            )
            loss = loss + regulariser.factor * coefficient * metrics["penalty"]
        return loss, (metrics, model_state)

    gradient, (metrics, model_state) = jax.grad(loss_fn, has_aux=True)(state.params.disc)
    gradient, metrics = mean_over_devices((gradient, metrics), axis_name=axis_name)
    metrics["disc_gradient_norm"] = optax.tree.norm(gradient)
    state = update_discriminator(state, gradient, model_state, optimizers=game.optimizers)
    return state.replace(params=state.params._replace(disc=clipped(state.params.disc, limit=settings.clip))), metrics


def _about_logits(real_logits: jax.Array, fake_logits: jax.Array, *, boundary: float | None) -> Metrics:
    metrics = {"real_logit": jnp.mean(real_logits), "fake_logit": jnp.mean(fake_logits)}
    if boundary is not None:
        metrics["real_accuracy"] = jnp.mean(real_logits > boundary, dtype=jnp.float32)
        metrics["fake_accuracy"] = jnp.mean(fake_logits < boundary, dtype=jnp.float32)
    return metrics


def train_generator(
    state: TrainState, fakes: Generated, *, game: ContinuousGame, axis_name: str | None
) -> tuple[TrainState, Metrics]:
    """Moves the generator's points down the objective's slope, through the discriminator."""
    settings = game.settings
    slopes, gen_loss, fake_logits = point_gradients(state, fakes.logits, game=game)
    gradient = fakes.pull_back(slopes / fakes.logits.shape[0])
    # Relative to the running average, the mean weight fits in float32 and travels in the same all-reduce.
    relative = jnp.exp(jnp.clip(fake_logits - state.log_partition_average, -80.0, 80.0))
    metrics = {
        "gen_loss": jnp.mean(gen_loss),
        "sample_logit": jnp.mean(fake_logits),
        "sample_logit_square": jnp.mean(jnp.square(fake_logits)),
        "log_partition": jnp.mean(relative),
    }
    gradient, metrics = mean_over_devices((gradient, metrics), axis_name=axis_name)
    metrics["log_partition"] = state.log_partition_average + jnp.log(metrics["log_partition"])
    metrics["gen_gradient_norm"] = optax.tree.norm(gradient)
    state = update_generator(
        state, gradient, fakes.model_state, optimizers=game.optimizers, average_decay=settings.average_decay
    )
    decay = settings.log_partition_decay
    average = decay * state.log_partition_average + (1.0 - decay) * metrics["log_partition"]
    return state.replace(log_partition_average=average), metrics


def point_gradients(
    state: TrainState, points: jax.Array, *, game: ContinuousGame
) -> tuple[jax.Array, jax.Array, jax.Array]:
    r"""What the objective asks of points: its slope at each, :math:`\nabla_x L(F(x))`; points go down it.

    Args:
      state: the run's state; the discriminator is read, in its training mode, and not changed.
      points: ``[N, ...]``, float32.
      game: networks and settings. Static.

    Returns:
      The slopes ``[N, ...]``, the losses ``[N]``, and F ``[N]``.
    """
    variables = {"params": state.params.disc, **state.model_state.disc}

    def loss_fn(points: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        fake_logits, _ = game.networks.disc.apply(variables, points, train=True)
        per_point = game.objective.generator_loss(
            fake_logits, divergence=game.settings.divergence, log_partition=state.log_partition_average
        )
        return jnp.sum(per_point), (per_point, fake_logits)

    slopes, (per_point, fake_logits) = jax.grad(loss_fn, has_aux=True)(points)
    return slopes, per_point, fake_logits
