"""The sixteen mistakes in the published formulas, E1 to E16: the printed formulas are wrong, ours are right.

They are from slides that summarise the paper, its first versions and the authors' post; some are mistakes of notation,
and then the test checks the property that the right notation states. All on small supports, by enumeration.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax import losses
from tests.losses import supports
from tests.losses.supports import data_batch, generated_batch, slope

P, Q = supports.P, supports.Q
LOG_RATIO = np.log(P / Q)


def maximise(objective, *, start, steps=4000, rate=0.05):
    """Gradient ascent on three logits."""
    step = jax.jit(lambda x: x + rate * jax.grad(objective)(x))
    return np.asarray(jax.lax.fori_loop(0, steps, lambda _, x: step(x), jnp.asarray(start, jnp.float32)))


def test_e1_the_jensen_shannon_weight_is_positive():
    """Printed: w = -1/(2 - e^-T). Right: w = e^T/(2 - e^T) = 1/(2 e^-T - 1) = e^F."""
    logits = jnp.array([-0.5, 0.0, 0.5])
    t = losses.DIVERGENCES["jensen_shannon"].activation(logits)
    np.testing.assert_allclose(t, [-0.2809, 0.0, 0.2191], atol=1e-4)
    np.testing.assert_allclose(-1 / (2 - jnp.exp(-t)), [-1.4801, -1.0, -0.8356], atol=1e-4)  # as printed: negative
    right = losses.conjugate_slope(t, divergence="jensen_shannon")
    np.testing.assert_allclose(right, 1 / (2 * jnp.exp(-t) - 1), rtol=1e-5)
    np.testing.assert_allclose(right, losses.importance_weights(logits), rtol=1e-5)
    np.testing.assert_allclose(right, [0.6065, 1.0, 1.6487], atol=1e-4)


@jax.jit
def bounds(logits):
    """The bound of every divergence, by name, at logits on the three points."""
    real_logits, fake_logits = data_batch(logits), generated_batch(logits)
    return {
        name: losses.variational_lower_bound(real_logits=real_logits, fake_logits=fake_logits, divergence=name)
        for name in supports.NAMES
    }


def test_e2_the_value_estimate_has_the_activation_and_the_conjugate():
    """Printed: mean F on data less mean w on samples, for every divergence; that is KL less 1 for all of them."""

    @jax.jit
    def printed(logits):
        return jnp.mean(data_batch(logits)) - jnp.mean(losses.importance_weights(generated_batch(logits)))

    at_optimum = jnp.asarray(LOG_RATIO, jnp.float32)
    kl = supports.DIVERGENCE_OF_P_FROM_Q["kl"]
    np.testing.assert_allclose(printed(at_optimum), kl - 1, atol=1e-5)
    np.testing.assert_allclose(jax.grad(printed)(at_optimum), 0.0, atol=1e-6)  # and this is its maximum
    for name, right in bounds(at_optimum).items():
        np.testing.assert_allclose(right, supports.DIVERGENCE_OF_P_FROM_Q[name], atol=2e-6)
        assert abs(float(right) - (kl - 1)) > 0.1


def test_e2_the_mixed_reading_finds_another_ratio():
    """nu(F) on data less w on samples: for Jensen-Shannon the optimum solves e^F (1 + e^F) = p/q."""

    def mixed(logits):
        activated = losses.DIVERGENCES["jensen_shannon"].activation(data_batch(logits))
        return jnp.mean(activated) - jnp.mean(losses.importance_weights(generated_batch(logits)))

    ratio = np.exp(maximise(mixed, start=np.zeros(3)))
    np.testing.assert_allclose(ratio * (1 + ratio), P / Q, rtol=1e-3)

    def right(logits):
        return losses.variational_lower_bound(
            real_logits=data_batch(logits), fake_logits=generated_batch(logits), divergence="jensen_shannon"
        )

    np.testing.assert_allclose(np.exp(maximise(right, start=np.zeros(3), rate=1.0)), P / Q, rtol=1e-3)


# A small joint: two latents, three points, some weights that are not the optimal ones.
H = np.array([0.4, 0.6])
G = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
W = np.array([0.5, 2.0, 1.3])


def kl(a, b):
    return float(np.sum(a * np.log(a / b)))


def joint_quantities():
    alpha = G @ W
    beta = H @ alpha
    conditional = G * W / alpha[:, None]
    marginal = H @ G
    return alpha, beta, conditional, marginal, W * marginal / beta


def test_e3_the_divergence_of_the_marginals_is_not_the_mean_of_the_conditional_ones():
    alpha, beta, conditional, marginal, target = joint_quantities()
    left = kl(target, marginal)
    printed = sum(h * kl(c, g) for h, c, g in zip(H, conditional, G, strict=True))
    posterior = H * alpha / beta
    right = kl(posterior, H) + sum(p * kl(c, g) for p, c, g in zip(posterior, conditional, G, strict=True))
    assert abs(left - printed) > 0.005
    np.testing.assert_allclose(left, right, rtol=1e-12)
    assert kl(H @ conditional, marginal) <= printed  # what does hold


def test_e3_the_two_losses_estimate_the_two_gradients():
    """With exact weights, the per-latent loss has the conditionals' gradient, the marginal loss the marginals'."""
    alpha, beta, conditional, _, target = joint_quantities()
    counts = np.array([[7, 2, 1], [1, 3, 6]])
    points = np.array([np.repeat(np.arange(3), row) for row in counts]).T  # [M, N]: ten samples, exactly g(x|z)
    fake_logits = jnp.asarray(np.log(W)[points], jnp.float32)
    uniform = np.full(2, 0.5)  # the two latents of this batch weigh the same

    def log_g(parameters):
        return jax.nn.log_softmax(parameters, axis=1)

    def log_probs(parameters):
        return log_g(parameters)[np.arange(2)[None, :], points]

    parameters = jnp.asarray(np.log(G), jnp.float32)
    per_latent = jax.grad(
        lambda x: losses.importance_weighted_loss(log_probs=log_probs(x), fake_logits=fake_logits).mean()
    )(parameters)
    marginal = jax.grad(
        lambda x: losses.marginal_importance_weighted_loss(log_probs=log_probs(x), fake_logits=fake_logits).mean()
    )(parameters)
    conditionals = jax.grad(lambda x: -jnp.sum(jnp.asarray(uniform[:, None] * conditional, jnp.float32) * log_g(x)))
    np.testing.assert_allclose(per_latent, conditionals(parameters), atol=1e-6)
    target = W * (uniform @ G) / (W @ (uniform @ G))
    marginals = jax.grad(lambda x: -jnp.sum(jnp.asarray(target, jnp.float32) * jnp.log(jnp.exp(log_g(x)).mean(axis=0))))
    np.testing.assert_allclose(marginal, marginals(parameters), atol=1e-6)
    assert np.abs(marginal - per_latent).max() > 0.01


def test_e4_the_generators_objective_does_not_depend_on_the_divergence():
    """It is KL(p~(x|z) || g(x|z)) for every f: at the same F the weights of all divergences are the same."""
    logits = jnp.array([-1.0, 0.2, 1.3])
    slopes = jax.jit(lambda x: [losses.conjugate_slope(d.activation(x), divergence=d) for d in supports.CASES])
    for weights in slopes(logits):
        normalized = weights / weights.sum()
        np.testing.assert_allclose(normalized, losses.normalized_importance_weights(logits), rtol=1e-4)


def test_e5_the_discriminator_maximises_a_lower_bound_and_not_the_divergence():
    for name, bound in bounds(jnp.asarray(supports.F, jnp.float32)).items():
        assert bound < supports.DIVERGENCE_OF_P_FROM_Q[name] - 0.01


def test_e6_the_supremum_is_of_t_times_the_ratio_less_the_conjugate():
    """Printed: max_t {p/q - f*(t)}, without the factor t."""

    @jax.jit
    def suprema(divergence_logits, ratio):
        return {
            name: (
                jnp.max(t * ratio - divergence.conjugate(t)),
                jnp.max(ratio - divergence.conjugate(t)),
                divergence.f(ratio),
            )
            for name, divergence in losses.DIVERGENCES.items()
            for t in (divergence.activation(divergence_logits),)
        }

    for right, printed, f in suprema(jnp.linspace(-6.0, 6.0, 4001), jnp.float32(1.7)).values():
        np.testing.assert_allclose(right, f, atol=1e-4)
        assert abs(printed - f) > 0.1


def test_e7_samples_belong_to_their_own_latent_and_the_normaliser_runs_over_m_alone():
    log_probs, fake_logits = -jnp.arange(6.0).reshape(3, 2), jnp.array([[0.0, 5.0], [1.0, -5.0], [2.0, 0.0]])
    together = losses.importance_weighted_loss(log_probs=log_probs, fake_logits=fake_logits)
    alone = [
        losses.importance_weighted_loss(log_probs=log_probs[:, n : n + 1], fake_logits=fake_logits[:, n : n + 1])[0]
        for n in range(2)
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_e8_the_hellinger_activation_halves_the_logit():
    """With 1 - e^-F (printed elsewhere, and in code) the weight is e^2F."""
    logits = jnp.array([-1.0, 0.5, 2.0])
    without_half = losses.conjugate_slope(1 - jnp.exp(-logits), divergence="squared_hellinger")
    np.testing.assert_allclose(without_half, jnp.exp(2 * logits), rtol=1e-4)
    right = losses.DIVERGENCES["squared_hellinger"].activation(logits)
    np.testing.assert_allclose(right, 1 - jnp.exp(-logits / 2), rtol=1e-5)
    np.testing.assert_allclose(
        losses.conjugate_slope(right, divergence="squared_hellinger"), jnp.exp(logits), rtol=1e-5
    )


def test_e9_the_boundary_is_in_the_logit_and_in_nothing_else():
    """argmin D^2 is the boundary only if D is the logit F; T^2, or a squared probability, has no minimum there."""
    logits = jnp.arange(-40.0, 41.0) / 10
    assert logits[jnp.argmin(losses.boundary_seeking_loss(logits))] == 0
    activated = losses.DIVERGENCES["gan"].activation
    assert (slope(lambda x: activated(x) ** 2, logits) < 0).all()
    assert (slope(lambda x: jax.nn.sigmoid(x) ** 2, logits) > 0).all()


def test_e10_the_minimax_loss_is_the_lower_bound_and_the_proxy_is_another():
    """Called "proxy": E log(1 - D). The proxy is -E log D; both push F up, but with opposite confidence."""
    logits = jnp.array([-6.0, 6.0])
    np.testing.assert_array_equal(losses.minimax_loss(logits), losses.f_gan_generator_loss(logits, divergence="gan"))
    np.testing.assert_allclose(losses.non_saturating_loss(logits), -jnp.log(jax.nn.sigmoid(logits)), rtol=1e-4)
    minimax, proxy = slope(losses.minimax_loss, logits), slope(losses.non_saturating_loss, logits)
    assert abs(minimax[0]) < 0.01 < 0.99 < abs(proxy[0])
    assert abs(proxy[1]) < 0.01 < 0.99 < abs(minimax[1])


def test_e11_a_zero_boundary_loss_does_not_mean_equal_distributions():
    """It does for the optimal F; for a fixed F every distribution on {F = 0} is a minimiser, also a single point."""
    fixed = np.array([0.0, 0.0, 1.0])
    dropped_mode = np.array([1.0, 0.0, 0.0])
    assert dropped_mode @ np.asarray(losses.boundary_seeking_loss(jnp.asarray(fixed, jnp.float32))) == 0
    with_all_of_p = np.asarray(losses.boundary_seeking_loss(jnp.asarray(np.log(P / P), jnp.float32)))
    assert (with_all_of_p == 0).all()
    assert Q @ np.asarray(losses.boundary_seeking_loss(jnp.asarray(LOG_RATIO, jnp.float32))) > 0


def test_e12_the_self_normalised_estimate_is_biased_and_has_no_signal_at_one_sample():
    """Printed as if only the variance mattered. Here the mean estimate of E_P[x], over all M-tuples from Q."""
    values, weights = np.array([0.0, 1.0, 2.0]), P / Q
    truth, without_weights = P @ values, Q @ values

    def expectation(num_samples):
        tuples = np.array(list(itertools.product(range(3), repeat=num_samples)))
        normalized = np.asarray(
            losses.normalized_importance_weights(jnp.asarray(np.log(weights)[tuples], jnp.float32), axis=1)
        )
        return np.prod(Q[tuples], axis=1) @ (normalized * values[tuples]).sum(axis=1)

    np.testing.assert_allclose(expectation(1), without_weights, rtol=1e-6)
    biases = [abs(expectation(m) - truth) for m in (1, 2, 4, 8)]
    assert biases[0] > biases[1] > biases[2] > biases[3] > 0.01


def test_e13_the_gan_row_is_not_zero_at_equal_distributions():
    """A divergence has f(1) = 0; the GAN row has f(1) = -log 4, so it is not one; Jensen-Shannon adds log 4."""
    gan, jensen_shannon = losses.DIVERGENCES["gan"], losses.DIVERGENCES["jensen_shannon"]
    np.testing.assert_allclose(gan.f(jnp.float32(1)), -np.log(4), rtol=1e-6)
    ratios = jnp.asarray(P / Q, jnp.float32)
    shifted = jnp.sum(jnp.asarray(Q, jnp.float32) * gan.f(ratios)) + np.log(4)
    np.testing.assert_allclose(shifted, jnp.sum(jnp.asarray(Q, jnp.float32) * jensen_shannon.f(ratios)), atol=1e-6)
    zeros = jnp.zeros(5)
    bound = losses.variational_lower_bound(real_logits=zeros, fake_logits=zeros, divergence="gan")
    np.testing.assert_allclose(bound, -1.386294, atol=1e-6)


def test_e14_probability_activation_and_logit_are_three_things():
    """D denotes all three in print. Here arguments are logits: sigmoid(F) is D, nu(F) is T, e^F is D/(1 - D)."""
    logits = jnp.array([-2.0, 0.0, 1.0])
    probability = jax.nn.sigmoid(logits)
    np.testing.assert_allclose(losses.importance_weights(logits), probability / (1 - probability), rtol=1e-5)
    np.testing.assert_allclose(losses.DIVERGENCES["gan"].activation(logits), jnp.log(probability), rtol=1e-5)
    np.testing.assert_allclose(losses.minimax_loss(logits), jnp.log(1 - probability), rtol=1e-5)


def test_e15_a_critics_estimate_is_never_above_the_divergence_it_is_reported_as():
    """The published comparison is by re-trained critics, so by lower bounds, which a weak critic makes too small."""
    strong, weak = (bounds(jnp.asarray(scale * LOG_RATIO, jnp.float32)) for scale in (1.0, 0.3))
    for name in supports.NAMES:
        assert weak[name] < strong[name] < supports.DIVERGENCE_OF_P_FROM_Q[name] + 2e-6


def test_e16_the_constant_in_the_reinforce_reward_is_minus_one():
    """Printed: log w - log beta + 1. The gradient of KL(g || p~), p~ fixed, has -1; the means agree."""
    g = np.array([0.2, 0.5, 0.3])
    log_w = np.array([0.4, -0.3, 0.9])
    log_alpha = np.log(g @ np.exp(log_w))
    target = g * np.exp(log_w - log_alpha)

    def reversed_kl(parameters):
        log_g = jax.nn.log_softmax(parameters)
        return jnp.sum(jnp.exp(log_g) * (log_g - jnp.asarray(np.log(target), jnp.float32)))

    parameters = jnp.asarray(np.log(g), jnp.float32)
    exact = jax.grad(reversed_kl)(parameters)

    # Pointwise, without the expectation of the score: d/dg of g log(g/p~) is log(g/p~) + 1 = -(log w - log alpha - 1).
    def integrand(mass):
        return mass * (jnp.log(mass) - jnp.asarray(np.log(target), jnp.float32))

    np.testing.assert_allclose(slope(integrand, jnp.asarray(g, jnp.float32)), -(log_w - log_alpha - 1), rtol=1e-5)

    def expected_gradient(constant):
        """One sample per latent, latents enumerating the points with probability g."""

        def loss(parameters):
            log_probs = jax.nn.log_softmax(parameters)[None, :]
            rewards = jnp.asarray(log_w - log_alpha + constant, jnp.float32)[None, :]
            per_point = losses.reinforce_loss(log_probs=log_probs, rewards=rewards, baseline=0.0)
            return jnp.sum(jnp.asarray(g, jnp.float32) * per_point)

        return jax.grad(loss)(parameters)

    for constant in (-1.0, 0.0, 1.0):
        np.testing.assert_allclose(expected_gradient(constant), exact, atol=1e-6)

    # The printed sum over m is M times the intended mean.
    log_probs, rewards = -jnp.ones((4, 1)), jnp.full((4, 1), 3.0)
    assert losses.reinforce_loss(log_probs=log_probs, rewards=rewards, baseline=1.0).tolist() == [2.0]
