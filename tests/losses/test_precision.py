"""16-bit floats: everything is computed and summed in float32, and no digit or example is lost on the way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from tests.losses.test_transformations import FUNCTIONS

SMALL = (jnp.bfloat16, jnp.float16)
FIELDS = ("f", "activation", "conjugate", "conjugate_of_activation")
RECORDS = {
    **losses.DIVERGENCES,
    "alpha": losses.alpha_divergence(1.5),
    "derived": losses.divergence_from_f(lambda u: u * jnp.log(u), name="derived"),
}
POINTWISE = {
    "importance weights": losses.importance_weights,
    "boundary": losses.boundary_seeking_loss,
    "centered": lambda x: losses.centered_boundary_seeking_loss(x, log_partition=jnp.float32(0.3)),
    "cross-entropy": losses.boundary_cross_entropy_loss,
    "minimax": losses.minimax_loss,
    "non-saturating": losses.non_saturating_loss,
    "least squares": losses.least_squares_generator_loss,
    "hinge": losses.hinge_generator_loss,
    "wasserstein": losses.wasserstein_generator_loss,
    "leave one out": losses.leave_one_out_baseline,
    "hinge discriminator": lambda x: losses.hinge_discriminator_loss(real_logits=x, fake_logits=-x),
    "least squares discriminator": lambda x: losses.least_squares_discriminator_loss(real_logits=x, fake_logits=-x),
}


def small_logits(dtype, *, seed=0):
    return (4 * jax.random.normal(jax.random.key(seed), (6, 5))).astype(dtype)


@pytest.mark.parametrize("dtype", SMALL, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in ("gradient norm alpha", "wgan-gp")])
def test_functions_of_two_arrays_compute_in_float32(name, dtype):
    x, y = small_logits(dtype), small_logits(dtype, seed=1)
    exact = (x.astype(jnp.float32), y.astype(jnp.float32))
    function = FUNCTIONS[name]
    result = function(x, y)
    assert result.dtype == jnp.float32
    if name == "gradient norm":  # The network itself is computed in the dtype of its inputs.
        return
    np.testing.assert_array_equal(result, function(*exact))
    gradients = jax.grad(lambda pair: function(*pair).sum())((x, y))
    expected = jax.grad(lambda pair: function(*pair).sum())(exact)
    for gradient, wanted in zip(gradients, expected, strict=True):
        assert gradient.dtype == dtype
        np.testing.assert_array_equal(gradient, wanted.astype(dtype))


@pytest.mark.parametrize("dtype", SMALL, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("name", POINTWISE)
def test_functions_of_logits_compute_in_float32(name, dtype):
    logits = small_logits(dtype)
    result = POINTWISE[name](logits)
    assert result.dtype == jnp.float32
    np.testing.assert_array_equal(result, POINTWISE[name](logits.astype(jnp.float32)))


@pytest.mark.parametrize("dtype", SMALL, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", RECORDS)
def test_divergences_compute_in_float32(name, field, dtype):
    function = getattr(RECORDS[name], field)
    # Ratios for f, small and large ones among them; else logits, of which many dual variables are outside the domain.
    points = jnp.exp(jnp.linspace(-9.0, 9.0, 37)) if field == "f" else jnp.linspace(-9.0, 9.0, 37)
    points = points.astype(dtype)
    result, slope = function(points), jax.vmap(jax.grad(function))(points)
    assert result.dtype == jnp.float32
    assert slope.dtype == dtype
    np.testing.assert_array_equal(result, function(points.astype(jnp.float32)))
    assert not np.isnan(result).any()
    assert not np.isnan(slope.astype(jnp.float32)).any()


@pytest.mark.parametrize("dtype", SMALL, ids=lambda dtype: dtype.__name__)
def test_more_examples_than_a_float16_can_count(dtype):
    count = 70_000  # The largest float16 is 65,504.
    logits = jnp.linspace(-2.0, 2.0, count).astype(dtype)
    gradient = jax.grad(lambda x: losses.discriminator_loss(real_logits=x, fake_logits=x[:5], divergence="gan"))(logits)
    assert (np.asarray(gradient[5:], np.float32) < 0).all()
    exact = logits.astype(jnp.float32)
    np.testing.assert_array_equal(losses.log_partition(logits), losses.log_partition(exact))
    np.testing.assert_allclose(losses.log_partition(logits), np.log(np.sinh(2.0) / 2.0), atol=1e-3)
    np.testing.assert_allclose(losses.normalized_importance_weights(logits).sum(), 1.0, rtol=1e-5)
    assert float(losses.effective_sample_size(logits)) > 10_000


@pytest.mark.parametrize("dtype", SMALL, ids=lambda dtype: dtype.__name__)
def test_penalties_call_the_network_with_the_points_as_they_are(dtype):
    points = jnp.linspace(-1.0, 1.0, 12).reshape(4, 3).astype(dtype)
    seen = []

    def network(x):
        seen.append(x.dtype)
        return jnp.square(x).sum(axis=1)

    for penalty in losses.PENALTIES.values():
        value = penalty.function(network, jax.random.key(0), real=points, fake=-points, divergence="gan")
        assert value.dtype == jnp.float32
        assert np.isfinite(value)
    assert set(seen) == {jnp.dtype(dtype)}


@pytest.mark.parametrize("dtype", SMALL, ids=lambda dtype: dtype.__name__)
def test_squared_gradients_are_summed_in_float32(dtype):
    # 3,000 entries of 0.1: a sum of 16-bit floats stops growing long before 30.
    points = jnp.zeros((2, 3000), dtype)
    value = losses.r1_penalty(lambda x: (x * jnp.asarray(0.1, dtype)).sum(axis=1), real=points)
    np.testing.assert_allclose(value, 3000 * float(jnp.asarray(0.1, dtype)) ** 2, rtol=1e-5)


def test_an_impossible_sample_without_weight_costs_nothing():
    log_probs, fake_logits = jnp.array([[-1.0], [-jnp.inf]]), jnp.array([[0.0], [-200.0]])
    loss, gradient = jax.value_and_grad(
        lambda x: losses.importance_weighted_loss(log_probs=x, fake_logits=fake_logits).sum()
    )(log_probs)
    assert float(loss) == 1.0
    assert gradient.tolist() == [[-1.0], [0.0]]
