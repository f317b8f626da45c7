r"""Two-dimensional targets with known densities.

Each is a mixture of K isotropic normals of equal weight,

.. math:: p(x) = \frac1K \sum_k N(x; c_k, \sigma^2 I)

so density and samples are exact, and :func:`bgan_jax.evaluation.coverage.mode_coverage` counts the components that a
generator covers. The components of a curve overlap; a mode is then a segment of the curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class PlanarTarget(NamedTuple):
    """A mixture of isotropic normals of equal weight in the plane.

    Attributes:
      name: its name.
      centers: ``[K, 2]`` float32, numpy.
      standard_deviation: of each component per coordinate.
    """

    name: str
    centers: np.ndarray
    standard_deviation: float


def _target(name: str, centers: np.ndarray, standard_deviation: float) -> PlanarTarget:
    return PlanarTarget(name, np.asarray(centers, np.float32), standard_deviation)


def _on_circle(count: int, *, radius: float, phase: float = 0.0) -> np.ndarray:
    angles = phase + 2 * math.pi * np.arange(count) / count
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def four_gaussians() -> PlanarTarget:
    """Creates four distant, narrow normals at (±2, 0) and (0, ±2), covariance 0.002 I, as in the authors' script."""
    return _target("four_gaussians", _on_circle(4, radius=2.0), math.sqrt(0.002))


def ring() -> PlanarTarget:
    """Creates eight normals on a circle of radius 2 (Metz et al. 2017, https://arxiv.org/abs/1611.02163), sd 0.1."""
    return _target("ring", _on_circle(8, radius=2.0), 0.1)


def grid() -> PlanarTarget:
    """Creates twenty-five normals on a square grid of spacing 1, sd 0.05."""
    places = np.arange(-2.0, 3.0)
    return _target("grid", np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2), 0.05)


def circles() -> PlanarTarget:
    """Creates two concentric circles, radii 1 and 2, as 72 overlapping normals of sd 0.08, equally dense along both."""
    return _target("circles", np.concatenate([_on_circle(24, radius=1.0), _on_circle(48, radius=2.0)]), 0.08)


def spiral() -> PlanarTarget:
    """Creates a spiral of two arms of one and a quarter turns, as 80 overlapping normals of sd 0.08."""
    # The square root approximates equal steps of arc length on r = a t.
    turns = 1.25 * np.sqrt(np.linspace(0.06, 1.0, 40))
    arm = (turns / 1.25 * 2.3)[:, None] * np.stack([np.cos(2 * math.pi * turns), np.sin(2 * math.pi * turns)], axis=1)
    return _target("spiral", np.concatenate([arm, -arm]), 0.08)


TARGETS: dict[str, Callable[[], PlanarTarget]] = {
    "ring": ring,
    "grid": grid,
    "circles": circles,
    "spiral": spiral,
    "four_gaussians": four_gaussians,
}


def planar_target(name: str) -> PlanarTarget:
    """Creates a target by name.

    Args:
      name: a key of ``TARGETS``.

    Returns:
      The target.

    Raises:
      ValueError: the name is unknown.

    Example:
      >>> planar_target("grid").centers.shape
      (25, 2)
    """
    if name not in TARGETS:
        raise ValueError(f"unknown target {name!r}; legal: {', '.join(TARGETS)}")
    return TARGETS[name]()


def sample_planar(key: jax.Array, target: PlanarTarget, *, num_samples: int) -> jax.Array:
    """Draws independent samples from a target.

    Args:
      key: PRNG key.
      target: the target. Static.
      num_samples: number of samples. Static.

    Returns:
      Points, ``[num_samples, 2]`` float32.

    Example:
      >>> sample_planar(jax.random.key(0), ring(), num_samples=3).shape
      (3, 2)
    """
    component_key, noise_key = jax.random.split(key)
    components = jax.random.randint(component_key, (num_samples,), 0, len(target.centers))
    noise = jax.random.normal(noise_key, (num_samples, 2), jnp.float32)
    return jnp.asarray(target.centers)[components] + target.standard_deviation * noise


def planar_log_density(points: jax.Array, *, target: PlanarTarget) -> jax.Array:
    """Computes the exact log density of a target, in nats.

    Args:
      points: ``[..., 2]``, floats.
      target: the target. Static.

    Returns:
      ``log p``, ``[...]``.

    Example:
      >>> origin = planar_log_density(jnp.zeros(2), target=PlanarTarget("normal", np.zeros((1, 2)), 1.0))
      >>> round(float(origin), 4)  # -log(2 pi)
      -1.8379
    """
    differences = points[..., None, :] - jnp.broadcast_to(
        jnp.asarray(target.centers, points.dtype), (*points.shape[:-1], *target.centers.shape)
    )
    exponents = -jnp.sum(jnp.square(differences), axis=-1) / (2 * target.standard_deviation**2)
    normalizer = math.log(len(target.centers)) + math.log(2 * math.pi * target.standard_deviation**2)
    return jax.nn.logsumexp(exponents, axis=-1) - normalizer
