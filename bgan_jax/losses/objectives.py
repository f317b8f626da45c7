"""The table of generator objectives for continuous data, each with the discriminator loss that trains its F.

==============================  ==============================================  ========================  ============
name                            what the generator minimises                    what trains F             boundary
==============================  ==============================================  ========================  ============
``boundary_seeking``            F²                                              any divergence            F = 0
``boundary_seeking_centered``   (F - log Z)², log Z a running average           any divergence            F = 0
``boundary_cross_entropy``      log(2 cosh(F/2))                                any divergence            F = 0
``minimax``                     log(1 - sigmoid(F))                             any divergence            F = 0
``non_saturating``              -log sigmoid(F)                                 any divergence            F = 0
``f_gan``                       the divergence's own bound, -f*(nu(F))          any divergence            F = 0
``least_squares``               (F - 1)² / 2                                    least squares to 1 and 0  F = 1/2
``least_squares_boundary``      (F - 1/2)² / 2                                  least squares to 1 and 0  F = 1/2
``wasserstein``                 -F                                              the critic's difference   none
``hinge``                       -F                                              hinge                     F = 0
==============================  ==============================================  ========================  ============

The functions, with their equations and sources, are in ``continuous.py``, ``wasserstein.py`` and ``bounds.py``.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax

from bgan_jax.losses import bounds, continuous, wasserstein


class GeneratorObjective(NamedTuple):
    """The losses of both players of a continuous game; everything here is static.

    Attributes:
      generator_loss: ``(fake_logits, *, divergence, log_partition) -> loss per point``, differentiated in F.
      discriminator_loss: ``(*, real_logits, fake_logits, divergence) -> scalar``.
      uses_divergence: whether a divergence trains F, so that F estimates the log density ratio.
      boundary: the value of F at which the discriminator cannot tell data from samples; ``None`` where F is only known
        up to a constant.

    Example:
      >>> import jax.numpy as jnp
      >>> objective = GENERATOR_OBJECTIVES["boundary_seeking"]
      >>> objective.generator_loss(jnp.array([0.0, 2.0]), divergence="gan", log_partition=jnp.zeros(()))
      Array([0., 4.], dtype=float32)
    """

    generator_loss: Callable[..., jax.Array]
    discriminator_loss: Callable[..., jax.Array]
    uses_divergence: bool
    boundary: float | None


def _elementwise(loss: Callable[[jax.Array], jax.Array]) -> Callable[..., jax.Array]:
    """Adapts a generator loss that needs nothing but F."""

    def generator_loss(fake_logits: jax.Array, *, divergence: str, log_partition: jax.Array) -> jax.Array:
        del divergence, log_partition
        return loss(fake_logits)

    return generator_loss


def _centered(fake_logits: jax.Array, *, divergence: str, log_partition: jax.Array) -> jax.Array:
    del divergence
    return continuous.centered_boundary_seeking_loss(fake_logits, log_partition=log_partition)


def _f_gan(fake_logits: jax.Array, *, divergence: str, log_partition: jax.Array) -> jax.Array:
    del log_partition
    return continuous.f_gan_generator_loss(fake_logits, divergence=divergence)


def _least_squares_boundary(fake_logits: jax.Array) -> jax.Array:
    return continuous.least_squares_generator_loss(fake_logits, target=0.5)


def _without_divergence(loss: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Adapts a discriminator loss that has no divergence."""

    def discriminator_loss(*, real_logits: jax.Array, fake_logits: jax.Array, divergence: str) -> jax.Array:
        del divergence
        return loss(real_logits=real_logits, fake_logits=fake_logits)

    return discriminator_loss


def _by_divergence(generator_loss: Callable[..., jax.Array]) -> GeneratorObjective:
    return GeneratorObjective(
        generator_loss=generator_loss,
        discriminator_loss=bounds.discriminator_loss,
        uses_divergence=True,
        boundary=0.0,
    )


def _by_own_loss(
    generator_loss: Callable[[jax.Array], jax.Array],
    discriminator_loss: Callable[..., jax.Array],
    *,
    boundary: float | None,
) -> GeneratorObjective:
    return GeneratorObjective(
        generator_loss=_elementwise(generator_loss),
        discriminator_loss=_without_divergence(discriminator_loss),
        uses_divergence=False,
        boundary=boundary,
    )


GENERATOR_OBJECTIVES: Mapping[str, GeneratorObjective] = types.MappingProxyType(
    {
        "boundary_seeking": _by_divergence(_elementwise(continuous.boundary_seeking_loss)),
        "boundary_seeking_centered": _by_divergence(_centered),
        "boundary_cross_entropy": _by_divergence(_elementwise(continuous.boundary_cross_entropy_loss)),
        "minimax": _by_divergence(_elementwise(continuous.minimax_loss)),
        "non_saturating": _by_divergence(_elementwise(continuous.non_saturating_loss)),
        "f_gan": _by_divergence(_f_gan),
        "least_squares": _by_own_loss(
            continuous.least_squares_generator_loss, continuous.least_squares_discriminator_loss, boundary=0.5
        ),
        "least_squares_boundary": _by_own_loss(
            _least_squares_boundary, continuous.least_squares_discriminator_loss, boundary=0.5
        ),
        "wasserstein": _by_own_loss(
            wasserstein.wasserstein_generator_loss, wasserstein.wasserstein_critic_loss, boundary=None
        ),
        "hinge": _by_own_loss(continuous.hinge_generator_loss, continuous.hinge_discriminator_loss, boundary=0.0),
    }
)
