"""One step of an optax optimiser, for every update of parameters."""

from __future__ import annotations

from typing import Any

import jax
import optax


def optimizer_step(
    optimizer: optax.GradientTransformation, gradient: Any, opt_state: Any, params: Any
) -> tuple[Any, Any]:
    """Takes one step of an optimiser; returns the next parameters and the next state of the optimiser."""
    with jax.numpy_dtype_promotion("standard"):  # optax combines floats and integers
        updates, opt_state = optimizer.update(gradient, opt_state, params)
    return optax.apply_updates(params, updates), opt_state
