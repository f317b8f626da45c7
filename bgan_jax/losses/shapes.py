"""Checks of dtype, rank and shape, whose errors name the expected and the given values."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from bgan_jax.losses.elementary import at_least_float32


def floating(name: str, value: ArrayLike) -> jax.Array:
    """Converts ``value`` to an array of at least float32 and checks that it holds floats and is not empty."""
    return at_least_float32(_floats(name, value))


def _floats(name: str, value: ArrayLike) -> jax.Array:
    array = jnp.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise ValueError(f"{name} must be an array of floats, found dtype {array.dtype}; cast it first")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, found shape {array.shape}")
    return array


def samples_by_latents(**arrays: ArrayLike) -> tuple[jax.Array, ...]:
    """Checks that all arrays are floats of one shape ``[M, N]``, and returns them in at least float32."""
    checked = tuple(floating(name, value) for name, value in arrays.items())
    shapes = {name: array.shape for name, array in zip(arrays, checked, strict=True)}
    if any(len(shape) != 2 for shape in shapes.values()) or len(set(shapes.values())) != 1:
        raise ValueError(f"expected one shape [M, N] (samples, latents) for {' and '.join(arrays)}, found {shapes}")
    return checked


def examples(**arrays: ArrayLike) -> tuple[jax.Array, ...]:
    """Checks that all arrays are floats ``[N, ...]`` with the same data dims (N may differ), and returns them.

    Their dtype stays: they are inputs of a network, which chooses its own precision.
    """
    checked = tuple(_floats(name, value) for name, value in arrays.items())
    shapes = {name: array.shape for name, array in zip(arrays, checked, strict=True)}
    if any(len(shape) == 0 for shape in shapes.values()) or len({shape[1:] for shape in shapes.values()}) != 1:
        raise ValueError(f"expected [N, ...] with the same data dims for {' and '.join(arrays)}, found {shapes}")
    return checked


def broadcast(name: str, array: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Broadcasts ``array`` to ``shape``."""
    try:
        return jnp.broadcast_to(array, shape)
    except ValueError as error:
        raise ValueError(f"{name} must broadcast to shape {shape}, found shape {array.shape}") from error
