r"""Spectral normalisation of a kernel: divide it by a running estimate of its largest singular value.

.. math:: \bar W = W / \sigma, \qquad \sigma = u^\top W v, \quad v = W^\top u / \|W^\top u\|, \quad u = W v / \|W v\|

One power iteration per application, from the vector stored by the last one (Miyato et al. 2018, Algorithm 1,
https://arxiv.org/abs/1802.05957). The singular vectors are constants of the gradient; sigma itself is not, as in the
paper.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

_TINY = 1e-12


def spectrally_normalized(module: nn.Module, kernel: jax.Array, *, update: bool) -> jax.Array:
    """Divides a kernel by its spectral norm; the vector of the iteration is stored in ``batch_stats`` of ``module``.

    Must be called inside a compact method. The result does not depend on the batch, so it is the same on every device.

    Args:
      module: the layer that owns the kernel.
      kernel: ``[..., features]``, seen as a matrix with ``features`` columns.
      update: whether to store the new vector (static). Otherwise the iteration is computed without storing it.

    Returns:
      Kernel of the same shape with largest singular value close to one.
    """
    matrix = kernel.reshape(-1, kernel.shape[-1]).astype(jnp.float32)
    # The initial vector only must not be orthogonal to the first singular vector; a fixed one needs no key.
    direction = module.variable(
        "batch_stats", "u", lambda: _unit(jnp.cos(jnp.arange(kernel.shape[-1], dtype=jnp.float32) + 1.0))
    )
    constant = lax.stop_gradient(matrix)
    left = _unit(jnp.dot(constant, direction.value, precision=lax.Precision.HIGHEST))
    right = _unit(jnp.dot(left, constant, precision=lax.Precision.HIGHEST))
    if update and not module.is_initializing():
        direction.value = right
    sigma = jnp.dot(jnp.dot(left, matrix, precision=lax.Precision.HIGHEST), right, precision=lax.Precision.HIGHEST)
    return (kernel / jnp.maximum(sigma, _TINY)).astype(kernel.dtype)


def _unit(vector: jax.Array) -> jax.Array:
    return vector / jnp.maximum(jnp.linalg.norm(vector), _TINY)
