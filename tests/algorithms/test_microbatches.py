"""A mean over batches and its gradient are what they are all at once."""

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.algorithms.microbatches import Microbatches, mean_over_microbatches, microbatches_for

BATCHES = jax.random.normal(jax.random.key(0), (5, 4, 3))
PARAMS = {"kernel": jax.random.normal(jax.random.key(1), (3, 2)), "bias": jnp.array([0.3, -0.7])}


def value(params, batch):
    logits = jnp.tanh(batch @ params["kernel"] + params["bias"][None]).sum(axis=1)
    return jnp.mean(jnp.exp(logits)), logits


def in_a_loop(params):
    mean, logits = mean_over_microbatches(value, params, BATCHES)
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
    gradient = jax.grad(lambda batches: mean_over_microbatches(value, PARAMS, batches)[0])(BATCHES)
    np.testing.assert_array_equal(gradient, np.zeros_like(BATCHES))


def test_how_many_samples_are_scored_at_a_time():
    # On CPU at most 64 points at a time; on an accelerator at most 20 samples of every latent; else all.
    cpu, gpu, counts = microbatches_for("cpu"), microbatches_for("gpu"), (2, 10, 20, 21, 1000, 23)
    assert [cpu.sample_chunk(m, num_latents=8) for m in counts] == [2, 5, 5, 7, 8, 1]
    assert [cpu.sample_chunk(20, num_latents=n) for n in (1, 64, 1000)] == [20, 1, 1]
    assert [gpu.sample_chunk(m, num_latents=64) for m in counts] == [2, 10, 20, 7, 20, 1]
    assert [Microbatches().sample_chunk(m, num_latents=64) for m in counts] == list(counts)
