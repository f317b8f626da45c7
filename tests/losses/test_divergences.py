"""Identities of the conjugate pair, in float64, and known divergences. Accuracy: test_numerics.py."""

import copy
import dataclasses
import functools
import math
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from bgan_jax.losses import legendre
from tests.losses import supports
from tests.losses.supports import CASES, NAMES, slope

each_divergence = pytest.mark.parametrize("divergence", CASES, ids=lambda divergence: divergence.name)


@pytest.fixture
def float64():
    with supports.float64():
        yield


def logits64(*, reach=4.0):
    return jnp.linspace(-reach, reach, 41, dtype=jnp.float64)


@functools.cache
def quantities(divergence):
    """Computes everything that the identities compare, at 41 logits, in float64, as one program."""
    step = 1e-6

    def difference(function, x):
        return (function(x + step) - function(x - step)) / (2 * step)

    def values_slopes_and_differences(function, x):
        first, second = lambda y: slope(function, y), lambda y: slope(lambda z: slope(function, z), y)
        return function(x), first(x), second(x), difference(function, x), difference(first, x)

    @jax.jit
    def evaluate(logits):
        ratios, t = jnp.exp(logits), divergence.activation(logits)
        plain = supports.PLAIN_F[divergence.name]
        return types.SimpleNamespace(
            logits=logits,
            ratios=ratios,
            activation=values_slopes_and_differences(divergence.activation, logits),
            composed=values_slopes_and_differences(divergence.conjugate_of_activation, logits),
            conjugate=values_slopes_and_differences(divergence.conjugate, t),
            weights=losses.conjugate_slope(t, divergence=divergence),
            f=values_slopes_and_differences(divergence.f, ratios),
            plain_f=plain(ratios),
            plain_slope=slope(plain, ratios),
        ).__dict__

    with supports.float64():
        found = evaluate(logits64())
    return types.SimpleNamespace(**jax.tree.map(np.asarray, found))


@each_divergence
def test_the_weight_is_the_slope_of_the_conjugate(divergence):
    found = quantities(divergence)
    np.testing.assert_allclose(found.conjugate[1], found.ratios, rtol=1e-9)
    np.testing.assert_allclose(found.weights, found.ratios, rtol=1e-9)


@each_divergence
@pytest.mark.parametrize("part", ["activation", "composed", "conjugate", "f"])
def test_written_slopes_are_finite_differences_to_the_second_order(divergence, part):
    _, first, second, difference, second_difference = getattr(quantities(divergence), part)
    inside = slice(8, -8)  # F within 2.4: towards the ends the differences lose their digits
    np.testing.assert_allclose(first[inside], difference[inside], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(second[inside], second_difference[inside], rtol=1e-5, atol=1e-8)


@each_divergence
def test_the_activation_is_the_slope_of_f_at_the_ratio(divergence):
    found = quantities(divergence)
    np.testing.assert_allclose(found.activation[0], found.plain_slope, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.f[1], found.activation[0], rtol=1e-9, atol=1e-14)


@each_divergence
def test_f_is_the_plain_formula(divergence):
    found = quantities(divergence)
    np.testing.assert_allclose(found.f[0], found.plain_f, rtol=1e-9, atol=1e-10)


@each_divergence
def test_the_composition_agrees_with_its_definition_and_with_the_conjugate(divergence):
    found = quantities(divergence)
    definition = found.ratios * found.activation[0] - found.f[0]
    np.testing.assert_allclose(found.composed[0], definition, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found.composed[0], found.conjugate[0], rtol=1e-9, atol=1e-12)


@each_divergence
def test_the_slope_of_the_composition_is_the_ratio_times_the_slope_of_the_activation(divergence):
    found = quantities(divergence)
    np.testing.assert_allclose(found.composed[1], found.ratios * found.activation[1], rtol=1e-10)


@each_divergence
def test_the_conjugate_is_the_supremum(divergence):
    found = quantities(divergence)
    ratios = np.exp(np.linspace(-8, 8, 20001))
    with supports.float64():
        f = np.asarray(jax.jit(supports.PLAIN_F[divergence.name])(ratios))
    supremum = np.max(np.outer(ratios, found.activation[0]) - f[:, None], axis=0)
    np.testing.assert_allclose(found.conjugate[0], supremum, rtol=1e-5, atol=1e-6)


@each_divergence
def test_the_conjugate_is_infinite_outside_its_domain_and_rises_towards_it(divergence):
    ends = {"gan": 0.0, "jensen_shannon": math.log(2), "reverse_kl": 0.0, "squared_hellinger": 1.0, "neyman_chi2": 1.0}
    ends |= {losses.alpha_divergence(alpha).name: 1 / (1 - alpha) for alpha in supports.ALPHAS if alpha < 1}
    end = ends.get(divergence.name, math.inf)
    t = np.array([-50.0, -1.0, -0.5, -0.01, 0.01, 1.0, 3e38], np.float32) + (end if end < math.inf else 0.0)
    conjugate, weights = jax.jit(lambda t: (divergence.conjugate(t), slope(divergence.conjugate, t)))(
        t.astype(np.float32)
    )
    assert np.isfinite(conjugate[:4]).all()
    assert np.isinf(conjugate[4:6]).all() if end < math.inf else np.isfinite(conjugate[4:6]).all()
    assert np.isfinite(weights).all()
    assert (np.diff(weights[:5]) >= 0).all()


def test_pearsons_conjugate_is_flat_where_the_supremum_is_at_zero():
    t = jnp.array([-2.0, -3.0, -1e6, -3e38])
    np.testing.assert_array_equal(losses.DIVERGENCES["pearson_chi2"].conjugate(t), -1.0)
    np.testing.assert_array_equal(losses.conjugate_slope(t, divergence="pearson_chi2"), 0.0)


F_AT_ZERO = {"gan": 0, "jensen_shannon": math.log(2), "kl": 0, "reverse_kl": math.inf, "squared_hellinger": 1}
F_AT_ZERO |= {"pearson_chi2": 1, "neyman_chi2": math.inf, "jeffreys": math.inf}


@pytest.mark.parametrize(("name", "at_zero"), F_AT_ZERO.items())
def test_f_at_zero_is_its_limit_and_left_of_it_infinite(name, at_zero):
    f = losses.DIVERGENCES[name].f
    np.testing.assert_allclose(f(jnp.array([0.0, -1.0])), [at_zero, math.inf], rtol=1e-6, atol=1e-30)


def test_f_of_alpha_at_zero_is_its_limit():
    for alpha in supports.ALPHAS:
        expected = 1 / alpha if alpha > 0 else math.inf
        np.testing.assert_allclose(jax.jit(losses.alpha_divergence(alpha).f)(0.0), expected, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_divergences_of_two_distributions(name):
    ratios = jnp.asarray(supports.P / supports.Q, jnp.float32)
    value = jnp.sum(jnp.asarray(supports.Q, jnp.float32) * losses.DIVERGENCES[name].f(ratios))
    np.testing.assert_allclose(value, supports.DIVERGENCE_OF_P_FROM_Q[name], atol=1.5e-6)


@pytest.mark.parametrize(("alpha", "expected"), [(0.5, 0.428721), (2.5, 1.281361)])
def test_alpha_divergences_of_two_distributions(alpha, expected):
    ratios = jnp.asarray(supports.P / supports.Q, jnp.float32)
    value = jnp.sum(jnp.asarray(supports.Q, jnp.float32) * jax.jit(losses.alpha_divergence(alpha).f)(ratios))
    np.testing.assert_allclose(value, expected, atol=1.5e-6)


@each_divergence
def test_f_is_zero_and_the_activation_a_known_threshold_at_equal_densities(divergence):
    expected = {"gan": -math.log(4)}.get(divergence.name, 0.0)
    np.testing.assert_allclose(jax.jit(divergence.f)(1.0), expected, rtol=1e-6)
    threshold = {"gan": -math.log(2), "kl": 1.0, "reverse_kl": -1.0}.get(divergence.name, 0.0)
    np.testing.assert_allclose(divergence.activation(jnp.zeros(())), threshold, rtol=1e-6)


@pytest.mark.parametrize(
    ("alpha", "name", "factor"), [(0.5, "squared_hellinger", 2), (2, "pearson_chi2", 0.5), (-1, "neyman_chi2", 0.5)]
)
def test_alpha_runs_through_the_table(alpha, name, factor):
    divergence, row = losses.alpha_divergence(alpha), losses.DIVERGENCES[name]
    logits = jnp.linspace(-3.0, 3.0, 13)
    found = jax.jit(divergence.f)(jnp.exp(logits))
    np.testing.assert_allclose(found, factor * jax.jit(row.f)(jnp.exp(logits)), rtol=2e-5, atol=1e-12)
    np.testing.assert_allclose(divergence.activation(logits), factor * row.activation(logits), rtol=1e-5)


def test_alpha_near_its_limits_is_kl_and_reverse_kl(float64):
    logits = logits64(reach=2.0)
    for alpha, name, shift in ((1 + 1e-7, "kl", -1), (1e-7, "reverse_kl", 1)):
        divergence, limit = losses.alpha_divergence(alpha), losses.DIVERGENCES[name]
        np.testing.assert_allclose(divergence.activation(logits), limit.activation(logits) + shift, atol=1e-5)
        np.testing.assert_allclose(
            divergence.conjugate_of_activation(logits), limit.conjugate_of_activation(logits) + shift, atol=1e-5
        )


@pytest.mark.parametrize("alpha", [0, 1, 0.0, 1.0, math.nan, math.inf, -math.inf])
def test_alpha_must_be_finite_and_neither_zero_nor_one(alpha):
    with pytest.raises(ValueError, match="alpha must be finite and neither 0"):
        losses.alpha_divergence(alpha)


@each_divergence
def test_a_divergence_derived_from_f_is_the_closed_form(divergence, float64):
    found = quantities(divergence)
    derived = losses.divergence_from_f(supports.PLAIN_F[divergence.name], name="derived")

    @jax.jit
    def evaluate(logits, t):
        return (
            [derived.activation(logits), derived.conjugate_of_activation(logits), derived.conjugate(t)],
            [slope(derived.activation, logits), slope(derived.conjugate_of_activation, logits)],
            slope(derived.conjugate, t),
        )

    values, slopes, weights = evaluate(found.logits, found.activation[0])
    for value, (expected, *_) in zip(values, (found.activation, found.composed, found.conjugate), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-8, atol=1e-8)
    for value, (_, expected, *_) in zip(slopes, (found.activation, found.composed), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-7)
    np.testing.assert_allclose(weights, found.ratios, rtol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_a_divergence_derived_from_f_is_the_closed_form_in_float32_to_what_f_keeps(name):
    derived, closed = losses.divergence_from_f(supports.PLAIN_F[name], name="derived"), losses.DIVERGENCES[name]

    @jax.jit
    def evaluate(logits):
        t = closed.activation(logits)
        return derived.activation(logits), t, derived.conjugate(t), closed.conjugate_of_activation(logits)

    activation, expected_activation, conjugate, expected_conjugate = evaluate(jnp.linspace(-3.0, 3.0, 41))
    np.testing.assert_allclose(activation, expected_activation, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(conjugate, expected_conjugate, rtol=1e-4, atol=1e-5)


FAR = jnp.linspace(-80.0, 80.0, 33)


def far_out(divergence):
    """Computes what a discriminator's loss with a gradient-norm penalty and its gradient consist of."""

    def penalty(logit):
        points = logit[None, None]
        return losses.gradient_norm_penalty(lambda x: x[:, 0], real=points, fake=points, divergence=divergence)

    return lambda logits: {
        "activation": divergence.activation(logits),
        "conjugate of activation": divergence.conjugate_of_activation(logits),
        "weight of the penalty": jax.vmap(penalty)(logits),
        "slope of the activation": jax.vmap(jax.grad(divergence.activation))(logits),
        "slope of the conjugate of activation": jax.vmap(jax.grad(divergence.conjugate_of_activation))(logits),
        "slope of the penalty": jax.vmap(jax.grad(penalty))(logits),
    }


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        *((name, "Taylor") for name in NAMES),
        *(pytest.param(name, "nested", marks=() if name == "kl" else pytest.mark.exhaustive) for name in NAMES),
    ],
)
def test_a_divergence_derived_from_f_is_finite_far_from_the_boundary(name, rules, monkeypatch):
    if rules == "nested":
        monkeypatch.setattr(legendre, "_has_taylor_rules", lambda f: False)
    function = far_out(losses.divergence_from_f(supports.PLAIN_F[name], name="derived"))
    for quantity, values in (*function(FAR).items(), *jax.jit(function)(FAR).items()):
        assert np.isfinite(values).all(), quantity


@pytest.mark.parametrize("name", ["kl", "reverse_kl", "jeffreys"])
def test_a_divergence_derived_from_an_exact_f_is_the_closed_form_far_from_the_boundary(name):
    function = far_out(losses.divergence_from_f(supports.PLAIN_F[name], name="derived"))
    expected = far_out(losses.DIVERGENCES[name])(FAR)
    for values in (function(FAR), jax.jit(function)(FAR)):
        for quantity in expected:
            # Where the slope is 0, the derived one is the rounding error of its terms.
            atol = 1e-5 if quantity == "slope of the penalty" else 0.0
            np.testing.assert_allclose(values[quantity], expected[quantity], rtol=2e-5, atol=atol, err_msg=quantity)


def test_functions_without_a_taylor_rule_are_derived_by_nested_derivatives():
    def kl(u):
        return jax.scipy.special.xlogy(u, u)

    derived, closed = losses.divergence_from_f(kl, name="kl"), losses.DIVERGENCES["kl"]
    logits = jnp.linspace(-20.0, 20.0, 21)
    np.testing.assert_allclose(derived.activation(logits), closed.activation(logits), rtol=1e-5)
    np.testing.assert_allclose(slope(derived.activation, logits), 1.0, rtol=1e-5)


def test_a_divergence_derived_from_f_obeys_the_law_of_the_weight(float64):
    def quartic(u):
        return (u - 1) ** 4 / 12 + (u - 1) ** 2

    derived = losses.divergence_from_f(quartic, name="quartic")
    logits = logits64(reach=2.0)
    t = derived.activation(logits)
    weights = jax.jit(functools.partial(losses.conjugate_slope, divergence=derived))(t)
    np.testing.assert_allclose(weights, jnp.exp(logits), rtol=1e-9)
    curvature = jax.jit(lambda t: slope(lambda x: slope(derived.conjugate, x), t))(t)
    np.testing.assert_allclose(curvature, 1 / ((jnp.exp(logits) - 1) ** 2 + 2), rtol=1e-8)
    np.testing.assert_allclose(derived.conjugate(jnp.float64(-100.0)), -quartic(0.0), rtol=1e-12)


@pytest.mark.parametrize(
    "f",
    [lambda u: jnp.abs(u - 1) / 2, lambda u: 3 * u - 3, lambda u: -((u - 1) ** 2), lambda u: jnp.log(u - 1)],
    ids=["total variation", "linear", "concave", "undefined at 1"],
)
def test_a_function_that_is_not_strictly_convex_is_refused_by_name(f):
    with pytest.raises(ValueError, match=r"my f: f must be finite, twice differentiable and strictly convex"):
        losses.divergence_from_f(f, name="my f")


def test_an_unknown_divergence_is_refused_with_the_legal_names():
    logits = jnp.zeros(3)
    for call in (
        lambda: losses.as_divergence("jsd"),
        lambda: losses.as_divergence(None),  # type: ignore[arg-type]
        lambda: losses.discriminator_loss(real_logits=logits, fake_logits=logits, divergence="jsd"),
        lambda: losses.f_gan_generator_loss(logits, divergence="jsd"),
        lambda: losses.conjugate_slope(logits, divergence="jsd"),
        lambda: losses.gradient_norm_penalty(lambda x: x, real=logits, fake=logits, divergence="jsd"),
    ):
        with pytest.raises(ValueError, match=f"unknown divergence .*legal names: {', '.join(NAMES)}"):
            call()


def test_records_are_immutable_hashable_values():
    kl = losses.DIVERGENCES["kl"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        kl.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        losses.DIVERGENCES["new"] = kl  # type: ignore[index]
    assert len(set(losses.DIVERGENCES.values())) == len(NAMES) == 8
    assert losses.alpha_divergence(2) is losses.alpha_divergence(2.0)
    assert copy.copy(kl) == kl
    assert losses.as_divergence(kl) is kl
    assert [divergence.name for divergence in losses.DIVERGENCES.values()] == list(NAMES)
