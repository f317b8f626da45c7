"""The gradients of one step: exact ones, and one draw of every estimator at every M."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bgan_jax.algorithms.control_variate import with_control_variate
from bgan_jax.algorithms.estimators import ESTIMATORS, CoefficientSums, Context, generator_loss
from bgan_jax.algorithms.importance_sums import ScoredSamples, summarize
from bgan_jax.algorithms.linear_part import linear_part
from bgan_jax.algorithms.passes import generate
from bgan_jax.algorithms.relaxation import relaxed_sample, straight_through
from bgan_jax.algorithms.state import Pair, init_state
from bgan_jax.conditionals import Conditional, sample_conditionals
from bgan_jax.evaluation.enumerable import target_conditional
from bgan_jax.evaluation.estimator_quality import QUICK_COMPILATION
from bgan_jax.evaluation.exact import (
    conditional_kl,
    conditional_log_partitions,
    conditional_reverse_kl,
    marginal_kl,
)
from bgan_jax.evaluation.multilinear import coordinate_probs, multilinear_extension
from experiments.estimators.game import (
    enumerable_game,
    latent_log_probs,
    table_log_probs,
    with_optimal_discriminator,
)
from experiments.estimators.problem import Problem

#: ``loss_fn(log_probs of the conditionals, *, log_ratio, latent_log_probs)``, in nats.
LossFn = Callable[..., jax.Array]

#: Estimator -> (name of the loss whose gradient it estimates, the exact loss).
ESTIMATED_LOSSES: dict[str, tuple[str, LossFn]] = {
    "boundary_seeking": ("conditional KL", conditional_kl),
    "boundary_seeking_controlled": ("conditional KL", conditional_kl),
    "boundary_seeking_plain": ("conditional KL", conditional_kl),
    "boundary_seeking_marginal": ("marginal KL", marginal_kl),
    "boundary_seeking_marginal_plain": ("marginal KL", marginal_kl),
    "reinforce": ("reverse KL", conditional_reverse_kl),
    "reinforce_controlled": ("reverse KL", conditional_reverse_kl),
    "reinforce_moving_average": ("reverse KL", conditional_reverse_kl),
    "reinforce_learned_baseline": ("reverse KL", conditional_reverse_kl),
    "reinforce_no_baseline": ("reverse KL", conditional_reverse_kl),
    "gumbel_soft": ("reverse KL", conditional_reverse_kl),
    "gumbel_straight_through": ("reverse KL", conditional_reverse_kl),
}
RELAXED = ("gumbel_soft", "gumbel_straight_through")
# Estimators with the linear part of F as a control variate, and what they are without it.
CONTROLLED = {"boundary_seeking_controlled": "boundary_seeking", "reinforce_controlled": "reinforce"}
# Whole runs are made without: the optimal discriminator's player looks states up, so it has no slope.
IN_RUNS = tuple(name for name in ESTIMATED_LOSSES if name not in CONTROLLED)
# Latents fold in their index, below the batch size; the relaxed noise folds in a number that no index reaches.
RELAXED_STREAM = 2**31
# Relaxed samples are averaged, so more of them reduce the variance alone, and each costs as much as there are
# states: they are measured up to this M.
MOST_RELAXED = 20


def pairs(names: Sequence[str], sample_counts: Sequence[int]) -> list[tuple[int, str]]:
    """Lists every M with every estimator that is measured at it, estimators within values of M."""
    return [(m, name) for m in sample_counts for name in names if name not in RELAXED or m <= MOST_RELAXED]


def exact_gradients(problem: Problem) -> dict[str, np.ndarray]:
    """Computes the exact gradients of the losses with respect to the table, flattened, by the loss's name."""
    log_probs_of = table_log_probs(problem.target, target_conditional(problem.target))
    log_h = latent_log_probs(len(problem.table))
    losses = dict(ESTIMATED_LOSSES.values())

    @functools.partial(jax.jit, compiler_options=QUICK_COMPILATION)
    def gradients(log_ratio: jax.Array, table: jax.Array) -> list[jax.Array]:
        values = jax.jacrev(
            lambda table: jnp.stack(
                [
                    loss_fn(log_probs_of(table), log_ratio=log_ratio, latent_log_probs=log_h)
                    for loss_fn in losses.values()
                ]
            )
        )
        return list(values(table))

    found = gradients(problem.log_ratio, problem.table)
    return {name: np.asarray(value, np.float64).ravel() for name, value in zip(losses, found, strict=True)}


def relaxed_gradients(
    key: jax.Array,
    logits: jax.Array,
    log_ratio: jax.Array,
    *,
    conditional: Conditional,
    num_symbols: int,
    num_samples: int,
    temperature: float | jax.Array,
    hard: bool,
) -> jax.Array:
    """Computes the gradient of -F with respect to the logits through each of M relaxed samples.

    F is extended multilinearly.

    Args:
      key: PRNG key.
      logits: ``[N, ...]``.
      log_ratio: F of every state, ``[S]``. A constant.
      conditional: the family.
      num_symbols: K.
      num_samples: M.
      temperature: tau.
      hard: straight-through.

    Returns:
      ``[M, N, ...]``.
    """

    def loss(logits: jax.Array) -> jax.Array:
        points = relaxed_sample(key, logits, conditional=conditional, temperature=temperature)
        points = straight_through(points, conditional=conditional) if hard else points
        flat = points.reshape(-1, *points.shape[2:])
        probs = coordinate_probs(flat, event_ndims=conditional.event_ndims, num_symbols=num_symbols)
        return -jnp.sum(multilinear_extension(log_ratio, probs))

    return jax.grad(loss)(jnp.broadcast_to(logits[None], (num_samples, *logits.shape)))


def estimate_fn(
    problem: Problem, names: Sequence[str], *, sample_counts: Sequence[int], batch_size: int, temperature: float
) -> Callable[[jax.Array], list[jax.Array]]:
    """Returns the function from a key to one gradient of each estimator at each M, from the same latents and samples.

    The samples of a smaller M are the first of those of the largest, so differences between rows are less noisy than
    the rows, and one program serves them all.

    Args:
      problem: target and generator.
      names: keys of ``ESTIMATED_LOSSES``.
      sample_counts: values of M.
      batch_size: N.
      temperature: of the relaxed estimators.

    Returns:
      ``key -> gradients with respect to the table``, estimators within values of M.
    """
    num_latents, conditional, largest = len(problem.table), target_conditional(problem.target), max(sample_counts)
    networks = enumerable_game(
        problem.target, num_latents=num_latents, optimizer=optax.identity(), num_samples=largest
    ).networks
    optimizers = Pair(gen=optax.identity(), disc=optax.identity())
    fresh = jax.jit(functools.partial(init_state, networks=networks, optimizers=optimizers))(jax.random.key(0))
    state = with_optimal_discriminator(fresh.replace(params=fresh.params._replace(gen={"logits": problem.table})))
    # The limits of the running average and of a learned baseline of the latent.
    average = jnp.mean(conditional_log_partitions(problem.log_g, log_ratio=problem.log_ratio))
    reward_of_latent = jnp.sum(jnp.exp(problem.log_g) * problem.log_ratio[None], axis=1)

    def direction(name: str, scored: ScoredSamples, row: jax.Array, num_samples: int) -> CoefficientSums:
        context = Context(
            num_samples=num_samples, log_partition_average=average, axis_name=None, baseline=reward_of_latent[row]
        )
        if name in CONTROLLED:
            return with_control_variate(ESTIMATORS[CONTROLLED[name]](scored, context), scored, context)[0]
        return ESTIMATORS[name](scored, context)

    def extended_log_ratio(points: jax.Array) -> jax.Array:
        # The optimal F is a table of states; a slope needs its extension to the points between them.
        probs = coordinate_probs(points, event_ndims=conditional.event_ndims, num_symbols=problem.target.num_symbols)
        return multilinear_extension(problem.log_ratio, probs)

    def estimate(key: jax.Array) -> list[jax.Array]:
        fakes = generate(state, key, jnp.arange(batch_size), networks=networks)
        distance = jnp.abs(fakes.logits.reshape(batch_size, 1, -1) - problem.table.reshape(1, num_latents, -1))
        row = jnp.argmin(jnp.sum(distance, axis=-1), axis=1)
        if any(name not in RELAXED for name in names):
            x = sample_conditionals(conditional, fakes.sample_keys, fakes.logits, sample_index=jnp.arange(largest))
            points = conditional.statistics(x)
            variables = {"params": state.params.disc}
            fake_logits, _ = networks.disc.apply(variables, points.reshape(-1, *points.shape[2:]), train=True)
            fake_logits = fake_logits.reshape(largest, batch_size)
        linear = None
        if any(name in CONTROLLED for name in names):
            linear = linear_part(extended_log_ratio, conditional, fakes.logits)
        relaxed = {
            name: relaxed_gradients(
                jax.random.fold_in(key, RELAXED_STREAM),
                fakes.logits,
                problem.log_ratio,
                conditional=conditional,
                num_symbols=problem.target.num_symbols,
                num_samples=min(largest, MOST_RELAXED),
                temperature=temperature,
                hard=name == "gumbel_straight_through",
            )
            for name in names
            if name in RELAXED
        }
        gradients = []
        for m, name in pairs(names, sample_counts):
            if name in RELAXED:
                cotangent = jnp.mean(relaxed[name][:m], axis=0) / batch_size
            else:
                scored = summarize(fake_logits[:m], points[:m], linear=linear if name in CONTROLLED else None)
                cotangent = jax.grad(generator_loss)(
                    fakes.logits, direction(name, scored, row, m), conditional=conditional
                )
            gradients.append(fakes.vjp(cotangent)["logits"])
        return gradients

    return estimate
