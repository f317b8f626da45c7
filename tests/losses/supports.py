"""Two distributions on three points, as exact batches, and the divergences as plain formulas."""

import jax
import jax.experimental
import jax.numpy as jnp
import numpy as np

from bgan_jax import losses

NAMES = tuple(losses.DIVERGENCES)
ALPHAS = (-0.7, 1.0001, 2.5)
CASES = (*losses.DIVERGENCES.values(), *(losses.alpha_divergence(alpha) for alpha in ALPHAS))

P = np.array([0.5, 0.3, 0.2])
Q = np.array([0.1, 0.6, 0.3])
F = np.array([1.0, -0.5, 0.2])

# From an independent implementation in another language, by numeric suprema.
DIVERGENCE_OF_P_FROM_Q = {
    "gan": -1.179705,
    "jensen_shannon": 0.206589,
    "kl": 0.515682,
    "reverse_kl": 0.376584,
    "squared_hellinger": 0.214360,
    "pearson_chi2": 1.783333,
    "neyman_chi2": 0.670000,
    "jeffreys": 0.892266,
}
BOUND_AT_F = {
    "gan": -1.223696,
    "jensen_shannon": 0.162599,
    "kl": 0.387833,
    "reverse_kl": 0.297698,
    "squared_hellinger": 0.166856,
    "pearson_chi2": 1.163581,
    "neyman_chi2": 0.526064,
    "jeffreys": 0.685530,
}


def float64():
    """A context in which arrays may be float64."""
    module = jax if hasattr(jax, "enable_x64") else jax.experimental  # where it was before jax 0.8
    return module.enable_x64(True)


def data_batch(per_point):
    """Maps values on the three points to a batch whose mean is the expectation under P."""
    return jnp.repeat(jnp.asarray(per_point), np.array([5, 3, 2]), total_repeat_length=10)


def generated_batch(per_point):
    """Maps values on the three points to a batch whose mean is the expectation under Q."""
    return jnp.repeat(jnp.asarray(per_point), np.array([1, 6, 3]), total_repeat_length=10)


def alpha_f(alpha):
    return lambda u: (u**alpha - 1 - alpha * (u - 1)) / (alpha * (alpha - 1))


PLAIN_F = {
    "gan": lambda u: u * jnp.log(u) - (u + 1) * jnp.log(u + 1),
    "jensen_shannon": lambda u: u * jnp.log(u) - (u + 1) * jnp.log((u + 1) / 2),
    "kl": lambda u: u * jnp.log(u),
    "reverse_kl": lambda u: -jnp.log(u),
    "squared_hellinger": lambda u: (jnp.sqrt(u) - 1) ** 2,
    "pearson_chi2": lambda u: (u - 1) ** 2,
    "neyman_chi2": lambda u: (1 - u) ** 2 / u,
    "jeffreys": lambda u: (u - 1) * jnp.log(u),
} | {losses.alpha_divergence(alpha).name: alpha_f(alpha) for alpha in ALPHAS}


def slope(function, x):
    """The derivative of an elementwise function, by reverse mode."""

    return jax.grad(lambda y: function(y).sum())(x)
