r"""What keeps a discriminator smooth: penalties on its input gradient by name, annealed, and clipping.

======================  =========================================  ==================  =================================
name                    penalty                                    added to the loss   source
======================  =========================================  ==================  =================================
``gradient_norm``       squared gradient norms, weighted as the    gamma/2 times it    Roth et al. 2017, 1705.09367
                        divergence asks
``unweighted``          squared gradient norms, on data and fakes  gamma/2 times it    Hjelm et al. 2018, the code
``r1``                  squared gradient norms, on data            gamma/2 times it    Mescheder et al. 2018, 1801.04406
``wgan_gp``             (norm - 1)² between data and fakes         gamma times it      Gulrajani et al. 2017, 1704.00028
======================  =========================================  ==================  =================================

Numbers are arXiv's.

The coefficient gamma may halve every H steps, :math:`\gamma_t = \gamma_0 2^{-t/H}`: a half-life, not a schedule over
the run's length, so that a run may be continued for longer. The schedule of Roth et al., :math:`2 \cdot 0.01^{t/T}`,
has the half-life 0.15 T.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bgan_jax import losses

StatisticFn = Callable[[jax.Array], jax.Array]


class Regulariser(NamedTuple):
    """A penalty and its conventional factor; static.

    Attributes:
      penalty: ``(statistic_fn, keys, *, real, fake, divergence, together) -> scalar``; keys are one per example,
        ``[N]``; together: whether real and fake points may pass as one batch, real ones first.
      factor: what multiplies gamma times the penalty in the discriminator's loss.
      needs_divergence: whether the penalty is only defined where a divergence trains F.
    """

    penalty: Callable[..., jax.Array]
    factor: float
    needs_divergence: bool = False


def _gradient_norm(
    statistic_fn: StatisticFn, keys: jax.Array, *, real: jax.Array, fake: jax.Array, divergence: str, together: bool
) -> jax.Array:
    del keys
    return losses.gradient_norm_penalty(statistic_fn, real=real, fake=fake, divergence=divergence, together=together)


def _unweighted(
    statistic_fn: StatisticFn, keys: jax.Array, *, real: jax.Array, fake: jax.Array, divergence: str, together: bool
) -> jax.Array:
    del keys, divergence
    return losses.unweighted_gradient_norm_penalty(statistic_fn, real=real, fake=fake, together=together)


def _r1(
    statistic_fn: StatisticFn, keys: jax.Array, *, real: jax.Array, fake: jax.Array, divergence: str, together: bool
) -> jax.Array:
    del keys, fake, divergence, together
    return losses.r1_penalty(statistic_fn, real=real)


def _wgan_gp(
    statistic_fn: StatisticFn, keys: jax.Array, *, real: jax.Array, fake: jax.Array, divergence: str, together: bool
) -> jax.Array:
    del divergence, together
    return losses.gradient_penalty(statistic_fn, keys, real=real, fake=fake)


REGULARISERS: dict[str, Regulariser] = {
    "gradient_norm": Regulariser(_gradient_norm, factor=0.5, needs_divergence=True),
    "unweighted": Regulariser(_unweighted, factor=0.5),
    "r1": Regulariser(_r1, factor=0.5),
    "wgan_gp": Regulariser(_wgan_gp, factor=1.0),
}


def check_penalty(penalty: float, *, penalty_form: str, penalty_half_life: float | None) -> None:
    """Refuses a penalty that no step can honour.

    Args:
      penalty: the coefficient gamma; 0 for none.
      penalty_form: a key of ``REGULARISERS``.
      penalty_half_life: as in :func:`annealed`.

    Raises:
      ValueError: a value is out of its range; the message names it, and what is legal.

    Example:
      >>> check_penalty(1.0, penalty_form="r1", penalty_half_life=None)
    """
    if penalty_form not in REGULARISERS:
        raise ValueError(f"unknown penalty_form {penalty_form!r}; legal: {', '.join(REGULARISERS)}")
    if not penalty >= 0.0:
        raise ValueError(f"penalty is {penalty}; it must not be negative; 0 switches it off")
    if penalty_half_life is not None and not penalty_half_life > 0.0:
        raise ValueError(
            f"penalty_half_life is {penalty_half_life}; it must be a positive number of steps, or none for a constant"
        )


def check_stride(penalty_stride: int, *, num_examples: int) -> None:
    """Refuses a stride that does not divide a device's examples.

    Raises:
      ValueError: names both numbers.

    Example:
      >>> check_stride(4, num_examples=8)
    """
    if num_examples % penalty_stride:
        raise ValueError(
            f"penalty_stride={penalty_stride} does not divide a device's {num_examples} examples, so which "
            "examples it picks would depend on the number of devices"
        )


def annealed(coefficient: float, step: jax.Array, *, half_life: float | None) -> jax.Array:
    r"""The penalty's coefficient at a step.

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
    return gamma if half_life is None else gamma * jnp.exp2(-step / half_life)


def clipped(params: Any, *, limit: float) -> Any:
    """Parameters forced into [-limit, limit], which bounds the slope of the network (Arjovsky et al. 2017).

    Args:
      params: a tree of arrays.
      limit: the largest absolute value; 0 clips nothing. Static.

    Returns:
      The tree, clipped.

    Example:
      >>> clipped({"kernel": jnp.array([-3.0, 0.5])}, limit=1.0)["kernel"].tolist()
      [-1.0, 0.5]
    """
    return jax.tree.map(lambda leaf: jnp.clip(leaf, -limit, limit), params) if limit > 0.0 else params
