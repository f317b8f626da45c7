"""The bound is a lower bound, tight and stationary at the log density ratio, and -inf, not NaN, if undetermined."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgan_jax import losses
from tests.losses import supports
from tests.losses.supports import CASES, NAMES, data_batch, generated_batch


def bound(per_point, divergence):
    return losses.variational_lower_bound(
        real_logits=data_batch(per_point), fake_logits=generated_batch(per_point), divergence=divergence
    )


def f_divergence(divergence, dtype=jnp.float32):
    return jnp.sum(jnp.asarray(supports.Q, dtype) * divergence.f(jnp.asarray(supports.P / supports.Q, dtype)))


LOG_RATIO = np.log(supports.P / supports.Q)


@jax.jit
def bounds_and_divergences(per_point):
    return {name: (bound(per_point, name), f_divergence(losses.DIVERGENCES[name])) for name in NAMES}


def test_the_bound_at_given_logits():
    for name, (value, _) in bounds_and_divergences(supports.F.astype(np.float32)).items():
        np.testing.assert_allclose(value, supports.BOUND_AT_F[name], atol=1.5e-6)


@pytest.mark.parametrize("divergence", CASES, ids=lambda divergence: divergence.name)
def test_the_bound_is_tight_and_stationary_at_the_log_density_ratio(divergence):
    @jax.jit
    def evaluate(logits):
        bound_of = functools.partial(bound, divergence=divergence)
        exact = f_divergence(divergence, jnp.float64)
        return exact, bound_of(logits), jax.grad(bound_of)(logits), jax.hessian(bound_of)(logits)

    with supports.float64():
        exact, value, gradient, curvature = evaluate(jnp.asarray(LOG_RATIO))
    np.testing.assert_allclose(value, exact, rtol=1e-10)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-12)
    assert (np.linalg.eigvalsh(curvature) < 0).all()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.floats(-10, 10, width=32), min_size=3, max_size=3))
def test_the_bound_is_never_above_the_divergence(per_point):
    for value, exact in bounds_and_divergences(np.array(per_point, np.float32)).values():
        assert float(value) <= float(exact) + 1e-5 * (1 + abs(float(exact)))


def test_the_discriminator_loss_is_the_negative_bound_and_binary_cross_entropy_for_gan():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=7).astype(np.float32), rng.normal(size=(3, 5)).astype(np.float32)

    @jax.jit
    def losses_and_bounds(real, fake):
        return {
            name: (
                losses.discriminator_loss(real_logits=real, fake_logits=fake, divergence=name),
                losses.variational_lower_bound(real_logits=real, fake_logits=fake, divergence=name),
            )
            for name in NAMES
        }

    for loss, value in losses_and_bounds(real, fake).values():
        assert loss.shape == ()
        assert loss == -value
    cross_entropy = np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake)))
    found = losses.discriminator_loss(real_logits=real, fake_logits=fake, divergence="gan")
    np.testing.assert_allclose(found, cross_entropy, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "real", "fake", "expected"),
    [
        ("pearson_chi2", 100.0, 0.0, math.inf),
        ("pearson_chi2", 100.0, 100.0, -math.inf),  # inf - inf: the fake term determines the result
        ("neyman_chi2", -100.0, -100.0, -math.inf),  # -inf + inf: the data term determines the result
        ("neyman_chi2", 0.0, -100.0, math.inf),
        ("reverse_kl", -100.0, 0.0, -math.inf),
        ("kl", 3e38, 0.0, 3e38),
        ("kl", 0.0, 100.0, -math.inf),
    ],
)
def test_overflow_is_infinite_and_an_undetermined_bound_is_minus_infinity(name, real, fake, expected):
    real, fake = jnp.full((4,), real), jnp.full((4,), fake)
    value, gradients = jax.jit(
        jax.value_and_grad(
            lambda r, f: losses.variational_lower_bound(real_logits=r, fake_logits=f, divergence=name), argnums=(0, 1)
        )
    )(real, fake)
    np.testing.assert_allclose(value, expected)
    assert all(jnp.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("bad", [jnp.zeros((0,)), jnp.zeros(3, jnp.int32)], ids=["empty", "integers"])
def test_logits_must_be_floats_and_not_empty(bad):
    with pytest.raises(ValueError, match="fake_logits must"):
        losses.variational_lower_bound(real_logits=jnp.zeros(3), fake_logits=bad, divergence="kl")
    with pytest.raises(ValueError, match="real_logits must"):
        losses.discriminator_loss(real_logits=bad, fake_logits=jnp.zeros(3), divergence="kl")
