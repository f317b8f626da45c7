"""Algorithm 1: one training step of a generative adversarial network whose generator emits discrete data.

Hjelm et al. 2018, "Boundary-Seeking Generative Adversarial Networks", https://arxiv.org/abs/1702.08431, with the
corrections that ``bgan_jax.losses`` lists.

===================================  ============================================  ===================================
line of Algorithm 1                  function                                      test in tests/algorithms/
===================================  ============================================  ===================================
z_n ~ h, then g(.|z_n)               ``passes.generate``                           test_discrete.py,
                                                                                   test_steps_draw_fresh_numbers
x_m ~ g(.|z_n), w_m = e^F(x_m)       :func:`score`, by                             test_importance_sums.py
                                     ``importance_sums.score_samples``
the discriminator ascends the        :func:`train_discriminator`, by               test_discrete.py,
bound of f on x ~ p and x_m          ``losses.variational_lower_bound``            test_every_divergence_steps
w~_m = w_m / sum_m' w_m'             ``estimators.boundary_seeking``               test_discrete.py,
                                                                                   test_one_backward_pass_equals_m
the generator descends               :func:`train_generator`, by                   test_discrete.py,
-sum_m w~_m log g(x_m|z_n)           ``estimators.generator_loss``                 test_one_backward_pass_equals_m
===================================  ============================================  ===================================

``log g`` is linear in a sample's statistics, so the last line needs of the M samples nothing but their weighted sum:
the sums are taken while the samples are scored, and one backward pass at the weighted mean sample serves any M
(``sample_by_sample.py`` has families that are not linear). For a training loop of your own,
``losses.importance_weighted_loss`` is the same gradient from M log-probabilities.
``control_variate.with_control_variate`` may lower the gradient's variance; it is not in the paper.

The step is written for one device's share of the batch; ``runtime/parallel.py`` runs it on many.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from bgan_jax.algorithms.control_variate import with_control_variate
from bgan_jax.algorithms.estimators import ESTIMATORS, PER_POSITION, Context
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.importance_sums import ScoredSamples, importance_sums, score_samples, summed_statistics
from bgan_jax.algorithms.learned_baseline import regress, update_baseline
from bgan_jax.algorithms.linear_part import linear_part
from bgan_jax.algorithms.microbatches import lower_bound
from bgan_jax.algorithms.passes import GeneratorPass, generate
from bgan_jax.algorithms.regularisation import penalty_term
from bgan_jax.algorithms.sample_by_sample import logits_gradient, points_between
from bgan_jax.algorithms.settings import GameSettings
from bgan_jax.algorithms.state import TrainState
from bgan_jax.algorithms.updates import Metrics, moving_average, update_discriminator, update_generator
from bgan_jax.conditionals import sample_statistics
from bgan_jax.conditionals.keys import penalty_keys
from bgan_jax.networks.interface import Apply


@dataclasses.dataclass(frozen=True)
class DiscreteSettings(GameSettings):
    """The settings of a discrete run; everything here is static and shapes the compiled program.

    Attributes:
      num_samples: M, samples drawn from each latent's conditional; at least 2.
      disc_fakes_per_latent: k, how many of the M the discriminator learns from; k = M is the paper's form, k = 1 has
        the same expected gradient at a fraction of the cost.
      sample_chunk: how many of the M are in memory at once; divides M. ``None`` leaves it to ``Game.microbatches``.
      estimator: name of the generator's estimator, a key of ``bgan_jax.algorithms.estimators.ESTIMATORS``.
      control_variate: whether the linear part of F is the estimator's control variate: the same expected gradient, with
        less variance, for one more pass of the discriminator over N points.
      learning_rate_baseline: Adam's step size for a learned baseline.
    """

    penalty: float = 5.0
    num_samples: int = 10
    disc_fakes_per_latent: int = 1
    sample_chunk: int | None = None
    estimator: str = "boundary_seeking"
    control_variate: bool = False
    learning_rate_baseline: float = 1e-3

    def __post_init__(self) -> None:
        """Checks every value.

        Raises:
          ValueError: a value is out of its range; the message names it, and what is legal.
        """
        super().__post_init__()
        if self.num_samples < 2:
            raise ValueError(
                f"num_samples is {self.num_samples}; it must be at least 2: a single sample has weight 1 whatever the "
                "discriminator says, so it carries no signal"
            )
        if not 1 <= self.disc_fakes_per_latent <= self.num_samples:
            raise ValueError(
                f"disc_fakes_per_latent is {self.disc_fakes_per_latent}; it must be between 1 and "
                f"num_samples={self.num_samples}"
            )
        if self.sample_chunk is not None and (self.sample_chunk < 1 or self.num_samples % self.sample_chunk):
            small = [size for size in range(1, math.isqrt(self.num_samples) + 1) if self.num_samples % size == 0]
            divisors = sorted({*small, *(self.num_samples // size for size in small)})
            raise ValueError(
                f"sample_chunk is {self.sample_chunk}; it must divide num_samples={self.num_samples}: one of {divisors}"
            )
        if self.estimator not in ESTIMATORS:
            raise ValueError(f"unknown estimator {self.estimator!r}; legal: {', '.join(ESTIMATORS)}")


DiscreteGame = Game[DiscreteSettings]


def discrete_step(
    state: TrainState, real: jax.Array, example_index: jax.Array, *, game: DiscreteGame, axis_name: str | None = None
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
      The next state, and scalar metrics averaged over the devices.
    """
    disc_steps, gen_steps = game.settings.disc_steps, game.settings.gen_steps
    step_key = jax.random.fold_in(state.key, state.step)

    def sample(state: TrainState, i: int) -> GeneratorPass:
        return generate(state, jax.random.fold_in(step_key, i), example_index, networks=game.networks)

    for i in range(disc_steps):
        fakes, before = sample(state, i), state
        state, first, disc_metrics = train_discriminator(state, real[i], fakes, game=game, axis_name=axis_name)
    # The weights are those of the discriminator before its update, whose forward pass has scored k of the M samples.
    scored = score(before, fakes, game=game, first=first)
    state, gen_metrics = train_generator(state, fakes, scored, game=game, axis_name=axis_name)
    for j in range(1, gen_steps):
        fakes = sample(state, disc_steps - 1 + j)
        scored = score(state, fakes, game=game)
        state, gen_metrics = train_generator(state, fakes, scored, game=game, axis_name=axis_name)
    return state.replace(step=state.step + 1), {**disc_metrics, **gen_metrics}


def score(
    state: TrainState, fakes: GeneratorPass, *, game: DiscreteGame, first: tuple[jax.Array, jax.Array] | None = None
) -> ScoredSamples:
    """Evaluates F on all M samples of every latent, forward only; the samples are drawn where they are scored.

    Args:
      state: the run's state, whose discriminator scores.
      fakes: the latents' conditionals, with their keys.
      game: networks, conditional, settings. Static.
      first: F ``[k, N]`` of the first k samples of every latent, and what is summed of them, where a discriminator's
        update has scored them; ``None`` where none has.

    Returns:
      The sums over the samples that an estimator needs, and with a control variate the linear part of F.
    """
    settings, microbatches, disc = game.settings, game.microbatches, game.networks.disc

    def log_ratio_fn(apply: Apply) -> Callable[[jax.Array], jax.Array]:
        return lambda points: apply({"params": state.params.disc, **state.model_state.disc}, points, train=True)[0]

    linear = None
    if settings.control_variate:
        linear = linear_part(log_ratio_fn(disc.apply), game.conditional, fakes.logits)
    return score_samples(
        log_ratio_fn(microbatches.loop_form(disc) or disc.apply),
        game.conditional,
        fakes.sample_keys,
        fakes.logits,
        num_samples=settings.num_samples,
        sample_chunk=settings.sample_chunk
        or microbatches.sample_chunk(settings.num_samples, num_latents=len(fakes.logits)),
        num_scored=0 if first is None else settings.disc_fakes_per_latent,
        sums=None if first is None else importance_sums(*first, linear=linear),
        linear=linear,
    )


def train_discriminator(
    state: TrainState, real: jax.Array, fakes: GeneratorPass, *, game: DiscreteGame, axis_name: str | None
) -> tuple[TrainState, tuple[jax.Array, jax.Array], Metrics]:
    """Ascends the variational bound on real data and k fakes per latent, less the penalty.

    Args:
      state: the run's state.
      real: data, as integers, ``[N, ...]``.
      fakes: the latents' conditionals, with their keys.
      game: networks, conditional, optimizers, settings. Static.
      axis_name: the device axis, ``None`` on one device. Static.

    Returns:
      The next state; F of the k samples before the update, ``[k, N]``, and what is summed of them; and metrics.
    """
    conditional, disc, settings = game.conditional, game.networks.disc, game.settings
    real_points = conditional.statistics(real)
    index = jnp.arange(settings.disc_fakes_per_latent)
    fake_points = sample_statistics(conditional, fakes.sample_keys, fakes.logits, sample_index=index)
    penalised = points_between(conditional, fakes.logits, fake_points)

    def loss_fn(params: Any) -> tuple[jax.Array, tuple[Metrics, jax.Array, Any]]:
        bound, (real_logits, fake_logits, model_state) = lower_bound(
            disc,
            params,
            state.model_state.disc,
            real=real_points,
            fakes=fake_points,
            divergence=settings.divergence,
            microbatches=game.microbatches,
        )
        scaled_penalty, penalty = penalty_term(
            lambda points: disc.apply_twice({"params": params, **model_state}, points, train=True)[0],
            penalty_keys(fakes.sample_keys, num_samples=settings.num_samples),
            real=real_points,
            fake=penalised,
            step=state.step,
            settings=settings,
            batch_independent=disc.batch_independent,
        )
        metrics = {
            "bound": bound,
            "penalty": penalty,
            "real_logit": jnp.mean(real_logits),
            "fake_logit": jnp.mean(fake_logits),
            "real_accuracy": jnp.mean(real_logits > 0.0, dtype=jnp.float32),
            "fake_accuracy": jnp.mean(fake_logits < 0.0, dtype=jnp.float32),
        }
        return -bound + scaled_penalty, (metrics, fake_logits, model_state)

    gradient, (metrics, fake_logits, model_state) = jax.grad(loss_fn, has_aux=True)(state.params.disc)
    state, metrics = update_discriminator(
        state, gradient, model_state, metrics, optimizers=game.optimizers, axis_name=axis_name, flat=game.flat_mean
    )
    summed = summed_statistics(conditional, fake_points, sample_index=index, num_samples=settings.num_samples)
    return state, (fake_logits, summed), metrics


def train_generator(
    state: TrainState, fakes: GeneratorPass, scored: ScoredSamples, *, game: DiscreteGame, axis_name: str | None
) -> tuple[TrainState, Metrics]:
    """Fits the generator to its weighted samples: one backward pass, at the weighted mean sample, whatever M is.

    Args:
      state: the run's state.
      fakes: the generator's pass.
      scored: the sums over its samples. Constants.
      game: networks, conditional, optimizers, settings. Static.
      axis_name: the device axis, ``None`` on one device. Static.

    Returns:
      The next state, and metrics.

    Raises:
      ValueError: F is per position, and the estimator has no such form.
    """
    settings = game.settings
    if scored.log_partition.ndim > 1 and settings.estimator not in PER_POSITION:
        raise ValueError(
            f"estimator {settings.estimator!r} has no form with one F per position; legal: {', '.join(PER_POSITION)}"
        )
    regression = regress(state.baseline, fakes.latents, scored, networks=game.networks)
    context = Context(
        num_samples=settings.num_samples,
        log_partition_average=state.log_partition_average,
        axis_name=axis_name,
        baseline=regression.values,
    )
    coefficient_sums = ESTIMATORS[settings.estimator](scored, context)
    coefficient_sums, control_metrics = with_control_variate(coefficient_sums, scored, context)
    gradient = fakes.vjp(logits_gradient(fakes, coefficient_sums, conditional=game.conditional))
    metrics = {
        "log_partition": jnp.mean(scored.log_partition),
        "effective_sample_size": jnp.mean(scored.effective_sample_size),
        "sample_logit": jnp.mean(scored.log_ratio_mean),
        "sample_logit_square": jnp.mean(scored.log_ratio_square_mean),
        **control_metrics,
        **regression.metrics,
    }
    state, metrics, baseline_gradient = update_generator(
        state,
        gradient,
        fakes.model_state,
        metrics,
        optimizers=game.optimizers,
        axis_name=axis_name,
        flat=game.flat_mean,
        average_decay=settings.average_decay,
        other_gradients=regression.gradient,
    )
    return state.replace(
        log_partition_average=moving_average(
            state.log_partition_average, metrics["log_partition"], decay=settings.log_partition_decay
        ),
        baseline=update_baseline(state.baseline, baseline_gradient, learning_rate=settings.learning_rate_baseline),
    ), metrics
