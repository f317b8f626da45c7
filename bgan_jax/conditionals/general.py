"""Families of any sampler and log-probability, such as autoregressive ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import jax

from bgan_jax.conditionals.conditional import Conditional


def general_conditional(
    name: str,
    *,
    sample: Callable[[jax.Array, jax.Array], jax.Array],
    statistics: Callable[[jax.Array], jax.Array],
    log_prob: Callable[[jax.Array, jax.Array], jax.Array],
    event_ndims: int,
    coordinate_ndims: int,
) -> Conditional:
    """Returns a family whose log-probability need not be linear in anything, which trains by a pass over M samples.

    Its gradient takes M evaluations of ``log_prob``, forward and backward, and still one backward pass of the
    generator. Where a family of linear statistics will do, it is faster, and has a mean and a covariance, which the
    control variate needs.

    Args:
      name: of the family.
      sample: ``(key, logits) -> x``: one draw for the whole array.
      statistics: ``x -> points``, float32: what the discriminator sees, of any shape.
      log_prob: ``(x, logits) -> log g(x|z)``, in nats, summed over the example's own dims.
      event_ndims: the number of trailing dims of the logits that belong to one example.
      coordinate_ndims: the number of trailing dims of x that belong to one example.

    Returns:
      The :class:`Conditional`; its mean and log-normalisers raise ValueError.
    """

    def missing(what: str) -> Callable[[jax.Array], NoReturn]:
        def refuse(logits: jax.Array) -> NoReturn:
            del logits
            raise ValueError(
                f"{name} has no {what}, because its log-probability is not linear in its statistics; choose an "
                "estimator of weights or rewards, without --control_variate"
            )

        return refuse

    return Conditional(
        name=name,
        sample=sample,
        statistics=statistics,
        mean=missing("exact mean"),
        log_normalizers=missing("log-normaliser"),
        event_ndims=event_ndims,
        coordinate_ndims=coordinate_ndims,
        sample_log_prob=log_prob,
    )
