"""The control variate: the same expected gradient for every coefficient, on every tuple of samples; less variance."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from bgan_jax.conditionals import product_bernoulli, product_categorical

BITS = (
    product_bernoulli(event_ndims=1),
    jnp.array(list(itertools.product((0, 1), repeat=3))),
    jnp.array([[0.3, -0.8, 0.1], [1.1, 0.4, -2.0]]),
)
SYMBOLS = (
    product_categorical(3, event_ndims=2),
    jnp.array(list(itertools.product(range(3), repeat=2))),
    jnp.array([[[0.3, -0.8, 0.1], [1.1, 0.4, -0.3]], [[0.0, 0.0, 0.0], [-1.0, 0.5, 1.5]]]),
)


def curved(points, *, steepness=1.0):
    """F of every point, smooth and not linear."""
    flat = points.reshape(len(points), -1)
    weights = jnp.linspace(-1.0, 1.3, flat.shape[1])
    return steepness * (jnp.tanh(2 * flat @ weights) + 0.7 * flat[:, 0] * flat[:, -1])


CASES = {"bits": BITS, "symbols": SYMBOLS}


@functools.partial(jax.jit, static_argnames=("case", "num_samples", "centered"))
def gradients_of_every_tuple(case, coefficient, *, num_samples, steepness=1.0, centered=False):
    """Computes the loss's gradient in the logits for every tuple of M states, and the tuple's probability per latent.

    Args:
      case: the name of one of ``CASES``.
      coefficient: b.
      num_samples: M.
      steepness: F's scale.
      centered: the centred loss, without a control variate.

    Returns:
      Gradients ``[tuples, latents, ...]`` and probabilities ``[tuples, latents]``.
    """
    conditional, states, logits = CASES[case]
    points = conditional.statistics(states)
    log_ratios = curved(points, steepness=steepness)
    indices = jnp.array(list(itertools.product(range(len(states)), repeat=num_samples)))

    def one_latent(latent_logits):
        mean = conditional.mean(latent_logits)
        slope = jax.grad(lambda p: curved(p[None], steepness=steepness)[0])(mean)

        def loss(latent_logits, chosen):
            mean = conditional.mean(latent_logits)
            constant = jax.lax.stop_gradient(mean)
            x = points[chosen]
            log_probs = conditional.log_prob(x, jnp.broadcast_to(latent_logits, x.shape))[:, None]
            axes = tuple(range(1, x.ndim))
            linear = jnp.sum(slope[None] * (x - constant[None]), axis=axes)[:, None]
            expected = jnp.sum(slope * (mean - constant))[None]
            fake_logits = log_ratios[chosen][:, None]
            if centered:
                return losses.centered_importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits).sum()
            return losses.controlled_importance_weighted_loss(
                log_probs=log_probs, fake_logits=fake_logits, linear_logits=linear, expected_linear=expected,
                coefficient=coefficient,
            ).sum()  # fmt: skip

        log_g = conditional.log_prob(points, jnp.broadcast_to(latent_logits, points.shape))
        return (
            jax.vmap(jax.grad(loss), in_axes=(None, 0))(latent_logits, indices),
            jnp.exp(jnp.sum(log_g[indices], axis=1)),
        )

    return jax.vmap(one_latent, out_axes=1)(logits)


def mean_and_variance(case, coefficient, **arguments):
    gradients, probabilities = gradients_of_every_tuple(case, coefficient, **arguments)
    gradients = np.asarray(gradients, np.float64).reshape(*probabilities.shape, -1)
    probabilities = np.asarray(probabilities, np.float64)
    mean = np.einsum("tn,tnd->nd", probabilities, gradients)
    return mean, np.einsum("tn,tnd->n", probabilities, (gradients - mean) ** 2)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("num_samples", [2, 3])
@pytest.mark.parametrize("coefficient", [0.0, 0.6, 1.0, -2.0])
def test_the_expected_gradient_is_the_centered_one_for_every_coefficient(case, num_samples, coefficient):
    expected, _ = mean_and_variance(case, 0.0, num_samples=num_samples, centered=True)
    found, _ = mean_and_variance(case, coefficient, num_samples=num_samples)
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("case", CASES)
def test_a_coefficient_that_fits_lowers_the_variance_and_a_wrong_one_raises_it(case):
    _, plain = mean_and_variance(case, 0.0, num_samples=3, steepness=0.5, centered=True)
    _, fitted = mean_and_variance(case, 0.7, num_samples=3, steepness=0.5)
    _, wrong = mean_and_variance(case, -2.0, num_samples=3, steepness=0.5)
    assert (fitted < 0.7 * plain).all()
    assert (wrong > plain).all()


def test_a_linear_log_ratio_is_estimated_almost_without_variance():
    conditional, states, logits = BITS
    points, slope = conditional.statistics(states), 0.02 * jnp.array([1.0, -1.0, 0.5])

    def loss(latent_logits, chosen, controlled):
        mean = conditional.mean(latent_logits)
        constant = jax.lax.stop_gradient(mean)
        x = points[chosen]
        arrays = {
            "log_probs": conditional.log_prob(x, jnp.broadcast_to(latent_logits, x.shape))[:, None],
            "fake_logits": (x @ slope)[:, None],
        }
        if not controlled:
            return losses.centered_importance_weighted_loss(**arrays).sum()
        linear, expected = ((x - constant[None]) @ slope)[:, None], ((mean - constant) @ slope)[None]
        return losses.controlled_importance_weighted_loss(
            **arrays, linear_logits=linear, expected_linear=expected
        ).sum()

    chosen = jax.random.randint(jax.random.key(0), (200, 6), 0, len(states))
    gradients = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, None)), static_argnums=2)
    spread = [np.std(gradients(logits[0], chosen, controlled), axis=0).max() for controlled in (False, True)]
    assert spread[1] < 0.2 * spread[0]


def test_the_coefficient_is_the_regression_within_latents():
    fake_logits = jax.random.normal(jax.random.key(0), (5, 7))
    linear = 0.3 * fake_logits + jax.random.normal(jax.random.key(1), (5, 7)) + 10 * jnp.arange(7.0)[None]
    x = np.asarray(linear - linear.mean(axis=0, keepdims=True))
    y = np.asarray(5 * losses.normalized_importance_weights(fake_logits) - 1)
    expected = np.polyfit(x.ravel(), y.ravel(), 1)[0]
    np.testing.assert_allclose(
        losses.control_coefficient(fake_logits=fake_logits, linear_logits=linear), expected, rtol=1e-4
    )
    constant = losses.control_coefficient(fake_logits=fake_logits, linear_logits=jnp.ones((5, 7)))
    assert float(constant) == 0.0


def test_the_coefficient_over_devices_is_that_of_the_whole_batch():
    fake_logits, linear = (jax.random.normal(jax.random.key(seed), (4, 16)) for seed in range(2))
    whole = losses.control_coefficient(fake_logits=fake_logits, linear_logits=linear)
    parts = jax.vmap(
        lambda f, l: losses.control_coefficient(fake_logits=f, linear_logits=l, axis_name="devices"),
        in_axes=1, axis_name="devices",
    )(fake_logits.reshape(4, 8, 2), linear.reshape(4, 8, 2))  # fmt: skip
    np.testing.assert_allclose(parts, jnp.full(8, whole), rtol=1e-5)


def test_one_sample_has_no_gradient_and_wrong_shapes_are_named():
    arrays = {name: jnp.ones((1, 2)) for name in ("log_probs", "fake_logits", "linear_logits")}
    gradient = jax.grad(
        lambda x: losses.controlled_importance_weighted_loss(
            **(arrays | {"log_probs": x}), expected_linear=jnp.ones(2)
        ).sum()
    )(jnp.ones((1, 2)))
    assert gradient.tolist() == [[0.0, 0.0]]
    with pytest.raises(ValueError, match="expected_linear"):
        losses.controlled_importance_weighted_loss(**arrays, expected_linear=jnp.ones((1, 2)))
    with pytest.raises(ValueError, match="linear_logits"):
        losses.controlled_importance_weighted_loss(
            **(arrays | {"linear_logits": jnp.ones((2, 2))}), expected_linear=jnp.ones(2)
        )
