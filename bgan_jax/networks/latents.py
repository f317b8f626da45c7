"""The priors of the latents."""

from collections.abc import Callable
from typing import Literal

import jax

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
    return LATENT_PRIORS[prior](key, shape, jax.numpy.float32)
