"""Training runs on an enumerable state space, several seeds at once, with exact divergences over the steps."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bgan_jax.algorithms.discrete import DiscreteGame, discrete_step
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.relaxation import annealed_temperature
from bgan_jax.algorithms.state import TrainState, init_state
from bgan_jax.algorithms.updates import update_generator
from bgan_jax.evaluation.enumerable import EnumerableTarget
from bgan_jax.evaluation.estimator_quality import QUICK_COMPILATION
from bgan_jax.evaluation.exact import exact_divergence, marginal_log_probs
from experiments.estimators.game import (
    draw_real,
    enumerable_game,
    finite_log_probs,
    latent_log_probs,
    optimal_step,
    table_log_probs,
)
from experiments.estimators.gradients import ESTIMATED_LOSSES, RELAXED, relaxed_gradients


class TrainingSettings(NamedTuple):
    """Settings of all runs on one target.

    Attributes:
      num_latents: Z, rows of the generator's table.
      batch_size: N.
      num_samples: M.
      steps: training steps.
      records: how often the divergence is recorded, the start not counted; divides ``steps``.
      learning_rate_gen: Adam's step size for the table.
      learning_rate_disc: Adam's step size for a trained discriminator.
      disc_width: units in each of its two hidden layers.
      disc_steps: its updates per step.
      learning_rate_baseline: Adam's step size for REINFORCE's learned baseline.
      temperature: lowest temperature of the relaxed estimators, which anneal to it from three times that.
    """

    num_latents: int
    batch_size: int
    num_samples: int
    steps: int
    records: int
    learning_rate_gen: float
    learning_rate_disc: float
    disc_width: int
    disc_steps: int
    learning_rate_baseline: float
    temperature: float


class Curves(NamedTuple):
    """Exact divergences over a run, for every seed.

    Attributes:
      steps: where they were taken, ``[R + 1]``.
      kl: KL(p || q) in nats, ``[seeds, R + 1]``.
      reverse_kl: KL(q || p) in nats, ``[seeds, R + 1]``.
    """

    steps: np.ndarray
    kl: np.ndarray
    reverse_kl: np.ndarray


Step = Callable[[TrainState], TrainState]


def _schedule(settings: TrainingSettings) -> optax.Schedule:
    """Returns a step size that falls to zero in the second half, so that noise does not hide where a run converges."""
    half = settings.steps // 2
    return optax.linear_schedule(settings.learning_rate_gen, 0.0, settings.steps - half, transition_begin=half)


def _divergences(target: EnumerableTarget, game: DiscreteGame, table: jax.Array) -> tuple[jax.Array, jax.Array]:
    log_p, log_h = jnp.asarray(finite_log_probs(target)), latent_log_probs(table.shape[0])
    log_q = marginal_log_probs(table_log_probs(target, game.conditional)(table), latent_log_probs=log_h)
    kl, reverse_kl = (
        exact_divergence(target_log_probs=log_p, model_log_probs=log_q, divergence=name)
        for name in ("kl", "reverse_kl")
    )
    return kl, reverse_kl


def _exact_step(target: EnumerableTarget, game: DiscreteGame, *, loss: str) -> Step:
    """Returns the step along the exact gradient of a loss: an estimator without noise, at infinite M."""
    loss_fn = dict(ESTIMATED_LOSSES.values())[loss]
    log_probs_of, log_p = table_log_probs(target, game.conditional), jnp.asarray(finite_log_probs(target))

    def value(table: jax.Array) -> jax.Array:
        log_g, log_h = log_probs_of(table), latent_log_probs(table.shape[0])
        log_ratio = jax.lax.stop_gradient(log_p - marginal_log_probs(log_g, latent_log_probs=log_h))
        return loss_fn(log_g, log_ratio=log_ratio, latent_log_probs=log_h)

    def step(state: TrainState) -> TrainState:
        gradient = {"logits": jax.grad(value)(state.params.gen["logits"])}
        state, _, _ = update_generator(
            state, gradient, state.model_state.gen, {}, optimizers=game.optimizers, axis_name=None, average_decay=0.0
        )
        return state.replace(step=state.step + 1)

    return step


def _relaxed_step(target: EnumerableTarget, game: DiscreteGame, settings: TrainingSettings, *, hard: bool) -> Step:
    """Returns the step of Gumbel-softmax against the multilinear extension of the optimal discriminator."""
    log_probs_of, log_p = table_log_probs(target, game.conditional), jnp.asarray(finite_log_probs(target))
    log_h = latent_log_probs(settings.num_latents)

    def step(state: TrainState) -> TrainState:
        key = jax.random.fold_in(state.key, state.step)
        fakes = generate(state, key, jnp.arange(settings.batch_size), networks=game.networks)
        log_q = marginal_log_probs(log_probs_of(state.params.gen["logits"]), latent_log_probs=log_h)
        temperature = annealed_temperature(
            state.step, initial=3 * settings.temperature, rate=4 / settings.steps, minimum=settings.temperature
        )
        each = relaxed_gradients(
            fakes.sample_keys[0],
            fakes.logits,
            log_p - log_q,
            conditional=game.conditional,
            num_symbols=target.num_symbols,
            num_samples=settings.num_samples,
            temperature=temperature,
            hard=hard,
        )
        cotangent = jnp.mean(each, axis=0) / settings.batch_size
        state, _, _ = update_generator(
            state,
            fakes.vjp(cotangent),
            fakes.model_state,
            {},
            optimizers=game.optimizers,
            axis_name=None,
            average_decay=0.0,
        )
        return state.replace(step=state.step + 1)

    return step


def _trained_step(target: EnumerableTarget, game: DiscreteGame, settings: TrainingSettings) -> Step:
    """Returns the step of Algorithm 1, whose discriminator is a network that learns from data."""

    def step(state: TrainState) -> TrainState:
        # The step's own keys come from state.key too; a folded-in word keeps the data's apart.
        key = jax.random.fold_in(jax.random.fold_in(state.key, 0xDA7A), state.step)
        size = settings.batch_size * settings.disc_steps
        real = draw_real(key, target, batch_size=size)
        real = real.reshape(settings.disc_steps, settings.batch_size, *real.shape[1:])
        return discrete_step(state, real, jnp.arange(settings.batch_size), game=game)[0]

    return step


def make_step(
    target: EnumerableTarget, name: str, *, settings: TrainingSettings, discriminator: str
) -> tuple[DiscreteGame, Step]:
    """Returns the game and the step of one run.

    Args:
      target: p.
      name: an estimator; or, with an exact gradient, the name of the loss.
      settings: of all runs.
      discriminator: ``"optimal"``, ``"trained"``, or ``"exact"`` for exact gradients without samples.

    Returns:
      The game, and its step.
    """
    trained = discriminator == "trained"
    game = enumerable_game(
        target,
        num_latents=settings.num_latents,
        optimizer=optax.adam(_schedule(settings), b1=0.5),
        disc_widths=(settings.disc_width, settings.disc_width) if trained else None,
        disc_optimizer=optax.adam(settings.learning_rate_disc, b1=0.5) if trained else None,
        num_samples=settings.num_samples,
        disc_steps=settings.disc_steps if trained else 1,
        estimator=name if discriminator != "exact" and name not in RELAXED else "boundary_seeking",
        penalty=0.0,
        average_decay=0.0,
        learning_rate_baseline=settings.learning_rate_baseline,
    )
    if discriminator == "exact":
        return game, _exact_step(target, game, loss=name)
    if trained:
        return game, _trained_step(target, game, settings)
    if name in RELAXED:
        return game, _relaxed_step(target, game, settings, hard=name == "gumbel_straight_through")
    return game, functools.partial(optimal_step, game=game, batch_size=settings.batch_size)


def train_curves(
    key: jax.Array,
    target: EnumerableTarget,
    name: str,
    *,
    settings: TrainingSettings,
    discriminator: str,
    num_seeds: int,
) -> tuple[Curves, float]:
    """Trains from several seeds at once and records the exact divergences.

    Args:
      key: seed s starts from ``fold_in(key, s)``: the same table and the same latents whatever the estimator.
      target: p.
      name: as in :func:`make_step`.
      settings: of all runs.
      discriminator: as in :func:`make_step`.
      num_seeds: seeds.

    Returns:
      The curves, and the seconds that the compiled program took.
    """
    game, step = make_step(target, name, settings=settings, discriminator=discriminator)
    between = settings.steps // settings.records

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        state = init_state(key, networks=game.networks, optimizers=game.optimizers)

        def record(state: TrainState, _: Any) -> tuple[TrainState, tuple[jax.Array, jax.Array]]:
            divergences = _divergences(target, game, state.params.gen["logits"])
            return jax.lax.fori_loop(0, between, lambda _, state: step(state), state), divergences

        # The last pass through the loop serves its record alone; one program instead of two.
        return jax.lax.scan(record, state, None, length=settings.records + 1)[1]

    keys = jax.vmap(lambda seed: jax.random.fold_in(key, seed))(jnp.arange(num_seeds))
    program = jax.jit(jax.vmap(run), compiler_options=QUICK_COMPILATION).lower(keys).compile()
    start = time.perf_counter()
    kl, reverse_kl = jax.block_until_ready(program(keys))
    seconds = time.perf_counter() - start
    curves = Curves(
        steps=between * np.arange(settings.records + 1), kl=np.asarray(kl), reverse_kl=np.asarray(reverse_kl)
    )
    return curves, seconds
