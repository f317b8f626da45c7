"""The priors of the latents, and a latent whose first coordinate chooses a category."""

import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

LatentPrior = Literal["normal", "uniform"]

LATENT_PRIORS: dict[str, Callable[..., jax.Array]] = {"normal": jax.random.normal, "uniform": jax.random.uniform}


def sample_latents(key: jax.Array, shape: tuple[int, ...], *, prior: str) -> jax.Array:
    """Draws latents z from the prior of a network: N(0, I) or uniform on [0, 1).

    Args:
      key: PRNG key.
      shape: shape of the result, e.g. ``(N, d)``, or ``(d,)`` under ``vmap`` over keys (static).
      prior: ``"normal"`` or ``"uniform"`` (static).

    Returns:
      Latents, float32, of the shape asked for.

    Raises:
      ValueError: unknown prior.

    Example:
      >>> sample_latents(jax.random.key(0), (2, 64), prior="uniform").shape
      (2, 64)
    """
    if prior not in LATENT_PRIORS:
        raise ValueError(f"unknown latent prior {prior!r}; legal: {', '.join(LATENT_PRIORS)}")
    return LATENT_PRIORS[prior](key, shape, jnp.float32)


def quantile_of(latents: jax.Array, *, prior: str) -> jax.Array:
    """Returns the share of the prior that lies below each coordinate, so that it is uniform on [0, 1] over the prior.

    Args:
      latents: coordinates of latents, any shape.
      prior: ``"normal"`` or ``"uniform"`` (static).

    Returns:
      Shares, float32, of the same shape.

    Example:
      >>> quantile_of(jnp.array([0.0]), prior="normal")
      Array([0.5], dtype=float32)
    """
    latents = latents.astype(jnp.float32)
    return jax.scipy.stats.norm.cdf(latents) if prior == "normal" else latents


def encode_category(latents: jax.Array, category: jax.Array) -> jax.Array:
    r"""Encodes the category that the first coordinate of every latent has chosen: one-hot times :math:`\sqrt{K}`.

    Args:
      latents: ``[N, d]``.
      category: one-hot, ``[N, K]``.

    Returns:
      The other coordinates and the category, ``[N, d - 1 + K]``, float32.

    Example:
      >>> encode_category(jnp.array([[-1.0, 7.0]]), jnp.array([[0.0, 1.0, 0.0, 0.0]]))
      Array([[7., 0., 2., 0., 0.]], dtype=float32)
    """
    scaled = math.sqrt(category.shape[1]) * category
    return jnp.concatenate([latents[:, 1:].astype(jnp.float32), scaled], axis=1)


def choose_category(latents: jax.Array, *, num_categories: int, prior: str) -> jax.Array:
    r"""Chooses one of K equally probable categories by the quantile of the first coordinate of every latent.

    Data that fall into groups with nothing between them, such as digits, have no continuous map from a connected set of
    latents: a generator of such latents makes samples between the groups (Khayatkhoei et al. 2018,
    https://arxiv.org/abs/1806.00880). A category makes the set of latents one of K parts. Nothing says what a category
    stands for; the generator finds that itself.

    The category is one-hot times :math:`\sqrt{K}`, so that the variance of each of its K coordinates is
    :math:`1 - 1/K`. (Three times that made training of digits unstable.)

    Args:
      latents: ``[N, d]``.
      num_categories: K, at least 2 (static).
      prior: prior of the latents, ``"normal"`` or ``"uniform"`` (static).

    Returns:
      The other coordinates and the category, ``[N, d - 1 + K]``, float32.

    Example:
      >>> choose_category(jnp.array([[-1.0, 7.0], [1.0, 7.0]]), num_categories=4, prior="normal")
      Array([[7., 2., 0., 0., 0.],
             [7., 0., 0., 0., 2.]], dtype=float32)
    """
    quantile = quantile_of(latents[:, 0], prior=prior)
    category = jnp.clip((num_categories * quantile).astype(jnp.int32), 0, num_categories - 1)
    return encode_category(latents, jax.nn.one_hot(category, num_categories, dtype=jnp.float32))
