"""Algorithm 1: one training step of a generative adversarial network whose generator emits discrete data.

Hjelm et al. 2018, "Boundary-Seeking Generative Adversarial Networks", https://arxiv.org/abs/1702.08431, with the
corrections that ``bgan_jax.losses`` lists. The step is written for one device's share of the batch; only
``runtime/parallel.py`` knows how many devices there are.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from bgan_jax import losses
from bgan_jax.algorithms.estimators import ESTIMATORS, PER_POSITION, Context, generator_loss
from bgan_jax.algorithms.game import Game
from bgan_jax.algorithms.importance_sums import ScoredSamples, Sums, default_sample_chunk, score_samples, sum_up
from bgan_jax.algorithms.learned_baseline import regress, update_baseline
from bgan_jax.algorithms.microbatches import mean_batchwise
from bgan_jax.algorithms.regularisation import REGULARISERS, annealed, check_penalty, check_stride
from bgan_jax.algorithms.state import TrainState
from bgan_jax.algorithms.updates import (
    Generated,
    generate,
    judge,
    mean_over_devices,
    update_discriminator,
    update_generator,
)
from bgan_jax.conditionals import sample_conditionals
from bgan_jax.networks import Networks, Player

Metrics = dict[str, jax.Array]

# From how many fake values, points times their size, a discriminator learns at a time in a loop, at least one sample of
# every latent. Fewer read the parameters too often, and what lies between the layers of more does not stay in a cache.
LEARNING_VALUES = 2**17


@dataclasses.dataclass(frozen=True)
class DiscreteSettings:
    """What a discrete run may choose; everything here is static and shapes the compiled program.

    Attributes:
      num_samples: M, samples drawn from each latent's conditional; at least 2.
      disc_fakes_per_latent: k, how many of the M the discriminator learns from; k = M is the paper's form, k = 1 has
        the same expected gradient at a fraction of the cost.
      sample_chunk: how many of the M are in memory at once; divides M. ``None`` picks what the backend likes
        best (``scoring.default_sample_chunk``).
      divergence: name of the divergence that trains the discriminator.
      estimator: name of the generator's estimator, a key of ``bgan_jax.algorithms.estimators.ESTIMATORS``.
      penalty: the coefficient gamma of the penalty on the discriminator's input gradient; 0 switches it off.
      penalty_form: which penalty, a key of ``bgan_jax.algorithms.regularisation.REGULARISERS``.
      penalty_stride: the penalty is taken on one example in so many, data and fake: an unbiased estimate, at a fraction
        of the cost of differentiating twice. Divides each device's share of the batch.
      penalty_half_life: steps in which the coefficient halves; ``None`` keeps it constant.
      disc_steps: discriminator updates per step, each on fresh data and samples.
      gen_steps: generator updates per step, each on fresh samples.
      average_decay: decay per update of the generator's moving average.
      log_partition_decay: decay per step of the log-partition's moving average.
      learning_rate_baseline: Adam's step size for a learned baseline.
    """

    num_samples: int = 10
    disc_fakes_per_latent: int = 1
    sample_chunk: int | None = None
    divergence: str = "jensen_shannon"
    estimator: str = "boundary_seeking"
    penalty: float = 5.0
    penalty_form: str = "gradient_norm"
    penalty_stride: int = 1
    penalty_half_life: float | None = None
    disc_steps: int = 1
    gen_steps: int = 1
    average_decay: float = 0.99
    log_partition_decay: float = 0.995
    learning_rate_baseline: float = 1e-3

    def __post_init__(self) -> None:
        """Refuses settings that no step can honour.

        Raises:
          ValueError: a value is out of its range; the message names it, and what is legal.
        """
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
            divisors = [size for size in range(1, self.num_samples + 1) if self.num_samples % size == 0]
            raise ValueError(
                f"sample_chunk is {self.sample_chunk}; it must divide num_samples={self.num_samples}: one of {divisors}"
            )
        losses.as_divergence(self.divergence)
        if self.estimator not in ESTIMATORS:
            raise ValueError(f"unknown estimator {self.estimator!r}; legal: {', '.join(ESTIMATORS)}")
        check_penalty(self.penalty, penalty_form=self.penalty_form, penalty_half_life=self.penalty_half_life)
        if self.penalty_stride < 1:
            raise ValueError(f"penalty_stride is {self.penalty_stride}; it must be at least 1")
        if min(self.disc_steps, self.gen_steps) < 1:
            raise ValueError(f"disc_steps={self.disc_steps} and gen_steps={self.gen_steps} must both be at least 1")


DiscreteGame = Game[DiscreteSettings]


def discrete_step(
    state: TrainState, real: jax.Array, example_index: jax.Array, *, game: DiscreteGame, axis_name: str | None = None
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
      The next state, and scalar metrics averaged over the devices.
    """
    settings = game.settings
    step_key = jax.random.fold_in(state.key, state.step)
    last = settings.disc_steps - 1
    # Unrolled on purpose: inside a compiled loop a CPU trains convolutions of the form "conv" far slower.
    for i in range(last):
        fakes = generate(state, jax.random.fold_in(step_key, i), example_index, networks=game.networks)
        state, _, _ = train_discriminator(state, real[i], fakes, game=game, axis_name=axis_name)

    # Data x ~ p, latents z ~ h, and M conditional samples x_m ~ g(.|z) of each latent.
    fakes = generate(state, jax.random.fold_in(step_key, last), example_index, networks=game.networks)
    # The discriminator ascends the bound. Its forward pass scores the samples that it learns from on the way; as it was
    # before its update, it scores the others.
    before = state
    state, sums, disc_metrics = train_discriminator(state, real[last], fakes, game=game, axis_name=axis_name)
    scored = score(before, fakes, game=game, sums=sums)
    # The generator is fitted to its own samples as weighted.
    state, gen_metrics = train_generator(state, fakes, scored, game=game, axis_name=axis_name)

    for j in range(1, settings.gen_steps):
        fakes = generate(state, jax.random.fold_in(step_key, last + j), example_index, networks=game.networks)
        state, gen_metrics = train_generator(
            state, fakes, score(state, fakes, game=game), game=game, axis_name=axis_name
        )
    return state.replace(step=state.step + 1), {**disc_metrics, **gen_metrics}


def score(state: TrainState, fakes: Generated, *, game: DiscreteGame, sums: Sums | None = None) -> ScoredSamples:
    """F on all M samples of every latent, forward only; the samples are drawn where they are scored.

    Args:
      state: the run's state, whose discriminator scores.
      fakes: the latents' conditionals, with their keys.
      game: networks, conditional, settings. Static.
      sums: over those samples that a discriminator's update has scored on its way; ``None`` where none has.

    Returns:
      What the samples amount to.
    """
    num_samples, disc = game.settings.num_samples, looped(game.networks) or game.networks.disc

    def statistic_fn(points: jax.Array) -> jax.Array:
        return disc.apply({"params": state.params.disc, **state.model_state.disc}, points, train=True)[0]

    return score_samples(
        statistic_fn,
        game.conditional,
        fakes.sample_keys,
        fakes.logits,
        num_samples=num_samples,
        sample_chunk=game.settings.sample_chunk or default_sample_chunk(num_samples, num_latents=len(fakes.logits)),
        num_scored=0 if sums is None else game.settings.disc_fakes_per_latent,
        sums=sums,
    )


def train_discriminator(
    state: TrainState, real: jax.Array, fakes: Generated, *, game: DiscreteGame, axis_name: str | None
) -> tuple[TrainState, Sums, Metrics]:
    """Ascends the variational bound on real data and k fakes per latent, less the penalty; sums the k up as scored."""
    conditional, networks, settings = game.conditional, game.networks, game.settings
    regulariser = REGULARISERS[settings.penalty_form]
    check_stride(settings.penalty_stride, num_examples=real.shape[0])
    real_points = conditional.statistics(real)
    fake_points = conditional.statistics(
        sample_conditionals(
            conditional, fakes.sample_keys, fakes.logits, sample_index=jnp.arange(settings.disc_fakes_per_latent)
        )
    )
    # The penalty's fake points are probabilities, as in the authors' code: between the vertices, where samples are not,
    # is where a discriminator of discrete data can grow without being seen to.
    relaxed_points = conditional.mean(jax.lax.stop_gradient(fakes.logits))
    # Samples fold in their own index, so M itself is free.
    penalty_keys = jax.vmap(lambda key: jax.random.fold_in(key, settings.num_samples))(fakes.sample_keys)

    def objective(params: Any) -> tuple[jax.Array, tuple[Metrics, jax.Array, Any]]:
        model_state = state.model_state.disc
        bound, (real_logits, fake_logits, model_state) = bound_on(
            params,
            model_state,
            real=real_points,
            fakes=fake_points,
            networks=networks,
            divergence=settings.divergence,
        )
        penalty = jnp.zeros(())
        if settings.penalty > 0.0:
            penalty = regulariser.penalty(
                lambda points: _one_of_each(
                    networks.disc_double_backward.apply({"params": params, **model_state}, points, train=True)[0],
                    penalty_keys[:: settings.penalty_stride],
                ),
                penalty_keys[:: settings.penalty_stride],
                real=real_points[:: settings.penalty_stride],
                fake=relaxed_points[:: settings.penalty_stride],
                divergence=settings.divergence,
                together=networks.independent,
            )
        metrics = {
            "bound": bound,
            "penalty": penalty,
            "real_logit": jnp.mean(real_logits),
            "fake_logit": jnp.mean(fake_logits),
            "real_accuracy": jnp.mean(real_logits > 0.0, dtype=jnp.float32),
            "fake_accuracy": jnp.mean(fake_logits < 0.0, dtype=jnp.float32),
        }
        coefficient = annealed(settings.penalty, state.step, half_life=settings.penalty_half_life)
        loss = -bound + regulariser.factor * coefficient * penalty
        return loss, (metrics, fake_logits, model_state)

    gradient, (metrics, fake_logits, model_state) = jax.grad(objective, has_aux=True)(state.params.disc)
    gradient, metrics = mean_over_devices((gradient, metrics), axis_name=axis_name)
    metrics["disc_gradient_norm"] = optax.tree.norm(gradient)
    state = update_discriminator(state, gradient, model_state, optimizers=game.optimizers)
    return state, sum_up(fake_logits, fake_points), metrics


def looped(networks: Networks) -> Player | None:
    """The discriminator in the form that this backend runs in a loop over small batches; ``None`` where it does not."""
    return networks.disc_in_loop if jax.default_backend() == "cpu" else None


def bound_on(
    params: Any, model_state: Any, *, real: jax.Array, fakes: jax.Array, networks: Networks, divergence: str
) -> tuple[jax.Array, tuple[jax.Array, jax.Array, Any]]:
    """The variational bound of real points ``[N, ...]`` and k fake ones per latent, ``[k, N, ...]``.

    The bound is a term of real points plus a mean over fake ones. So where the backend gains by it, the latter's
    gradient is taken a few samples of every latent at a time, in a loop: of 1,280 digits in half the time, on CPU. The
    samples that do not fill a round of it pass with the real points.

    Returns:
      The bound in nats; F of real and of fake points; the discriminator's next statistics.
    """
    num_fakes = len(fakes)
    at_a_time = max(1, LEARNING_VALUES // fakes[0].size)
    in_loop = looped(networks) if num_fakes > at_a_time else None
    first = num_fakes if in_loop is None else num_fakes % at_a_time
    real_logits, first_logits, model_state = judge(
        networks, params, model_state, real=real, fake=fakes[:first].reshape((-1, *fakes.shape[2:]))
    )
    first_logits = first_logits.reshape((first, fakes.shape[1], *first_logits.shape[1:]))
    if in_loop is None:
        bound = losses.variational_lower_bound(real_logits=real_logits, fake_logits=first_logits, divergence=divergence)
        return bound, (real_logits, first_logits, model_state)

    def fake_term(logits: jax.Array) -> jax.Array:
        # Real points enter by a constant, which leaves the gradient as it is.
        constant = jnp.zeros(1)
        return losses.variational_lower_bound(real_logits=constant, fake_logits=logits, divergence=divergence)

    def term_and_logits(params: Any, batch: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = in_loop.apply({"params": params, **model_state}, batch, train=True)[0]
        return fake_term(logits), logits

    rounds = fakes[first:].reshape((-1, at_a_time * fakes.shape[1], *fakes.shape[2:]))
    term, logits = mean_batchwise(term_and_logits, params, rounds)
    share = first / num_fakes
    slope = (1.0 - share) * term + (share * fake_term(first_logits) if first else 0.0)
    fake_logits = jnp.concatenate([first_logits, logits.reshape((num_fakes - first, *first_logits.shape[1:]))])
    bound = losses.variational_lower_bound(
        real_logits=real_logits, fake_logits=jax.lax.stop_gradient(fake_logits), divergence=divergence
    )
    return bound + (slope - jax.lax.stop_gradient(slope)), (real_logits, fake_logits, model_state)


def _one_of_each(logits: jax.Array, keys: jax.Array) -> jax.Array:
    """F as it is; or, of one F per position, that of a position drawn for each example: on average the mean of all."""
    if logits.ndim == 1:
        return logits
    if len(logits) > len(keys):  # Real and fake points in one batch.
        keys = jnp.concatenate([keys, keys])
    position = jax.vmap(lambda key: jax.random.randint(jax.random.fold_in(key, 1), (), 0, logits.shape[1]))(keys)
    return jnp.take_along_axis(logits, position[:, None], axis=1)[:, 0]


def train_generator(
    state: TrainState, fakes: Generated, scored: ScoredSamples, *, game: DiscreteGame, axis_name: str | None
) -> tuple[TrainState, Metrics]:
    """Fits the generator to its samples as weighted: one backward pass, at the weighted mean sample, whatever M is."""
    settings = game.settings
    if scored.log_partition.ndim > 1 and settings.estimator not in PER_POSITION:
        raise ValueError(
            f"estimator {settings.estimator!r} has no meaning with one F per position; legal: {', '.join(PER_POSITION)}"
        )
    regression = regress(state.baseline, fakes.latents, scored, networks=game.networks)
    context = Context(
        num_samples=settings.num_samples,
        log_partition_average=state.log_partition_average,
        axis_name=axis_name,
        baseline=regression.values,
    )
    direction = ESTIMATORS[settings.estimator](scored, context)
    gradient = fakes.pull_back(jax.grad(generator_loss)(fakes.logits, direction, conditional=game.conditional))
    metrics = {
        "log_partition": jnp.mean(scored.log_partition),
        "effective_sample_size": jnp.mean(scored.effective_sample_size),
        "sample_logit": jnp.mean(scored.logit_mean),
        "sample_logit_square": jnp.mean(scored.logit_square_mean),
        **regression.metrics,
    }
    gradient, baseline_gradient, metrics = mean_over_devices(
        (gradient, regression.gradient, metrics), axis_name=axis_name
    )
    metrics["gen_gradient_norm"] = optax.tree.norm(gradient)
    state = update_generator(
        state, gradient, fakes.model_state, optimizers=game.optimizers, average_decay=settings.average_decay
    )
    baseline = update_baseline(state.baseline, baseline_gradient, learning_rate=settings.learning_rate_baseline)
    decay = settings.log_partition_decay
    average = decay * state.log_partition_average + (1.0 - decay) * metrics["log_partition"]
    return state.replace(log_partition_average=average, baseline=baseline), metrics
