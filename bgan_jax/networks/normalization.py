"""Batch normalisation that may be computed in 16 bits."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax


class BatchNorm(nn.BatchNorm):
    """Flax's batch normalisation, for every mode of JAX's type promotion.

    With 16-bit maps Flax keeps statistics, scale and bias in float32, and mixes them with the maps by JAX's standard
    promotion, which this allows; its result has ``dtype``.
    """

    def __call__(self, x: jax.Array, *settings: Any, **named: Any) -> jax.Array:
        """Returns maps of mean 0 and variance 1 over all axes but the last, scaled and shifted by parameters."""
        with jax.numpy_dtype_promotion("standard"):
            return super().__call__(x, *settings, **named)
