"""Penalties: exact for linear and quadratic functions of any rank, with the weights of the equation."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from tests.losses import supports
from tests.losses.supports import CASES

EXPLICIT_WEIGHT: dict[str, Callable] = {
    "kl": jnp.exp,
    "reverse_kl": jnp.ones_like,
    "squared_hellinger": lambda x: jnp.exp(x / 2) / 2,
    "pearson_chi2": lambda x: 2 * jnp.exp(2 * x),
    "neyman_chi2": lambda x: 2 * jnp.exp(-x),
    "jeffreys": lambda x: 1 + jnp.exp(x),
    **{losses.alpha_divergence(a).name: functools.partial(lambda a, x: jnp.exp(a * x), a) for a in supports.ALPHAS},
}

SHAPES = [(6,), (6, 5), (6, 4, 3, 2)]


def quadratic(points):
    """F with a known gradient at each point: sum over data dims of x^2/2 + x, so grad F = x + 1."""
    return jnp.sum((points**2 / 2 + points).reshape(points.shape[0], -1), axis=1) - 1


def squared_norms(points):
    return jnp.sum(((points + 1) ** 2).reshape(points.shape[0], -1), axis=1)


def points(shape, seed=0, scale=0.3):
    return scale * jax.random.normal(jax.random.key(seed), shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_norm_penalty_has_the_exact_weight(shape):
    @jax.jit
    def found_and_expected(real, fake):
        found = [losses.gradient_norm_penalty(quadratic, real=real, fake=fake, divergence=d) for d in CASES]
        return found, [expected_penalty(d, real, fake) for d in CASES]

    for found, expected in zip(*found_and_expected(points(shape, 0), points(shape, 1)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def expected_penalty(divergence, real, fake):
    if divergence.name in ("gan", "jensen_shannon"):
        real_term = jnp.mean((1 - jax.nn.sigmoid(quadratic(real))) ** 2 * squared_norms(real))
        return real_term + jnp.mean(jax.nn.sigmoid(quadratic(fake)) ** 2 * squared_norms(fake))
    return jnp.mean(EXPLICIT_WEIGHT[divergence.name](quadratic(fake)) * squared_norms(fake))


def test_the_weight_is_the_curvature_of_the_conjugate_through_the_activation():
    """E_Q[(f*)''(nu(F)) |grad nu(F)|^2], literally; under another name, so that gan has its general form too."""

    @functools.partial(jax.jit, static_argnames="divergence")
    def found_and_literal(fake, divergence):
        t = divergence.activation(quadratic(fake))
        curvature = jax.vmap(jax.grad(jax.grad(divergence.conjugate)))(t)
        gradients = jax.grad(lambda x: divergence.activation(quadratic(x)).sum())(fake)
        found = losses.gradient_norm_penalty(quadratic, real=fake, fake=fake, divergence=divergence)
        return found, jnp.mean(curvature * jnp.sum(gradients**2, axis=1))

    for divergence in losses.DIVERGENCES.values():
        general = dataclasses.replace(divergence, name="general form")
        found, literal = found_and_literal(points((5, 3), scale=0.2), general)
        np.testing.assert_allclose(found, literal, rtol=2e-4)


def test_the_practical_form_equals_the_general_one_at_the_log_density_ratio():
    """E_P[(1-s)^2 g] + E_Q[s^2 g] = E_Q[s g] for any g when F = log p/q; here on three points on a line."""
    p, q = jnp.asarray(supports.P, jnp.float32), jnp.asarray(supports.Q, jnp.float32)
    logits = jnp.log(p / q)
    squared_norm = jnp.array([0.3, 1.7, 0.4])
    s = jax.nn.sigmoid(logits)
    practical = jnp.sum(p * (1 - s) ** 2 * squared_norm) + jnp.sum(q * s**2 * squared_norm)
    np.testing.assert_allclose(practical, jnp.sum(q * s * squared_norm), rtol=1e-6)

    # The library's two forms on exact batches of the same points: F interpolates the logits, with known slopes.
    slopes = jnp.sqrt(squared_norm)

    def statistic(x):
        index = jnp.round(x).astype(jnp.int32)
        return logits[index] + slopes[index] * (x - jax.lax.stop_gradient(x))

    places = jnp.arange(3.0)
    real, fake = supports.data_batch(places), supports.generated_batch(places)
    found = losses.gradient_norm_penalty(statistic, real=real, fake=fake, divergence="gan")
    np.testing.assert_allclose(found, practical, rtol=1e-5)


def test_the_weights_are_differentiated_too():
    def penalty(shift):
        return losses.gradient_norm_penalty(
            lambda x: 2 * x + shift, real=jnp.zeros(1), fake=jnp.zeros(1), divergence="kl"
        )

    np.testing.assert_allclose(jax.grad(penalty)(0.5), 4 * np.exp(0.5), rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_unweighted_penalties(shape):
    real, fake = points(shape, 0), points(shape, 1)
    np.testing.assert_allclose(losses.r1_penalty(quadratic, real=real), squared_norms(real).mean(), rtol=1e-5)
    np.testing.assert_allclose(
        losses.unweighted_gradient_norm_penalty(quadratic, real=real, fake=fake),
        squared_norms(real).mean() + squared_norms(fake).mean(),
        rtol=1e-5,
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_the_wgan_penalty_of_a_linear_critic_is_that_of_its_norm(shape):
    """Over all data dims of one example: for images [N, H, W, C] neither per channel nor over the batch."""
    direction = jax.random.normal(jax.random.key(3), shape[1:])
    found = losses.gradient_penalty(
        lambda x: jnp.sum((x * direction[None]).reshape(x.shape[0], -1), axis=1),
        jax.random.key(0),
        real=points(shape, 0),
        fake=points(shape, 1),
    )
    np.testing.assert_allclose(found, (jnp.linalg.norm(direction) - 1) ** 2, rtol=1e-5)


def test_the_wgan_penalty_mixes_each_pair_with_one_uniform_number_of_its_own():
    real, fake = jnp.ones((4000, 3, 2)), jnp.zeros((4000, 3, 2))

    def variation_within_an_example(x):  # its gradient is x less its mean, zero for one number per example
        return 0.5 * jnp.sum((x - x.mean(axis=(1, 2), keepdims=True)) ** 2, axis=(1, 2))

    def half_squared_norm(x):  # its gradient is x, of norm eps sqrt(6)
        return 0.5 * jnp.sum(x**2, axis=(1, 2))

    key = jax.random.key(0)
    found = jax.jit(functools.partial(losses.gradient_penalty, variation_within_an_example))(key, real=real, fake=fake)
    np.testing.assert_allclose(found, 1.0, rtol=1e-6)
    squares = (np.sqrt(6) * (np.arange(10000) + 0.5) / 10000 - 1) ** 2  # over eps uniform in [0, 1)
    found = jax.jit(functools.partial(losses.gradient_penalty, half_squared_norm))(key, real=real, fake=fake)
    assert abs(float(found) - squares.mean()) < 4 * squares.std() / np.sqrt(4000)


def test_keys_per_example_make_the_draw_independent_of_the_batching():
    keys = jax.random.split(jax.random.key(0), 6)
    real, fake = points((6, 5), 0, 2.0), points((6, 5), 1, 2.0)
    penalty = jax.jit(functools.partial(losses.gradient_penalty, quadratic))
    whole = penalty(keys, real=real, fake=fake)
    halves = [penalty(keys[i], real=real[i], fake=fake[i]) for i in (slice(3), slice(3, 6))]
    np.testing.assert_allclose(whole, (halves[0] + halves[1]) / 2, rtol=1e-5)
    with pytest.raises(ValueError, match=r"one key or one per example, shape \(6,\), found \(3,\)"):
        losses.gradient_penalty(quadratic, keys[:3], real=real, fake=fake)


def test_a_zero_input_gradient_is_no_nan():
    def penalty(scale):
        return losses.gradient_penalty(
            lambda x: (scale * x**2).sum(axis=1), jax.random.key(0), real=jnp.zeros((3, 2)), fake=jnp.zeros((3, 2))
        )

    value, gradient = jax.jit(jax.value_and_grad(penalty))(1.0)
    assert value == 1
    assert gradient == 0


@pytest.mark.parametrize("size", [1e-25, 1e15])
def test_the_norm_neither_underflows_nor_overflows(size):
    def penalty(scale):
        return losses.gradient_penalty(
            lambda x: scale * x.sum(axis=1), jax.random.key(0), real=jnp.zeros((3, 4)), fake=jnp.zeros((3, 4))
        )

    value, gradient = jax.jit(jax.value_and_grad(penalty))(jnp.float32(size))
    np.testing.assert_allclose(value, (2 * np.float64(np.float32(size)) - 1) ** 2, rtol=1e-5)
    np.testing.assert_allclose(gradient, 4 * (2 * np.float64(np.float32(size)) - 1), rtol=1e-5)


def test_shapes_are_checked_and_named():
    batch, other = jnp.zeros((4, 3)), jnp.zeros((4, 2))
    with pytest.raises(
        ValueError, match=r"log_ratio_fn must map \(4, 3\) to one number per example \(4,\), found \(4, 1\)"
    ):
        losses.gradient_norm_penalty(lambda x: x[:, :1], real=batch, fake=batch, divergence="kl")
    with pytest.raises(ValueError, match=r"same data dims for real and fake"):
        losses.gradient_norm_penalty(quadratic, real=batch, fake=other, divergence="gan")
    with pytest.raises(ValueError, match="real and fake must have one shape"):
        losses.gradient_penalty(quadratic, jax.random.key(0), real=batch, fake=batch[:2])
    with pytest.raises(ValueError, match="real must be an array of floats, found dtype uint8"):
        losses.r1_penalty(quadratic, real=jnp.zeros((4, 3), jnp.uint8))
