"""Every elementwise function of a logit and its gradient against extended precision, and that none is ever NaN."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bgan_jax import losses
from tests.losses import supports
from tests.losses.supports import CASES, slope

LARGEST = float(np.finfo(np.float32).max)

LOGITS = np.concatenate(
    [
        np.linspace(-80, 80, 2001),
        np.linspace(-2, 2, 1001),
        10.0 ** np.linspace(-30, 0, 500),
        -(10.0 ** np.linspace(-30, 0, 500)),
        [44.0, -44.0, 0.0],
    ]
).astype(np.float32)


def exact_softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def exact_sigmoid(x):
    return np.exp(-exact_softplus(-x))


def exact_log_twice_sigmoid(x):
    series = x / 2 - x**2 / 8 + x**4 / 192 - x**6 / 2880  # the next term is below 1e-20 where this is used
    return np.where(np.abs(x) < 1e-2, series, np.log(np.longdouble(2)) - exact_softplus(-x))


def exact_rows(x, alphas=supports.ALPHAS):
    """Name -> value and slope of nu, then value and slope of f* o nu, in extended precision."""
    exp, expm1, sigmoid, one = np.exp, np.expm1, exact_sigmoid, np.ones_like(x)
    rows = {
        "gan": (-exact_softplus(-x), sigmoid(-x), exact_softplus(x), sigmoid(x)),
        "jensen_shannon": (exact_log_twice_sigmoid(x), sigmoid(-x), -exact_log_twice_sigmoid(-x), sigmoid(x)),
        "kl": (x + 1, one, exp(x), exp(x)),
        "reverse_kl": (-exp(-x), exp(-x), x - 1, one),
        "squared_hellinger": (-expm1(-x / 2), exp(-x / 2) / 2, expm1(x / 2), exp(x / 2) / 2),
        "pearson_chi2": (2 * expm1(x), 2 * exp(x), expm1(2 * x), 2 * exp(2 * x)),
        "neyman_chi2": (-expm1(-2 * x), 2 * exp(-2 * x), -2 * expm1(-x), 2 * exp(-x)),
        "jeffreys": (x - expm1(-x), 1 + exp(-x), x + expm1(x), 1 + exp(x)),
    }
    for alpha in alphas:
        a, b = np.longdouble(alpha), np.longdouble(alpha - 1)
        rows[losses.alpha_divergence(alpha).name] = (expm1(b * x) / b, exp(b * x), expm1(a * x) / a, exp(a * x))
    return rows


def assert_accurate(found, exact):
    """Relative error below 1e-5 wherever float32 can hold the exact value."""
    found = np.asarray(found).astype(np.longdouble)
    assert not np.isnan(found).any()
    held = (np.abs(exact) < 0.999 * LARGEST) & ((np.abs(exact) > 3e-38) | (exact == 0))
    assert np.isfinite(found[held]).all()
    np.testing.assert_allclose(found[held], exact[held], rtol=1e-5, atol=0)


@pytest.mark.parametrize("divergence", CASES, ids=lambda divergence: divergence.name)
def test_activation_and_composition_are_accurate_with_their_gradients(divergence):
    functions = divergence.activation, divergence.conjugate_of_activation
    found = jax.jit(lambda x: [part for f in functions for part in (f(x), slope(f, x))])(LOGITS)
    with np.errstate(over="ignore"):
        exact = exact_rows(LOGITS.astype(np.longdouble))[divergence.name]
    for part, exact_part in zip(found, exact, strict=True):
        assert_accurate(part, exact_part)


def test_the_activations_at_the_ends_of_float32():
    ends = jnp.array([LARGEST, -LARGEST])
    activation = {name: row.activation(ends).tolist() for name, row in losses.DIVERGENCES.items()}
    np.testing.assert_allclose(activation["gan"], [0, -LARGEST])
    np.testing.assert_allclose(activation["jensen_shannon"], [np.log(2), -LARGEST], rtol=1e-6)
    assert activation["reverse_kl"] == [0, -np.inf]
    assert activation["squared_hellinger"] == [1, -np.inf]
    assert activation["pearson_chi2"] == [np.inf, -2]


def exact_losses(x):
    return {
        "importance_weights": (np.exp(x), np.exp(x)),
        "boundary_seeking_loss": (x**2, 2 * x),
        "boundary_cross_entropy_loss": (np.log(2) + np.log(np.cosh(x / 2)), np.tanh(x / 2) / 2),
        "minimax_loss": (-exact_softplus(x), -exact_sigmoid(x)),
        "non_saturating_loss": (exact_softplus(-x), -exact_sigmoid(-x)),
        "least_squares_generator_loss": ((x - 1) ** 2 / 2, x - 1),
        "hinge_generator_loss": (-x, -np.ones_like(x)),
        "wasserstein_generator_loss": (-x, -np.ones_like(x)),
    }


@pytest.mark.parametrize("name", exact_losses(np.zeros(1)))
def test_losses_of_a_logit_are_accurate_with_their_gradients(name):
    value, derivative = exact_losses(LOGITS.astype(np.longdouble))[name]
    loss = getattr(losses, name)
    found, found_derivative = jax.jit(lambda x: (loss(x), slope(loss, x)))(LOGITS)
    assert_accurate(found, value)
    assert_accurate(found_derivative, derivative)


def test_f_is_accurate_through_the_double_zero_at_equal_densities():
    distances = np.concatenate([10.0 ** np.linspace(-6, -0.5, 60), -(10.0 ** np.linspace(-6, -0.5, 60))])
    ratios = (1 + distances).astype(np.float32)
    d = (ratios.astype(np.longdouble) - 1) / (ratios.astype(np.longdouble) + 1)
    jensen_shannon = sum(2 * d ** (2 * k) / (2 * k * (2 * k - 1)) for k in range(1, 60))
    logit = np.log1p(ratios.astype(np.longdouble) - 1)
    for alpha in (1.0001, 2.5):
        a, power = np.longdouble(alpha), np.longdouble(1)
        series = np.zeros_like(logit)
        for k in range(2, 40):
            power = power * (a if k > 2 else 1)
            series += (a**k - a) / (a * (a - 1)) * logit**k / np.prod(np.arange(1, k + 1, dtype=np.longdouble))
        assert_accurate(jax.jit(losses.alpha_divergence(alpha).f)(ratios), series)
    assert_accurate(losses.DIVERGENCES["jensen_shannon"].f(ratios), jensen_shannon * (ratios + np.longdouble(1)) / 2)


@pytest.mark.parametrize("t", [-1e37, -1e6, -30.0, -1.0, -1e-3, 0.0, 1e-6, 0.5, 1.0, 30.0, 80.0])
def test_jeffreys_conjugate_solves_its_equation(t):
    """It has no elementary form: F + 1 - e^-F = t, solved in extended precision by bisection."""
    low, high = np.longdouble(-200), np.longdouble(200)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle - np.expm1(-middle) < np.float32(t) else (low, middle)
    conjugate = jax.jit(losses.DIVERGENCES["jeffreys"].conjugate)
    np.testing.assert_allclose(
        np.float64(conjugate(jnp.float32(t))), np.float64(low + np.expm1(low)), rtol=1e-5, atol=1e-30
    )
    np.testing.assert_allclose(np.float64(slope(conjugate, jnp.float32(t))), np.float64(np.exp(low)), rtol=1e-5)


finite_floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
edges = st.sampled_from([0.0, -0.0, 1e-45, 1e-30, 1.0, -2.0, 44.0, 88.7, 88.8, -104.0, 1e19, -1e20, LARGEST, -LARGEST])
any_float = st.one_of(finite_floats, edges, st.floats(-100, 100, width=32))


def arrays(*shape):
    size = int(np.prod(shape))
    return st.lists(any_float, min_size=size, max_size=size).map(lambda v: np.array(v, np.float32).reshape(shape))


def with_gradients(function, *arguments):
    """Computes values, gradients, and gradients under a zero cotangent (which must not be multiplied by inf)."""
    value, vjp = jax.vjp(function, *arguments)
    return value, vjp(jnp.ones_like(value)), vjp(jnp.zeros_like(value))


def compiled(functions):
    """Compiles all functions with their gradients as one program."""
    return jax.jit(lambda *arguments: {name: with_gradients(f, *arguments) for name, f in functions.items()})


def assert_no_nan(results):
    for name, result in results.items():
        assert not any(np.isnan(leaf).any() for leaf in jax.tree.leaves(result)), (name, result)


@functools.cache
def elementwise_functions():
    derived = (
        losses.divergence_from_f(lambda u: u * jnp.log(u), name="kl by autodiff"),
        losses.divergence_from_f(lambda u: (u - 1) ** 2 / u, name="neyman by autodiff"),
    )
    parts = ("activation", "conjugate_of_activation", "conjugate")
    functions = {f"{d.name} {part}": getattr(d, part) for d in (*CASES, *derived) for part in parts}
    return compiled(functions | {f"{d.name} f": d.f for d in CASES})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(arrays(64))
def test_elementwise_functions_of_a_record_are_never_nan(x):
    assert_no_nan(elementwise_functions()(x))


BOUNDS = compiled(
    {
        name: lambda real, fake, name=name: losses.discriminator_loss(
            real_logits=real, fake_logits=fake, divergence=name
        )
        for name in losses.DIVERGENCES
    }
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(arrays(6), arrays(4))
def test_bounds_are_never_nan(real_logits, fake_logits):
    assert_no_nan(BOUNDS(real_logits, fake_logits))


MATRIX_LOSSES = compiled(
    {
        "per latent": lambda x, f: losses.importance_weighted_loss(log_probs=x, fake_logits=f),
        "centered": lambda x, f: losses.centered_importance_weighted_loss(log_probs=x, fake_logits=f),
        "marginal": lambda x, f: losses.marginal_importance_weighted_loss(log_probs=x, fake_logits=f),
        "leave one out": lambda x, f: losses.reinforce_loss(
            log_probs=x, rewards=f, baseline=losses.leave_one_out_baseline(f)
        ),
        "reinforce": lambda x, f: losses.reinforce_loss(log_probs=x, rewards=f, baseline=x),
        "weights": lambda x, f: losses.importance_weights(f),
        "normalized": lambda x, f: losses.normalized_importance_weights(f),
        "partition": lambda x, f: losses.log_partition(f),
        "whole partition": lambda x, f: losses.log_partition(f, axis=(0, 1)),
        "effective sample size": lambda x, f: losses.effective_sample_size(f),
        "boundary": lambda x, f: losses.boundary_seeking_loss(f),
        "centered boundary": lambda x, f: losses.centered_boundary_seeking_loss(f, log_partition=x),
        "cross-entropy": lambda x, f: losses.boundary_cross_entropy_loss(f),
        "minimax": lambda x, f: losses.minimax_loss(f),
        "non-saturating": lambda x, f: losses.non_saturating_loss(f),
        "least squares": lambda x, f: losses.least_squares_discriminator_loss(real_logits=x, fake_logits=f),
        "least squares generator": lambda x, f: losses.least_squares_generator_loss(f),
        "hinge": lambda x, f: losses.hinge_discriminator_loss(real_logits=x, fake_logits=f),
        "critic": lambda x, f: losses.wasserstein_critic_loss(real_logits=x, fake_logits=f),
    }
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(arrays(5, 3), arrays(5, 3))
def test_losses_and_weights_are_never_nan(log_probs, fake_logits):
    assert_no_nan(MATRIX_LOSSES(log_probs, fake_logits))


@jax.jit
def penalties(slopes, points):
    def penalty(slopes, name):
        return losses.gradient_norm_penalty(
            lambda x: jnp.sum(x * slopes[None, :], axis=1), real=points, fake=points, divergence=name
        )

    return {name: jax.value_and_grad(penalty)(slopes, name) for name in losses.DIVERGENCES}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(arrays(2), arrays(3, 2))
def test_penalties_are_never_nan_nor_their_gradients_before_they_overflow(slopes, points):
    slopes, points = np.clip(slopes, -1e30, 1e30), np.clip(points, -1e3, 1e3)
    for name, (value, gradient) in penalties(slopes, points).items():
        assert not np.isnan(value), name
        assert value > 1e36 or not np.isnan(gradient).any(), name
