"""A mean over batches whose gradient is taken batch by batch, in a compiled loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Function = Callable[[Any, jax.Array], tuple[jax.Array, Any]]


def mean_batchwise(function: Function, params: Any, batches: jax.Array) -> tuple[jax.Array, Any]:
    r"""Mean of a function over batches, :math:`\frac1K \sum_k f(\theta, x_k)`, differentiated once, in the parameters.

    The gradient of each batch is taken right after its value and added up: nothing of one batch is kept for the way
    back, so memory is that of one batch, and on CPU its layers stay in the cache.

    Args:
      function: ``function(params, batch) -> (value, auxiliary)``, of nothing else that is differentiated. Static.
      params: what gradients are taken in.
      batches: ``[K, ...]``; constant.

    Returns:
      The mean value, and what is auxiliary, stacked, ``[K, ...]``; constant.

    Example:
      >>> batches = jnp.arange(6.0).reshape(3, 2)
      >>> value_and_aux = lambda scale: mean_batchwise(lambda s, x: (s * x.sum(), x[0]), scale, batches)
      >>> gradient, first = jax.grad(value_and_aux, has_aux=True)(2.0)
      >>> float(gradient), first.tolist()
      (5.0, [0.0, 2.0, 4.0])
    """

    @jax.custom_vjp
    def mean(params: Any, batches: jax.Array) -> tuple[jax.Array, Any]:
        values, auxiliary = jax.lax.map(lambda batch: function(params, batch), batches)
        return jnp.mean(values), auxiliary

    def forward(params: Any, batches: jax.Array) -> tuple[tuple[jax.Array, Any], Any]:
        def one(total: Any, batch: jax.Array) -> tuple[Any, tuple[jax.Array, Any]]:
            result, gradient = jax.value_and_grad(function, has_aux=True)(params, batch)
            return jax.tree.map(jnp.add, total, gradient), result

        total, (values, auxiliary) = jax.lax.scan(one, jax.tree.map(jnp.zeros_like, params), batches)
        return (jnp.mean(values), auxiliary), jax.tree.map(lambda leaf: leaf / len(batches), total)

    def backward(gradient: Any, cotangents: tuple[jax.Array, Any]) -> tuple[Any, None]:
        return jax.tree.map(lambda leaf: cotangents[0] * leaf, gradient), None

    mean.defvjp(forward, backward)
    return mean(params, batches)
