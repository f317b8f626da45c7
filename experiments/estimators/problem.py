"""The problems that estimators are measured on: a target and a generator, with their exact quantities."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from bgan_jax.evaluation.enumerable import EnumerableTarget, target_conditional
from bgan_jax.evaluation.exact import exact_divergence, marginal_log_probs
from experiments.estimators.game import enumerable_game, finite_log_probs, latent_log_probs, table_log_probs


class Problem(NamedTuple):
    """A target and a generator, with their exact quantities.

    Attributes:
      target: p.
      table: the generator's logits, ``[Z, ...]``.
      log_ratio: F of every state, optimal, ``[S]``.
      log_g: log g(x|z), ``[Z, S]``.
      kl: KL(p || q), in nats.
    """

    target: EnumerableTarget
    table: jax.Array
    log_ratio: jax.Array
    log_g: jax.Array
    kl: float


def make_problem(key: jax.Array, target: EnumerableTarget, *, num_latents: int, warm_steps: int) -> Problem:
    """Makes a partly trained generator: random logits after some steps of exact descent on KL(p || q).

    Args:
      key: of the initial logits.
      target: p.
      num_latents: Z.
      warm_steps: Adam steps of 0.1; 0 leaves the logits random, far from p, where weights are heavy.

    Returns:
      The problem.
    """
    conditional = target_conditional(target)
    log_probs_of = table_log_probs(target, conditional)
    log_p, log_h = jnp.asarray(finite_log_probs(target)), latent_log_probs(num_latents)
    game = enumerable_game(target, num_latents=num_latents, optimizer=optax.identity())
    table = jax.jit(game.networks.gen.init)(key)["params"]["logits"]

    @jax.jit
    def divergence(table: jax.Array) -> jax.Array:
        log_q = marginal_log_probs(log_probs_of(table), latent_log_probs=log_h)
        return exact_divergence(target_log_probs=log_p, model_log_probs=log_q, divergence="kl")

    if warm_steps:
        optimizer = optax.adam(0.1)

        @jax.jit
        def descend(table: jax.Array) -> jax.Array:
            def body(carry: Any, _: Any) -> tuple[Any, None]:
                table, opt_state = carry
                updates, opt_state = optimizer.update(jax.grad(divergence)(table), opt_state)
                return (optax.apply_updates(table, updates), opt_state), None

            return jax.lax.scan(body, (table, optimizer.init(table)), None, length=warm_steps)[0][0]

        table = descend(table)
    log_g, log_ratio = jax.jit(
        lambda table: (
            log_probs_of(table),
            log_p - marginal_log_probs(log_probs_of(table), latent_log_probs=log_h),
        )
    )(table)
    return Problem(target=target, table=table, log_ratio=log_ratio, log_g=log_g, kl=float(divergence(table)))
