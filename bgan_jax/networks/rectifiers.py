"""Leaky rectifiers of discriminators, in a form that suits the platform; the same function of the same inputs.

By ``"select"``, JAX's own, the gradient is selected by a comparison. The compiler for TPUs makes the comparison beside
the convolution before it and packs it into bits, which by its estimate can cost as much as the convolution itself
(``docs/compiled.md``). By ``"sign"`` the gradient is multiplied by a function of the result's sign, and the result is
there anyway. The two differ at 0 alone, where ``"select"`` takes the slope above and ``"sign"`` the mean of both.
"""

from __future__ import annotations

import functools
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

RectifierForm = Literal["select", "sign"]
RECTIFIER_FORMS = ("select", "sign")


def leaky_relu(inputs: jax.Array, slope: float, *, form: RectifierForm) -> jax.Array:
    """Computes ``x`` where it is positive and ``slope x`` elsewhere (by ``"sign"``, reverse mode only).

    Args:
      inputs: of any shape.
      slope: below zero, from 0 to 1. Static.
      form: ``"select"`` or ``"sign"``. Static.

    Returns:
      Of the same shape and dtype.

    Raises:
      ValueError: there is no such form.

    Example:
      >>> leaky_relu(jnp.array([-2.0, 3.0]), 0.2, form="sign").tolist()
      [-0.4, 3.0]
      >>> jax.grad(lambda x: leaky_relu(x, 0.2, form="sign"))(-2.0).item()
      0.2
    """
    if form not in RECTIFIER_FORMS:
        raise ValueError(f"unknown form of rectifier {form!r}; legal: {', '.join(RECTIFIER_FORMS)}")
    return nn.leaky_relu(inputs, slope) if form == "select" else _by_sign(slope, inputs)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _by_sign(slope: float, inputs: jax.Array) -> jax.Array:
    return jnp.maximum(inputs, slope * inputs)


def _forward(slope: float, inputs: jax.Array) -> tuple[jax.Array, jax.Array]:
    result = _by_sign(slope, inputs)
    return result, result


def _backward(slope: float, result: jax.Array, cotangent: jax.Array) -> tuple[jax.Array]:
    # A plain rectifier's result has no negative sign.
    above, below = (1.0, 0.0) if slope == 0 else ((1 - slope) / 2, (1 + slope) / 2)
    # The sum of two terms loses digits that 16 bits do not have.
    sign = jnp.sign(result).astype(jnp.promote_types(result.dtype, jnp.float32))
    return (cotangent * (below + above * sign).astype(cotangent.dtype),)


_by_sign.defvjp(_forward, _backward)
