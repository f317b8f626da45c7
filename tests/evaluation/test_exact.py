"""Identities that hold exactly on an enumerable support."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.evaluation.enumerable import random_markov_chain_target, random_target, target_conditional
from bgan_jax.evaluation.exact import (
    conditional_kl,
    conditional_log_partitions,
    conditional_log_probs,
    conditional_reverse_kl,
    conditional_target,
    exact_bound,
    exact_divergence,
    marginal_kl,
    marginal_log_probs,
    marginal_reverse_kl,
    optimal_log_ratio,
)
from bgan_jax.losses import DIVERGENCES

NUM_BITS, NUM_LATENTS = 5, 4
TARGET = random_target(jax.random.key(0), num_bits=NUM_BITS, spread=1.0)
CONDITIONAL = target_conditional(TARGET)


def generator(params):
    """Computes the logits of every latent's bits by one hidden layer, so that latents share parameters."""
    return jnp.tanh(params["hidden"]) @ params["output"]


@pytest.fixture(scope="module")
def params():
    hidden_key, output_key = jax.random.split(jax.random.key(1))
    return {
        "hidden": jax.random.normal(hidden_key, (NUM_LATENTS, 3)),
        "output": jax.random.normal(output_key, (3, NUM_BITS)),
    }


@pytest.fixture(scope="module")
def latent_log_probs():
    return jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))


def log_conditionals(params):
    return conditional_log_probs(CONDITIONAL, TARGET.states, generator(params))


def log_model(params, latent_log_probs):
    return marginal_log_probs(log_conditionals(params), latent_log_probs=latent_log_probs)


def best_log_ratio(params, latent_log_probs):
    return optimal_log_ratio(target_log_probs=TARGET.log_probs, model_log_probs=log_model(params, latent_log_probs))


def assert_trees_close(a, b, *, atol=2e-6):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=atol), a, b)


@functools.partial(jax.jit, static_argnums=0)
def gradient(loss_fn, params, *, log_ratio, latent_log_probs):
    return jax.grad(
        lambda params: loss_fn(log_conditionals(params), log_ratio=log_ratio, latent_log_probs=latent_log_probs)
    )(params)


@pytest.fixture(scope="module")
def imperfect_log_ratio():
    """A discriminator that is not optimal: the identities must hold for any one."""
    return 1.5 * jax.random.normal(jax.random.key(5), (2**NUM_BITS,))


def test_conditionals_are_normalised_and_agree_with_the_family(params):
    log_g = log_conditionals(params)
    np.testing.assert_allclose(jnp.exp(log_g).sum(axis=1), 1.0, rtol=1e-5)
    state = 13
    one = CONDITIONAL.log_prob(CONDITIONAL.statistics(jnp.asarray(TARGET.states[state]))[None], generator(params))
    np.testing.assert_allclose(log_g[:, state], one, rtol=1e-5)


# Independent values of D_f for p = (.5, .3, .2), q = (.1, .6, .3), in nats.
KNOWN_DIVERGENCES = {
    "gan": -1.179705,
    "jensen_shannon": 0.206589,
    "kl": 0.515682,
    "reverse_kl": 0.376584,
    "squared_hellinger": 0.214360,
    "pearson_chi2": 1.783333,
    "neyman_chi2": 0.670000,
    "jeffreys": 0.892266,
}


@pytest.mark.parametrize("name", DIVERGENCES)
def test_divergence_has_its_known_value_and_the_bound_is_tight_at_the_optimal_ratio(name):
    p, q = jnp.log(jnp.array([0.5, 0.3, 0.2])), jnp.log(jnp.array([0.1, 0.6, 0.3]))
    exact = exact_divergence(target_log_probs=p, model_log_probs=q, divergence=name)
    assert float(exact) == pytest.approx(KNOWN_DIVERGENCES[name], abs=2e-6)
    best = optimal_log_ratio(target_log_probs=p, model_log_probs=q)
    bound = exact_bound(best, target_log_probs=p, model_log_probs=q, divergence=name)
    assert float(bound) == pytest.approx(float(exact), abs=2e-6)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_bound_is_below_the_divergence_and_stationary_at_the_optimal_ratio(name, params, latent_log_probs):
    q = log_model(params, latent_log_probs)
    best = best_log_ratio(params, latent_log_probs)
    exact = exact_divergence(target_log_probs=TARGET.log_probs, model_log_probs=q, divergence=name)

    @jax.jit
    def bound(log_ratio):
        return exact_bound(log_ratio, target_log_probs=TARGET.log_probs, model_log_probs=q, divergence=name)

    noise = 0.3 * jax.random.normal(jax.random.key(2), best.shape)
    assert float(bound(best + noise)) < float(exact)
    slope = jax.jit(jax.grad(bound))
    scale = float(jnp.max(jnp.abs(slope(best + noise))))
    np.testing.assert_allclose(slope(best), 0.0, atol=1e-5 * max(scale, 1.0))


@pytest.mark.parametrize("name", DIVERGENCES)
def test_gradient_of_the_divergence_matches_finite_differences_in_float64(name):
    generator_64 = np.random.default_rng(0)
    p_logits, q_logits, direction = generator_64.normal(size=(3, 6))
    with jax.enable_x64(True):

        @jax.jit
        def value(step):
            log_p = jax.nn.log_softmax(jnp.asarray(p_logits))
            log_q = jax.nn.log_softmax(jnp.asarray(q_logits + step * direction))
            return exact_divergence(target_log_probs=log_p, model_log_probs=log_q, divergence=name)

        slope = float(jax.jit(jax.grad(value))(0.0))
        numeric = float((value(1e-5) - value(-1e-5)) / 2e-5)
    assert slope == pytest.approx(numeric, rel=1e-6, abs=1e-8)


def test_divergence_includes_states_of_almost_no_model_probability():
    # q(second) = e^-95 is zero in float32, and KL(p || q) must still include it; the ratio counts as e^80.
    p, q = jnp.log(jnp.array([0.5, 0.5])), jnp.array([0.0, -95.0])
    kl = exact_divergence(target_log_probs=p, model_log_probs=q, divergence="kl")
    assert float(kl) == pytest.approx(0.5 * np.log(0.5) + 0.5 * 80.0, rel=1e-5)


def test_divergence_where_the_target_is_impossible():
    p, q = jnp.array([0.0, -jnp.inf]), jnp.log(jnp.array([0.25, 0.75]))
    assert float(exact_divergence(target_log_probs=p, model_log_probs=q, divergence="kl")) == pytest.approx(np.log(4))
    assert exact_divergence(target_log_probs=p, model_log_probs=q, divergence="reverse_kl") == jnp.inf
    slope = jax.grad(lambda q: exact_divergence(target_log_probs=p, model_log_probs=q, divergence="kl"))(q)
    np.testing.assert_allclose(slope, [-1.0, 0.0], atol=1e-6)


def test_joint_kl_splits_over_latents_exactly(params, latent_log_probs, imperfect_log_ratio):
    """KL(p~ || q) = KL(p~(z) || h) + E_p~(z) KL(p~(x|z) || g(x|z)) over the joint, with p~(z) = h alpha / beta."""
    log_g = log_conditionals(params)
    log_alpha = conditional_log_partitions(log_g, log_ratio=imperfect_log_ratio)
    log_target_latents = jax.nn.log_softmax(latent_log_probs + log_alpha)
    log_target = conditional_target(log_g, log_ratio=imperfect_log_ratio)
    per_latent = jnp.sum(jnp.exp(log_target) * (log_target - log_g), axis=1)
    latent_kl = jnp.sum(jnp.exp(log_target_latents) * (log_target_latents - latent_log_probs))
    decomposed = latent_kl + jnp.sum(jnp.exp(log_target_latents) * per_latent)

    marginal = marginal_kl(log_g, log_ratio=imperfect_log_ratio, latent_log_probs=latent_log_probs)
    assert float(marginal) == pytest.approx(float(decomposed), rel=1e-5)
    # The average over h, which boundary seeking minimises, differs; it is a bound on the KL of the averaged target.
    conditional = conditional_kl(log_g, log_ratio=imperfect_log_ratio, latent_log_probs=latent_log_probs)
    assert abs(float(conditional) - float(marginal)) > 1e-3
    q = log_model(params, latent_log_probs)
    averaged_target = marginal_log_probs(log_target, latent_log_probs=latent_log_probs)
    assert float(jnp.sum(jnp.exp(averaged_target) * (averaged_target - q))) < float(conditional)


def test_at_the_optimal_ratio_the_marginal_losses_are_the_true_divergences(params, latent_log_probs):
    best = best_log_ratio(params, latent_log_probs)
    for loss_fn, name in ((marginal_kl, "kl"), (marginal_reverse_kl, "reverse_kl")):

        def true_divergence(params, name=name):
            q = log_model(params, latent_log_probs)
            return exact_divergence(target_log_probs=TARGET.log_probs, model_log_probs=q, divergence=name)

        value = loss_fn(log_conditionals(params), log_ratio=best, latent_log_probs=latent_log_probs)
        assert float(value) == pytest.approx(float(true_divergence(params)), rel=1e-4)
        assert_trees_close(
            gradient(loss_fn, params, log_ratio=best, latent_log_probs=latent_log_probs),
            jax.jit(jax.grad(true_divergence))(params),
        )


def test_conditional_gradient_is_the_weighted_score(params, latent_log_probs, imperfect_log_ratio):
    """-E_h sum_x p~(x|z) grad log g(x|z), with the score written out for a product of bits: x - sigmoid(logits)."""
    logits = generator(params)
    log_g = log_conditionals(params)
    targets = jnp.exp(conditional_target(log_g, log_ratio=imperfect_log_ratio))
    scores = jnp.asarray(TARGET.states, jnp.float32)[None] - jax.nn.sigmoid(logits)[:, None]
    expected = -jnp.exp(latent_log_probs)[:, None] * jnp.sum(targets[..., None] * scores, axis=1)
    actual = jax.grad(
        lambda logits: conditional_kl(
            conditional_log_probs(CONDITIONAL, TARGET.states, logits),
            log_ratio=imperfect_log_ratio,
            latent_log_probs=latent_log_probs,
        )
    )(logits)
    np.testing.assert_allclose(actual, expected, atol=2e-6)


def test_marginal_gradient_weights_latents_by_their_partition(params, latent_log_probs, imperfect_log_ratio):
    """-grad KL(p~ || q) = E_h[(alpha(z) / beta) sum_x p~(x|z) grad log g(x|z)], estimated by whole-batch weights."""
    fixed = log_conditionals(params)
    log_alpha = conditional_log_partitions(fixed, log_ratio=imperfect_log_ratio)
    latent_weights = jax.nn.softmax(latent_log_probs + log_alpha)
    targets = jnp.exp(conditional_target(fixed, log_ratio=imperfect_log_ratio))
    expected = jax.grad(lambda params: -jnp.sum(latent_weights[:, None] * targets * log_conditionals(params)))(params)
    actual = gradient(marginal_kl, params, log_ratio=imperfect_log_ratio, latent_log_probs=latent_log_probs)
    assert_trees_close(actual, expected)


def test_reversed_gradients_are_reinforce_with_any_baseline(params, latent_log_probs, imperfect_log_ratio):
    """-E_h E_g[(F - log alpha(z) - 1) grad log g]; a constant per latent changes nothing."""
    fixed = jnp.exp(log_conditionals(params) + latent_log_probs[:, None])
    actual = gradient(conditional_reverse_kl, params, log_ratio=imperfect_log_ratio, latent_log_probs=latent_log_probs)
    baselines = jax.random.normal(jax.random.key(6), (NUM_LATENTS, 1))
    for baseline in (jnp.zeros((NUM_LATENTS, 1)), baselines):
        reward = imperfect_log_ratio[None] - baseline
        expected = jax.grad(lambda params, r=reward: -jnp.sum(fixed * r * log_conditionals(params)))(params)
        assert_trees_close(actual, expected)
    of_marginal = gradient(
        marginal_reverse_kl, params, log_ratio=imperfect_log_ratio, latent_log_probs=latent_log_probs
    )
    assert_trees_close(actual, of_marginal)


def test_a_constant_added_to_the_ratio_changes_no_gradient(params, latent_log_probs, imperfect_log_ratio):
    for loss_fn in (conditional_kl, marginal_kl, conditional_reverse_kl, marginal_reverse_kl):
        settings = {"latent_log_probs": latent_log_probs}
        before = gradient(loss_fn, params, log_ratio=imperfect_log_ratio, **settings)
        after = gradient(loss_fn, params, log_ratio=imperfect_log_ratio + 3.0, **settings)
        assert_trees_close(before, after)


def test_a_perfect_model_has_no_gradient(params, latent_log_probs):
    flat = jnp.zeros(2**NUM_BITS)
    for loss_fn in (conditional_kl, marginal_kl, conditional_reverse_kl, marginal_reverse_kl):
        slopes = gradient(loss_fn, params, log_ratio=flat, latent_log_probs=latent_log_probs)
        assert_trees_close(slopes, jax.tree.map(jnp.zeros_like, slopes))


def test_jit_agrees(params, latent_log_probs, imperfect_log_ratio):
    for loss_fn in (conditional_kl, marginal_kl, conditional_reverse_kl, marginal_reverse_kl):
        settings = {"log_ratio": imperfect_log_ratio, "latent_log_probs": latent_log_probs}
        plain = loss_fn(log_conditionals(params), **settings)
        assert float(jax.jit(loss_fn)(log_conditionals(params), **settings)) == pytest.approx(float(plain), rel=1e-5)


def test_categorical_conditionals_are_normalised():
    chain = random_markov_chain_target(jax.random.key(0), num_symbols=3, length=3)
    logits = jax.random.normal(jax.random.key(1), (2, 3, 3))
    log_g = conditional_log_probs(target_conditional(chain), chain.states, logits)
    np.testing.assert_allclose(jnp.exp(log_g).sum(axis=1), 1.0, rtol=1e-5)
    by_hand = jnp.sum(
        jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.asarray(chain.states[7])[None, :, None], axis=2),
        axis=(1, 2),
    )
    np.testing.assert_allclose(log_g[:, 7], by_hand, rtol=1e-5)
