"""A mean over batches and its gradient are what they are all at once."""

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.microbatches import mean_batchwise

BATCHES = jax.random.normal(jax.random.key(0), (5, 4, 3))
PARAMS = {"kernel": jax.random.normal(jax.random.key(1), (3, 2)), "bias": jnp.array([0.3, -0.7])}


def value(params, batch):
    logits = jnp.tanh(batch @ params["kernel"] + params["bias"][None]).sum(axis=1)
    return jnp.mean(jnp.exp(logits)), logits


def in_a_loop(params):
    mean, logits = mean_batchwise(value, params, BATCHES)
    return 3.0 * mean**2, logits


def at_once(params):
    mean, logits = value(params, BATCHES.reshape(20, 3))
    return 3.0 * mean**2, logits.reshape(5, 4)


def test_value_auxiliary_and_gradient_are_those_of_all_at_once():
    (loop, loop_logits), gradient = jax.jit(jax.value_and_grad(in_a_loop, has_aux=True))(PARAMS)
    (expected, logits), expected_gradient = jax.value_and_grad(at_once, has_aux=True)(PARAMS)
    np.testing.assert_allclose(loop, expected, rtol=1e-5)
    np.testing.assert_allclose(loop_logits, logits, rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), gradient, expected_gradient)
    np.testing.assert_allclose(in_a_loop(PARAMS)[0], expected, rtol=1e-5)


def test_the_batches_are_constants():
    gradient = jax.grad(lambda batches: mean_batchwise(value, PARAMS, batches)[0])(BATCHES)
    np.testing.assert_array_equal(gradient, np.zeros_like(BATCHES))
