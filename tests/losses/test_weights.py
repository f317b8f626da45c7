"""Weights: properties of the softmax, invariance, bounds on the effective sample size, the partition over devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from bgan_jax import losses

normalized_importance_weights = jax.jit(losses.normalized_importance_weights)
effective_sample_size = jax.jit(losses.effective_sample_size)
log_partition = jax.jit(losses.log_partition)

logit_arrays = numpy_strategies.arrays(np.float32, (6, 2), elements=st.floats(-80, 80, width=32))


def test_known_weights():
    logits = jnp.array([0.0, 1.0, -1.0])
    np.testing.assert_allclose(losses.normalized_importance_weights(logits), [0.244728, 0.665241, 0.090031], atol=1e-6)
    np.testing.assert_allclose(losses.log_partition(logits), 0.308994, atol=1e-6)
    np.testing.assert_allclose(losses.effective_sample_size(logits), 1.958699, atol=1e-6)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(logit_arrays, st.floats(-80, 80, width=32))
def test_normalized_weights_sum_to_one_and_ignore_a_constant(logits, constant):
    weights = normalized_importance_weights(logits)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, rtol=1e-6)
    shifted = normalized_importance_weights(logits + np.float32(constant))
    np.testing.assert_allclose(shifted, weights, atol=2e-5)
    shifted_ess = effective_sample_size(logits + np.float32(constant))
    np.testing.assert_allclose(shifted_ess, effective_sample_size(logits), rtol=1e-4)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(numpy_strategies.arrays(np.float32, (5, 3), elements=st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_at_the_ends_of_float32_weights_sum_to_one_and_the_sample_size_is_between_one_and_m(logits):
    np.testing.assert_allclose(normalized_importance_weights(logits).sum(axis=0), 1.0, rtol=1e-6)
    size = effective_sample_size(logits)
    assert ((size >= 1) & (size <= 5)).all()
    partition = log_partition(logits)
    assert (partition <= logits.max(axis=0)).all()
    assert np.isfinite(partition).all()


@jax.jit
def partition_and_gradient(logits):
    return log_partition(logits), jax.grad(lambda x: log_partition(x).sum())(logits)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(logit_arrays)
def test_the_partition_is_accurate_and_its_gradient_is_the_softmax(logits):
    exact = logits.astype(np.float64)
    largest = exact.max(axis=0)
    exact = largest + np.log(np.mean(np.exp(exact - largest), axis=0))
    found, gradient = partition_and_gradient(logits)
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6 * np.abs(logits).max())
    np.testing.assert_allclose(gradient, normalized_importance_weights(logits), rtol=1e-5, atol=1e-30)


def test_the_partition_of_nearly_equal_logits_keeps_its_digits():
    logits = np.array([1e-6, 3e-6, 2e-6], np.float32)
    exact = np.log(np.mean(np.exp(logits.astype(np.longdouble))))
    np.testing.assert_allclose(losses.log_partition(logits), np.float64(exact), rtol=1e-5)


def test_the_weight_is_the_exponential_of_the_logit():
    logits = jnp.array([[-200.0, -1.0], [0.0, 80.0]])
    np.testing.assert_allclose(
        losses.importance_weights(logits), np.exp(np.asarray(logits, np.float64)), rtol=1e-6, atol=1e-37
    )


def test_equal_weights_and_a_single_weight():
    assert losses.effective_sample_size(jnp.full((7, 2), 3e38)).tolist() == [7.0, 7.0]
    assert losses.effective_sample_size(jnp.full((1, 2), -5.0)).tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(losses.normalized_importance_weights(jnp.full((1, 2), 9.0)), 1.0)
    np.testing.assert_array_equal(losses.log_partition(jnp.full((9, 2), -3e38)), np.float32(-3e38))


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), (0, 1, 2)])
def test_any_axis(axis):
    logits = jax.random.normal(jax.random.key(0), (4, 3, 5))
    axes = axis if isinstance(axis, tuple) else (axis,)
    weights = losses.normalized_importance_weights(logits, axis=axis)
    np.testing.assert_allclose(weights.sum(axis=axes), 1.0, rtol=1e-6)
    np.testing.assert_allclose(
        losses.effective_sample_size(logits, axis=axis), 1 / np.square(weights).sum(axis=axes), rtol=1e-5
    )
    np.testing.assert_allclose(
        losses.log_partition(logits, axis=axis), np.log(np.exp(logits).mean(axis=axes)), rtol=1e-4, atol=1e-6
    )


def test_the_partition_over_devices_is_that_of_the_whole_batch():
    logits = jnp.concatenate([80 * jax.random.normal(jax.random.key(0), (7, 5, 3)), jnp.full((1, 5, 3), 3e38)])
    logits = logits.at[-1, :, 1:].set(0.25)  # one latent with a huge logit on one device
    whole = losses.log_partition(logits.reshape(40, 3))

    def on_one_device(share):
        return losses.log_partition(share, axis_name="devices")

    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("devices",))
    spec = jax.sharding.PartitionSpec("devices")
    spread = jax.shard_map(
        lambda share: on_one_device(share[0])[None], mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False
    )
    for found in (
        jax.pmap(on_one_device, axis_name="devices")(logits),
        jax.vmap(on_one_device, axis_name="devices")(logits),
        jax.jit(spread)(logits),
    ):
        for device in range(8):
            np.testing.assert_allclose(found[device], whole, rtol=1e-6)


def test_the_gradient_of_the_partition_over_devices_is_that_of_the_whole_batch():
    logits = jax.random.normal(jax.random.key(1), (8, 5))
    whole = jax.grad(lambda x: losses.log_partition(x.reshape(40)))(logits)
    # Each device differentiates the same number; psum transposes to psum, so every share is the sum of eight of them.
    spread = jax.pmap(jax.grad(lambda x: losses.log_partition(x, axis_name="devices")), axis_name="devices")(logits)
    np.testing.assert_allclose(spread / 8, whole, rtol=1e-5)


def test_logits_must_be_floats_and_not_empty():
    for function in (
        losses.importance_weights,
        losses.normalized_importance_weights,
        losses.log_partition,
        losses.effective_sample_size,
    ):
        with pytest.raises(ValueError, match="fake_logits must not be empty"):
            function(jnp.zeros((0, 3)))
        with pytest.raises(ValueError, match="fake_logits must be an array of floats, found dtype int32"):
            function(jnp.zeros((2, 3), jnp.int32))
