"""The control variate in the step: the same expected gradient, less variance, flat memory, the same on any devices."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from bgan_jax.algorithms.control_variate import with_control_variate
from bgan_jax.algorithms.discrete import discrete_step
from bgan_jax.algorithms.estimators import ESTIMATORS, PER_POSITION, Context, generator_loss
from bgan_jax.algorithms.importance_sums import importance_sums, score_samples, summarize
from bgan_jax.algorithms.linear_part import linear_part
from bgan_jax.algorithms.state import init_state
from bgan_jax.conditionals import example_keys, product_bernoulli, product_categorical, sample_conditionals
from tests.exhaustive import one_in
from tests.toy_game import toy_data, toy_game

N = 4
KEYS = example_keys(jax.random.key(0), jnp.arange(N))


def curved(points):
    """F of every point, smooth and not linear."""
    flat = points.reshape(len(points), -1)
    return jnp.tanh(2 * flat @ jnp.linspace(-1.0, 1.3, flat.shape[1])) + 0.7 * flat[:, 0] * flat[:, -1]


def curved_positions(points):
    """F of every position, which sees its neighbour as well."""
    own = points @ jnp.linspace(-1.0, 1.5, points.shape[-1])
    return jnp.tanh(2 * own + 0.5 * jnp.roll(own, 1, axis=1))


CASES = {
    "bits": (product_bernoulli(event_ndims=1), curved, jax.random.normal(jax.random.key(1), (N, 3))),
    "symbols": (product_categorical(3, event_ndims=2), curved, jax.random.normal(jax.random.key(1), (N, 2, 3))),
    "positions": (
        product_categorical(3, event_ndims=2),
        curved_positions,
        jax.random.normal(jax.random.key(1), (N, 2, 3)),
    ),
}


def context(m, **given):
    values = {"num_samples": m, "log_partition_average": jnp.float32(0.3), "axis_name": None, "baseline": jnp.ones(N)}
    return Context(**(values | given))


def scored_samples(case, points):
    """Scores given samples, ``[M, N, ...]``, with their linear parts."""
    conditional, log_ratio_fn, logits = CASES[case]
    flat = log_ratio_fn(points.reshape(-1, *points.shape[2:]))
    fake_logits = flat.reshape(*points.shape[:2], *flat.shape[1:])
    return summarize(fake_logits, points, linear=linear_part(log_ratio_fn, conditional, logits))


def gradient(case, points, estimator, **given):
    """The gradient in the logits from given samples; with the control variate where its coefficient is given."""
    conditional, _, logits = CASES[case]
    scored, about = scored_samples(case, points), context(len(points))
    sums = ESTIMATORS[estimator](scored, about)
    if given:
        sums, _ = with_control_variate(sums, scored, about, **given)
    return jax.grad(generator_loss)(logits, sums, conditional=conditional)


def drawn(case, m, key=KEYS):
    conditional, _, logits = CASES[case]
    return conditional.statistics(sample_conditionals(conditional, key, logits, sample_index=jnp.arange(m)))


def every_pair(case):
    """All pairs of states as samples of every latent, ``[pairs, 2, N, ...]``, and probabilities, ``[pairs, N]``."""
    conditional, _, logits = CASES[case]
    num_symbols, length = (2, 3) if case == "bits" else (3, 2)
    states = jnp.array(list(itertools.product(range(num_symbols), repeat=length)))
    points = conditional.statistics(states)
    log_g = conditional.log_prob(points[:, None], jnp.broadcast_to(logits[None], (len(states), *logits.shape)))
    first, second = jnp.array(list(itertools.product(range(len(states)), repeat=2))).T
    pairs = jnp.stack([points[first], points[second]], axis=1)
    samples = jnp.broadcast_to(pairs[:, :, None], (*pairs.shape[:2], N, *pairs.shape[2:]))
    return samples, jnp.exp(log_g[first] + log_g[second])


PER_LATENT = sorted(set(ESTIMATORS) - {"boundary_seeking_marginal", "boundary_seeking_marginal_plain"})


@pytest.mark.parametrize(
    ("case", "estimator"),
    [(case, name) for case in CASES for name in (PER_POSITION if case == "positions" else PER_LATENT)],
)
def test_the_expected_gradient_is_the_same_for_every_coefficient(case, estimator):
    samples, probabilities = every_pair(case)

    def gradients(points):
        """Of one pair, by coefficient; 0 is the estimator without a control variate."""
        return jax.vmap(lambda b: gradient(case, points, estimator, coefficient=b))(jnp.array([0.0, 0.7, -5.0]))

    @jax.jit
    def expected_and_first():
        # A latent's gradient depends on its own samples alone, so all latents walk through all pairs together.
        found = jax.vmap(gradients)(samples)
        return jnp.einsum("pn,pbn...->bn...", probabilities, found), found[3]

    (plain, controlled, far), (without, with_it, _) = expected_and_first()
    assert float(jnp.abs(plain).max()) > 1e-3
    np.testing.assert_allclose(controlled, plain, atol=2e-6)
    np.testing.assert_allclose(far, plain, atol=1e-5)
    # And it is not the same gradient for every sample.
    assert float(jnp.abs(with_it - without).max()) > 1e-3


@pytest.mark.parametrize("case", ["bits", "symbols"])
@pytest.mark.parametrize("coefficient", [None, 0.6])
def test_the_gradient_is_that_of_the_library_s_loss(case, coefficient):
    conditional, log_ratio_fn, logits = CASES[case]
    points = drawn(case, 5)
    part = linear_part(log_ratio_fn, conditional, logits)
    axes = tuple(range(1, logits.ndim))

    def loss(logits):
        fake_logits = log_ratio_fn(points.reshape(-1, *points.shape[2:])).reshape(points.shape[:2])
        return losses.controlled_importance_weighted_loss(
            log_probs=conditional.log_prob(points, jnp.broadcast_to(logits, points.shape)),
            fake_logits=fake_logits,
            linear_logits=part.logits(points, ndim=2),
            expected_linear=jnp.sum(part.slope * (conditional.mean(logits) - part.mean), axis=axes),
            coefficient=coefficient,
        ).mean()

    found = gradient(case, points, "boundary_seeking", coefficient=coefficient)
    np.testing.assert_allclose(found, jax.grad(loss)(logits), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("case", "estimator"),
    [
        (case, name)
        for case in CASES
        for name in ("boundary_seeking", "boundary_seeking_marginal", "reinforce")
        if case != "positions" or name in PER_POSITION
    ],
)
def test_the_fitted_coefficient_lowers_the_variance_and_keeps_the_mean(case, estimator):
    repeats = 2000
    keys = jax.vmap(lambda key: example_keys(key, jnp.arange(N)))(jax.random.split(jax.random.key(7), repeats))

    @jax.jit
    def both(keys):
        points = drawn(case, 4, keys)
        return gradient(case, points, estimator), gradient(case, points, estimator, coefficient=None)

    plain, controlled = (np.asarray(g, np.float64).reshape(repeats, -1) for g in jax.lax.map(both, keys))
    assert controlled.var(axis=0).sum() < 0.7 * plain.var(axis=0).sum()
    # The fit's bias is O(1/(MN)) of what the control variate explains; M N is 16 here.
    difference = controlled - plain
    error = difference.std(axis=0) / np.sqrt(repeats)
    norm = np.linalg.norm(plain.mean(axis=0))
    assert np.all(np.abs(difference.mean(axis=0)) < 5 * error + 0.05 * norm)


def test_a_flat_f_has_no_control_variate():
    conditional, _, logits = CASES["bits"]
    points = drawn("bits", 5)
    scored = summarize(
        jnp.ones((5, N)), points, linear=linear_part(lambda x: jnp.ones(len(x)) + 0.0 * x[:, 0], conditional, logits)
    )
    sums = ESTIMATORS["boundary_seeking"](scored, context(5))
    controlled, metrics = with_control_variate(sums, scored, context(5))
    np.testing.assert_array_equal(controlled.statistics, sums.statistics)
    assert float(metrics["control_coefficient"]) == float(metrics["linear_correlation"]) == 0.0


def test_a_linear_f_is_wholly_explained():
    """Of a small linear F nothing is left to chance: the gradient is Cov a (M - 1) / M, whatever the samples are."""
    conditional, _, logits = CASES["bits"]
    weights = jnp.array([1e-3, -2e-3, 5e-4])
    points = drawn("bits", 6)
    part = linear_part(lambda x: x @ weights, conditional, logits)
    scored = summarize(points @ weights, points, linear=part)
    sums, metrics = with_control_variate(ESTIMATORS["reinforce"](scored, context(6)), scored, context(6))
    p = jax.nn.sigmoid(logits)
    np.testing.assert_allclose(sums.statistics, p * (1 - p) * weights[None], rtol=1e-3)
    np.testing.assert_allclose(metrics["linear_correlation"], 1.0, rtol=1e-4)


def test_the_correlation_is_that_of_f_with_its_linear_part_within_latents():
    conditional, log_ratio_fn, logits = CASES["symbols"]
    points = drawn("symbols", 9)
    scored = scored_samples("symbols", points)
    _, metrics = with_control_variate(ESTIMATORS["boundary_seeking"](scored, context(9)), scored, context(9))
    fake_logits = np.asarray(log_ratio_fn(points.reshape(-1, 2, 3)).reshape(9, N), np.float64)
    linear = np.asarray(linear_part(log_ratio_fn, conditional, logits).logits(points, ndim=2), np.float64)
    residuals = [values - values.mean(axis=0) for values in (fake_logits, linear)]
    expected = np.corrcoef(*(r.ravel() for r in residuals))[0, 1]
    np.testing.assert_allclose(metrics["linear_correlation"], expected, rtol=1e-3)
    weights = np.asarray(losses.normalized_importance_weights(fake_logits)) - 1 / 9
    np.testing.assert_allclose(
        metrics["control_coefficient"], 9 * np.sum(weights * residuals[1]) / np.sum(residuals[1] ** 2), rtol=1e-3
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("chunk", "num_scored"), [(1, 0), pytest.param(4, 0, marks=pytest.mark.exhaustive), (3, 5), (12, 1)]
)
def test_the_chunk_does_not_matter_nor_what_is_scored_already(case, chunk, num_scored):
    conditional, log_ratio_fn, logits = CASES[case]
    part = linear_part(log_ratio_fn, conditional, logits)
    whole = scored_samples(case, drawn(case, 12))
    sums = None
    if num_scored:
        points = drawn(case, num_scored)
        flat = log_ratio_fn(points.reshape(-1, *points.shape[2:]))
        sums = importance_sums(flat.reshape(num_scored, N, *flat.shape[1:]), points, linear=part)
    chunked = score_samples(
        log_ratio_fn, conditional, KEYS, logits, num_samples=12, sample_chunk=chunk, num_scored=num_scored, sums=sums,
        linear=part,
    )  # fmt: skip
    np.testing.assert_allclose(chunked.linear_statistics, whole.linear_statistics, rtol=2e-5, atol=2e-6)


def test_peak_memory_follows_the_chunk_and_not_m():
    wide, keys = jnp.zeros((8, 28, 28, 1)), example_keys(jax.random.key(0), jnp.arange(8))
    conditional = product_bernoulli()

    def temporary_bytes(m):
        def scored(logits):
            part = linear_part(curved, conditional, logits)
            return score_samples(curved, conditional, keys, logits, num_samples=m, sample_chunk=20, linear=part)

        return jax.jit(scored).lower(wide).compile().memory_analysis().temp_size_in_bytes

    assert temporary_bytes(1000) <= 1.2 * temporary_bytes(40)


@pytest.mark.parametrize("estimator", one_in(2, ["boundary_seeking", "boundary_seeking_marginal"]))
def test_a_step_is_the_same_on_one_and_on_eight_devices(estimator):
    settings = {"control_variate": True, "num_samples": 5, "estimator": estimator, "gen_steps": 2, "penalty": 0.3}
    real, index = toy_data(16), jnp.arange(16)
    one = toy_game(**settings)
    state = init_state(jax.random.key(3), networks=one.networks, optimizers=one.optimizers)
    expected, metrics = jax.jit(functools.partial(discrete_step, game=one))(state, real, index)
    many = toy_game(axis_name="device", **settings)
    step = jax.pmap(
        functools.partial(discrete_step, game=many, axis_name="device"), axis_name="device", in_axes=(None, 1, 0),
        out_axes=None,
    )  # fmt: skip
    shares = real.reshape(1, 8, 2, *real.shape[2:])
    found, many_metrics = step(state, shares, index.reshape(8, 2))
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=2e-6), expected.params, found.params)
    for name in ("control_coefficient", "linear_correlation"):
        np.testing.assert_allclose(many_metrics[name], metrics[name], rtol=1e-4, err_msg=name)
