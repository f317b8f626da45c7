"""The generator's gradient on an enumerated support: every tuple of M samples with its probability, no sampling error.

A product of two Bernoullis with parameters per latent, two latents, a fixed F on the four points.
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses

POINTS = np.array(list(itertools.product([0.0, 1.0], repeat=2)), np.float32)  # [4, 2]
LATENTS = np.array([[0.3, -0.8], [1.1, 0.4]], np.float32)  # the generator's parameters: logits per latent, [2, 2]
F = np.array([0.9, -0.6, 0.3, -1.2], np.float32)  # the discriminator on the four points


def log_probs_of_points(logits):
    """Computes log g(x|z) of the four points for one latent's logits."""
    return jnp.sum(jnp.asarray(POINTS) * logits[None, :] - jax.nn.softplus(logits)[None, :], axis=1)


def tuples(num_samples):
    """Lists the indices of every tuple of M points, [M, 4^M]."""
    return np.array(list(itertools.product(range(4), repeat=num_samples))).T


def probability_of(indices, logits):
    return jax.lax.stop_gradient(jnp.exp(jnp.sum(log_probs_of_points(logits)[indices], axis=0)))


@functools.partial(jax.jit, static_argnames=("loss", "num_samples"))
def mean_and_variance_of_gradient(loss, logits, num_samples):
    """Computes, exactly over all tuples, the expected gradient of the loss of one latent, and its total variance."""
    indices = tuples(num_samples)

    def losses_of_tuples(logits):
        return loss(log_probs_of_points(logits)[indices], jnp.asarray(F)[indices])

    probabilities = probability_of(indices, logits)
    gradients = jax.jacobian(losses_of_tuples)(logits)  # [4^M, 2]
    mean = probabilities @ gradients
    return mean, probabilities @ jnp.sum((gradients - mean[None, :]) ** 2, axis=1)


def plain(log_probs, fake_logits):
    return losses.importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits)


def centered(log_probs, fake_logits):
    return losses.centered_importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits)


def reinforce_leave_one_out(log_probs, rewards):
    baseline = losses.leave_one_out_baseline(rewards)
    return losses.reinforce_loss(log_probs=log_probs, rewards=rewards, baseline=baseline)


def reinforce_constant(log_probs, rewards):
    return losses.reinforce_loss(log_probs=log_probs, rewards=rewards, baseline=0.7)


def exact_gradient(logits):
    """Computes the gradient of KL(p~(x|z) || g(x|z)) with p~ = w g / alpha constant."""
    target = jax.lax.stop_gradient(jax.nn.softmax(log_probs_of_points(logits) + jnp.asarray(F)))
    return jax.grad(lambda logits: -jnp.sum(target * log_probs_of_points(logits)))(logits)


@pytest.mark.parametrize("loss", [plain, centered])
@pytest.mark.parametrize("latent", [0, 1])
def test_the_gradient_tends_to_the_exact_one_and_its_bias_falls_like_one_over_m(loss, latent):
    logits = jnp.asarray(LATENTS[latent])
    target = exact_gradient(logits)
    bias = {
        m: np.linalg.norm(mean_and_variance_of_gradient(loss, logits, m)[0] - target) / np.linalg.norm(target)
        for m in (1, 2, 3, 4, 6)
    }
    np.testing.assert_allclose(bias[1], 1.0, rtol=1e-4)  # no signal at all
    assert bias[1] > bias[2] > bias[3] > bias[4] > bias[6]
    # M bias(M) tends to a constant: bias = a/M + b/M^2 fitted at 3 and 4 predicts 6, and 1/M alone nearly does.
    a, b = np.linalg.solve([[1 / 3, 1 / 9], [1 / 4, 1 / 16]], [bias[3], bias[4]])
    np.testing.assert_allclose(bias[6], a / 6 + b / 36, rtol=0.03)
    np.testing.assert_allclose(6 * bias[6], 4 * bias[4], rtol=0.1)


def test_the_gradient_from_many_samples_is_the_exact_one_within_its_standard_error_and_bias():
    logits = jnp.asarray(LATENTS[0])
    num_samples, num_latents = 200, 4000
    indices = jax.random.categorical(jax.random.key(0), log_probs_of_points(logits), shape=(num_samples, num_latents))

    @jax.jit
    def gradients(indices):
        def of_one_latent(column):
            return jax.grad(
                lambda p: plain(log_probs_of_points(p)[column][:, None], jnp.asarray(F)[column][:, None])[0]
            )(logits)

        return jax.vmap(of_one_latent)(indices.T)

    found = gradients(indices)
    standard_error = found.std(axis=0) / np.sqrt(num_latents)
    target = exact_gradient(logits)
    small = mean_and_variance_of_gradient(plain, logits, 6)[0]
    expected = target + (small - target) * 6 / num_samples  # the bias falls like 1/M
    np.testing.assert_array_less(np.abs(found.mean(axis=0) - expected), 4 * standard_error)
    # The test is sensitive enough: the gradient at M = 6 is many standard errors away.
    assert (np.abs(small - target) > 8 * standard_error).any()


def test_the_centered_loss_has_the_same_expected_gradient_and_less_variance():
    for latent, num_samples in itertools.product((0, 1), (2, 3, 5)):
        logits = jnp.asarray(LATENTS[latent])
        plain_mean, plain_variance = mean_and_variance_of_gradient(plain, logits, num_samples)
        centered_mean, centered_variance = mean_and_variance_of_gradient(centered, logits, num_samples)
        np.testing.assert_allclose(centered_mean, plain_mean, atol=1e-6)
        assert centered_variance < 0.9 * plain_variance


def test_one_sample_has_no_signal():
    log_probs, fake_logits = jnp.array([[-3.0, -700.0]]), jnp.array([[50.0, -2.0]])
    value, gradient = jax.value_and_grad(lambda x: centered(x, fake_logits).sum())(log_probs)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0.0)
    for logits in LATENTS:  # the plain form: zero in expectation
        np.testing.assert_allclose(mean_and_variance_of_gradient(plain, jnp.asarray(logits), 1)[0], 0.0, atol=1e-7)


def test_the_loss_is_the_weighted_likelihood_per_latent_and_the_weights_are_constants():
    key, other = jax.random.split(jax.random.key(0))
    log_probs, fake_logits = -jax.random.exponential(key, (5, 3)), 3 * jax.random.normal(other, (5, 3))
    weights = np.exp(fake_logits) / np.exp(fake_logits).sum(axis=0)
    np.testing.assert_allclose(plain(log_probs, fake_logits), -(weights * log_probs).sum(axis=0), rtol=1e-5)
    for loss in (plain, centered, reinforce_leave_one_out):
        by_log_probs, by_logits = jax.grad(lambda *x, loss=loss: loss(*x).sum(), argnums=(0, 1))(log_probs, fake_logits)
        np.testing.assert_array_equal(by_logits, 0.0)
        assert (jnp.abs(by_log_probs) > 0).all()
    np.testing.assert_allclose(jax.grad(lambda x: plain(x, fake_logits).sum())(log_probs), -weights, rtol=1e-5)
    shifted = fake_logits + jnp.array([[100.0, -3.0, 0.5]])  # a constant per latent
    np.testing.assert_allclose(plain(log_probs, shifted), plain(log_probs, fake_logits), rtol=1e-4)


@functools.partial(jax.jit, static_argnames="num_latents")
def expected_marginal_gradient(parameters, num_latents):
    """M = 1: over all batches of latents z_n (uniform on two) and of one sample each, the expected batch gradient."""
    outcomes = np.array(list(itertools.product(range(8), repeat=num_latents)))  # z and x of each latent
    latents, points = outcomes // 4, outcomes % 4

    def tables(parameters):
        return jax.vmap(log_probs_of_points)(parameters)

    probabilities = jnp.exp(jnp.sum(tables(parameters)[latents, points], axis=1)) / 2.0**num_latents

    def expected_loss(parameters):
        log_probs, fake_logits = tables(parameters)[latents, points], jnp.asarray(F)[points]
        batch_loss = jax.vmap(
            lambda l, f: losses.marginal_importance_weighted_loss(log_probs=l[None], fake_logits=f[None]).mean()
        )
        return jnp.sum(jax.lax.stop_gradient(probabilities) * batch_loss(log_probs, fake_logits))

    return jax.grad(expected_loss)(parameters)


def test_the_marginal_loss_estimates_the_gradient_of_the_marginal_divergence():
    parameters = jnp.asarray(LATENTS)

    def marginal_log_probs(parameters):
        return jax.nn.logsumexp(jax.vmap(log_probs_of_points)(parameters), axis=0) - jnp.log(2.0)

    target_density = jax.nn.softmax(marginal_log_probs(parameters) + jnp.asarray(F))
    target = jax.grad(lambda parameters: -jnp.sum(target_density * marginal_log_probs(parameters)))(parameters)
    bias = {
        n: np.linalg.norm(expected_marginal_gradient(parameters, n) - target) / np.linalg.norm(target)
        for n in (1, 2, 3, 4)
    }
    np.testing.assert_allclose(bias[1], 1.0, rtol=1e-4)
    assert bias[1] > bias[2] > bias[3] > bias[4]
    np.testing.assert_allclose(4 * bias[4], 3 * bias[3], rtol=0.15)


def test_the_marginal_loss_has_one_normaliser_and_is_the_plain_one_for_a_single_latent():
    key, other = jax.random.split(jax.random.key(1))
    log_probs, fake_logits = -jax.random.exponential(key, (4, 6)), 2 * jax.random.normal(other, (4, 6))
    weights = np.exp(fake_logits) / np.exp(fake_logits).mean()
    found = losses.marginal_importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits)
    np.testing.assert_allclose(found, -(weights * log_probs).mean(axis=0), rtol=1e-5)
    single = losses.marginal_importance_weighted_loss(log_probs=log_probs[:, :1], fake_logits=fake_logits[:, :1])
    np.testing.assert_allclose(single, plain(log_probs[:, :1], fake_logits[:, :1]), rtol=1e-6)
    huge = losses.marginal_importance_weighted_loss(log_probs=log_probs, fake_logits=jnp.full((4, 6), 3e38))
    np.testing.assert_allclose(huge, -log_probs.mean(axis=0), rtol=1e-5)


def test_the_marginal_loss_over_devices_is_that_of_the_whole_batch():
    key, other = jax.random.split(jax.random.key(2))
    log_probs, fake_logits = -jax.random.exponential(key, (3, 16)), 3 * jax.random.normal(other, (3, 16))
    whole = losses.marginal_importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits)

    def on_one_device(log_probs, fake_logits):
        return losses.marginal_importance_weighted_loss(
            log_probs=log_probs, fake_logits=fake_logits, axis_name="devices"
        )

    def shares(x):
        return np.moveaxis(np.asarray(x).reshape(3, 8, 2), 1, 0)

    for transform in (jax.pmap, jax.vmap):
        found = transform(on_one_device, axis_name="devices")(shares(log_probs), shares(fake_logits))
        np.testing.assert_allclose(found.reshape(16), whole, rtol=1e-5)


@pytest.mark.parametrize("loss", [reinforce_leave_one_out, reinforce_constant])
@pytest.mark.parametrize("num_samples", [2, 3, 4])
def test_reinforce_is_unbiased_for_the_expected_reward(loss, num_samples):
    logits = jnp.asarray(LATENTS[1])
    found, _ = mean_and_variance_of_gradient(loss, logits, num_samples)
    exact = jax.grad(lambda logits: -jnp.sum(jnp.exp(log_probs_of_points(logits)) * jnp.asarray(F)))(logits)
    np.testing.assert_allclose(found, exact, atol=1e-6)


def test_the_leave_one_out_baseline_is_the_mean_of_the_others():
    rewards = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    others = np.stack([np.delete(rewards, m, axis=0).mean(axis=0) for m in range(6)])
    np.testing.assert_allclose(losses.leave_one_out_baseline(rewards), others, rtol=1e-5, atol=1e-7)
    rewards[2] = 1e30  # subtracting this reward from the total would lose all digits of the others
    others = np.delete(rewards, 2, axis=0).mean(axis=0)
    np.testing.assert_allclose(losses.leave_one_out_baseline(rewards)[2], others, rtol=1e-5)


@pytest.mark.parametrize(
    "baseline", [2.0, np.full(3, 2.0), np.full((1, 3), 2.0), np.full((4, 3), 2.0), np.full((4, 1), 2.0)]
)
def test_any_baseline_that_broadcasts(baseline):
    log_probs, rewards = -jnp.ones((4, 3)), jnp.full((4, 3), 5.0)
    np.testing.assert_array_equal(losses.reinforce_loss(log_probs=log_probs, rewards=rewards, baseline=baseline), 3.0)


def test_shapes_are_checked_and_named():
    good, other = jnp.zeros((4, 3)), jnp.zeros((3, 4))
    for loss in (
        losses.importance_weighted_loss,
        losses.centered_importance_weighted_loss,
        losses.marginal_importance_weighted_loss,
    ):
        with pytest.raises(
            ValueError, match=r"expected one shape \[M, N\].*log_probs.*\(4, 3\).*fake_logits.*\(3, 4\)"
        ):
            loss(log_probs=good, fake_logits=other)
        with pytest.raises(ValueError, match=r"expected one shape \[M, N\]"):
            loss(log_probs=good[0], fake_logits=good[0])
        with pytest.raises(ValueError, match="fake_logits must be an array of floats, found dtype bool"):
            loss(log_probs=good, fake_logits=good > 0)
    with pytest.raises(ValueError, match=r"rewards"):
        losses.reinforce_loss(log_probs=good, rewards=other, baseline=0.0)
    with pytest.raises(ValueError, match=r"baseline must broadcast to shape \(4, 3\), found shape \(4,\)"):
        losses.reinforce_loss(log_probs=good, rewards=good, baseline=jnp.zeros(4))
    with pytest.raises(ValueError, match="needs M >= 2"):
        losses.leave_one_out_baseline(good[:1])
