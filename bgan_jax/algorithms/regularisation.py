"""The penalty term of a discriminator's loss: which examples it is taken on, its coefficient at a step, one F each."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from bgan_jax import losses
from bgan_jax.algorithms.settings import DiscriminatorSettings
from bgan_jax.conditionals.keys import position_keys

LogRatioFn = Callable[[jax.Array], jax.Array]


def penalty_term(
    log_ratio_fn: LogRatioFn,
    keys: jax.Array,
    *,
    real: jax.Array,
    fake: jax.Array,
    step: jax.Array,
    settings: DiscriminatorSettings,
    batch_independent: bool,
) -> tuple[jax.Array, jax.Array]:
    """Computes what the penalty adds to the discriminator's loss.

    Args:
      log_ratio_fn: F of points, ``[N, ...] -> [N]``, or ``[N, L]`` with an F per position, in the form that is cheapest
        to differentiate twice.
      keys: one per example, ``[N]``.
      real: data, ``[N, ...]``.
      fake: generated points, ``[N, ...]``.
      step: number of finished steps. Traced.
      settings: form, coefficient, stride, half-life. Static.
      batch_independent: whether F at one point does not depend on its batch. Where it does, real and fake points pass
        one after the other. Static.

    Returns:
      The term, and the penalty without its coefficient; zeros where the coefficient is 0.

    Raises:
      ValueError: the stride does not divide the number of examples.
    """
    if settings.penalty == 0.0:
        return jnp.zeros(()), jnp.zeros(())
    check_stride(settings.penalty_stride, num_examples=real.shape[0])
    keys, real, fake = (array[:: settings.penalty_stride] for array in (keys, real, fake))

    record = losses.PENALTIES[settings.penalty_form]
    penalty = record.function(
        lambda points: sample_position(log_ratio_fn(points), keys),
        keys,
        real=real,
        fake=fake,
        divergence=settings.divergence,
        one_pass=batch_independent,
    )
    coefficient = annealed(settings.penalty, step, half_life=settings.penalty_half_life)
    return record.factor * coefficient * penalty, penalty


def sample_position(logits: jax.Array, keys: jax.Array) -> jax.Array:
    """Returns F ``[N]`` as it is; of an F per position, ``[N, L]``, the one at a random position of each example.

    On average that is the mean over positions. Where ``logits`` holds real and fake points, twice as many as keys, both
    examples of a key have the same position.
    """
    if logits.ndim == 1:
        return logits
    if len(logits) > len(keys):
        keys = jnp.concatenate([keys, keys])
    position = jax.vmap(lambda key: jax.random.randint(key, (), 0, logits.shape[1]))(position_keys(keys))
    return jnp.take_along_axis(logits, position[:, None], axis=1)[:, 0]


def check_stride(penalty_stride: int, *, num_examples: int) -> None:
    """Raises ``ValueError`` for a stride that does not divide a device's examples.

    Example:
      >>> check_stride(4, num_examples=8)
    """
    if num_examples % penalty_stride:
        raise ValueError(
            f"penalty_stride={penalty_stride} does not divide a device's {num_examples} examples, so which "
            "examples it picks would depend on the number of devices"
        )


def annealed(coefficient: float, step: jax.Array, *, half_life: float | None) -> jax.Array:
    r"""Computes the penalty's coefficient at a step.

    .. math:: \gamma_t = \gamma_0 2^{-t/H}

    Args:
      coefficient: :math:`\gamma_0`. Static.
      step: t, number of finished steps. Traced.
      half_life: H, in steps; ``None`` keeps the coefficient constant. Static.

    Returns:
      :math:`\gamma_t`, float32 scalar.

    Example:
      >>> float(annealed(2.0, jnp.int32(200), half_life=100))
      0.5
    """
    gamma = jnp.asarray(coefficient)
    return gamma if half_life is None else gamma * jnp.exp2(-jnp.asarray(step, jnp.float32) / half_life)
