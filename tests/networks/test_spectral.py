"""Spectral normalisation divides by the largest singular value and differentiates through it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.networks.convolutions import StridedConv
from bgan_jax.networks.dense import Dense
from tests.networks.variables import random_variables


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (Dense(7, spectral_norm=True, use_bias=False), (2, 5)),
        (StridedConv(7, (4, 4), spectral_norm=True, use_bias=False), (1, 8, 8, 3)),
    ],
)
def test_the_iteration_reaches_the_largest_singular_value(layer, inputs):
    inputs = jax.random.normal(jax.random.key(0), inputs)
    variables = random_variables(layer.init, inputs)
    kernel = variables["params"]["kernel"]

    @jax.jit
    def step(variables):
        result, state = layer.apply(variables, inputs, train=True, mutable=["batch_stats"])
        return {**variables, **state}, result

    for _ in range(60):
        variables, result = step(variables)
    sigma = np.linalg.svd(np.asarray(kernel).reshape(-1, 7), compute_uv=False)[0]
    plain = layer.clone(spectral_norm=False).apply({"params": variables["params"]}, inputs)
    np.testing.assert_allclose(result * sigma, plain, rtol=1e-4, atol=1e-5)


def test_without_training_the_vector_stays():
    layer, inputs = Dense(4, spectral_norm=True), jnp.ones((2, 3))
    variables = random_variables(layer.init, inputs)
    apply = jax.jit(functools.partial(layer.apply, mutable=["batch_stats"]), static_argnames="train")
    _, state = apply(variables, inputs, train=False)
    np.testing.assert_array_equal(state["batch_stats"]["u"], variables["batch_stats"]["u"])
    _, state = apply(variables, inputs, train=True)
    assert np.abs(state["batch_stats"]["u"] - variables["batch_stats"]["u"]).max() > 1e-3


def test_the_gradient_has_no_component_along_the_kernel():
    """The normalised layer does not change when its kernel is scaled, so <dL/dW, W> = 0."""
    layer, inputs = Dense(4, spectral_norm=True, use_bias=False), jax.random.normal(jax.random.key(0), (5, 3))
    variables = random_variables(layer.init, inputs)

    def loss(kernel):
        return jnp.sin(layer.apply({**variables, "params": {"kernel": kernel}}, inputs, train=False)).sum()

    kernel = variables["params"]["kernel"]
    gradient = jax.jit(jax.grad(loss))(kernel)
    assert np.abs(gradient).max() > 1e-2
    np.testing.assert_allclose((gradient * kernel).sum(), 0.0, atol=1e-5)
