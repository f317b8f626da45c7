"""Continuous generator losses: their slopes in F, their minima, and relations between them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from tests.losses.supports import NAMES, slope

LOGITS = np.array([-6, -2, -0.5, 0, 0.5, 2, 6], np.float32)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.boundary_seeking_loss, [-12, -4, -1, 0, 1, 4, 12]),
        (losses.non_saturating_loss, [-0.998, -0.881, -0.622, -0.5, -0.378, -0.119, -0.002]),
        (losses.minimax_loss, [-0.002, -0.119, -0.378, -0.5, -0.622, -0.881, -0.998]),
        (losses.boundary_cross_entropy_loss, [-0.498, -0.381, -0.122, 0, 0.122, 0.381, 0.498]),
    ],
)
def test_known_slopes(loss, expected):
    np.testing.assert_allclose(slope(loss, LOGITS), expected, atol=6e-4)


def test_the_boundary_seeking_losses_are_least_at_the_boundary_and_the_others_push_past_it():
    for loss in (losses.boundary_seeking_loss, losses.boundary_cross_entropy_loss):
        assert LOGITS[np.argmin(loss(LOGITS))] == 0
        assert slope(loss, jnp.zeros(1)) == 0
    pushing = [losses.minimax_loss, losses.non_saturating_loss, losses.hinge_generator_loss]
    for loss in pushing:
        assert (slope(loss, LOGITS) < 0).all()


def test_the_boundary_seeking_loss_is_the_squared_log_weight():
    np.testing.assert_allclose(
        losses.boundary_seeking_loss(LOGITS), np.log(losses.importance_weights(LOGITS)) ** 2, rtol=1e-5, atol=1e-12
    )


def test_the_cross_entropy_form_is_that_of_a_fair_coin():
    coin = (losses.non_saturating_loss(LOGITS) - losses.minimax_loss(LOGITS)) / 2  # -(log D + log(1 - D)) / 2
    np.testing.assert_allclose(losses.boundary_cross_entropy_loss(LOGITS), coin, rtol=1e-6)
    assert (np.abs(slope(losses.boundary_cross_entropy_loss, 100 * LOGITS)) <= 0.5).all()


def test_the_centered_loss_takes_the_normaliser_as_a_constant_and_loses_the_anchor():
    partition = losses.log_partition(LOGITS)
    found = losses.centered_boundary_seeking_loss(LOGITS, log_partition=partition)
    np.testing.assert_allclose(found, losses.boundary_seeking_loss(LOGITS - partition), rtol=1e-6)
    gradient = jax.grad(lambda z: losses.centered_boundary_seeking_loss(jnp.ones(3), log_partition=z).sum())(2.0)
    assert gradient == 0
    np.testing.assert_array_equal(losses.centered_boundary_seeking_loss(jnp.full(4, 9.0), log_partition=9.0), 0.0)
    with pytest.raises(ValueError, match=r"log_partition must broadcast to shape \(7,\), found shape \(3,\)"):
        losses.centered_boundary_seeking_loss(LOGITS, log_partition=jnp.zeros(3))


def test_the_f_gan_loss_is_the_generators_part_of_the_bound():
    """Minimising it minimises the bound: same slope in every generated logit."""

    @jax.jit
    def slopes(fake_logits):
        def bound(fake_logits, name):
            return losses.variational_lower_bound(real_logits=jnp.ones(4), fake_logits=fake_logits, divergence=name)

        def loss(fake_logits, name):
            return losses.f_gan_generator_loss(fake_logits, divergence=name).mean()

        return {name: (jax.grad(bound)(fake_logits, name), jax.grad(loss)(fake_logits, name)) for name in NAMES}

    for in_bound, in_loss in slopes(LOGITS).values():
        np.testing.assert_allclose(in_bound, in_loss, rtol=1e-6)
        assert (in_loss < 0).all()


def test_for_gan_the_f_gan_loss_is_the_minimax_loss():
    found = losses.f_gan_generator_loss(LOGITS, divergence="gan")
    np.testing.assert_array_equal(found, losses.minimax_loss(LOGITS))
    probs = 1 / (1 + np.exp(-LOGITS.astype(np.float64)))
    np.testing.assert_allclose(found, np.log(1 - probs), rtol=1e-5)
    np.testing.assert_allclose(losses.non_saturating_loss(LOGITS), -np.log(probs), rtol=1e-5)


def test_least_squares_and_hinge():
    real, fake = LOGITS, LOGITS[::-1] * 2
    np.testing.assert_allclose(
        losses.least_squares_discriminator_loss(real_logits=real, fake_logits=fake, real_target=0.9, fake_target=-0.5),
        (np.mean((real - 0.9) ** 2) + np.mean((fake + 0.5) ** 2)) / 2,
        rtol=1e-5,
    )
    np.testing.assert_allclose(losses.least_squares_generator_loss(fake, target=0.5), (fake - 0.5) ** 2 / 2, rtol=1e-5)
    np.testing.assert_allclose(
        losses.hinge_discriminator_loss(real_logits=real, fake_logits=fake),
        np.mean(np.maximum(0, 1 - real)) + np.mean(np.maximum(0, 1 + fake)),
        rtol=1e-6,
    )
    np.testing.assert_array_equal(losses.hinge_generator_loss(fake), -fake)


def test_the_least_squares_discriminator_is_optimal_at_the_posterior_of_its_targets():
    p, q = 0.3, 0.7  # masses of one point

    def expected_loss(logit):
        real = losses.least_squares_discriminator_loss(real_logits=logit, fake_logits=jnp.zeros(1))
        fake = losses.least_squares_discriminator_loss(real_logits=jnp.ones(1), fake_logits=logit)
        return p * real + q * fake

    np.testing.assert_allclose(jax.grad(expected_loss)(jnp.full(1, p / (p + q))), 0.0, atol=1e-7)
