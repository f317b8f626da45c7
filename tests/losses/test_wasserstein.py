import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax import losses


def test_the_critic_loss_is_the_negative_distance_for_the_optimal_critic():
    """On the line, with Q left of P by 3 everywhere, F(x) = x is optimal and the distance is 3."""
    generated = np.random.default_rng(0).normal(size=50).astype(np.float32)
    data = generated + 3
    found = losses.wasserstein_critic_loss(real_logits=data, fake_logits=generated)
    np.testing.assert_allclose(found, -3.0, rtol=1e-5)
    assert found.shape == ()


def test_the_generator_follows_the_critic_up():
    logits = jnp.array([[1.0, -2.0], [0.0, 5.0]])
    np.testing.assert_array_equal(losses.wasserstein_generator_loss(logits), -logits)
    np.testing.assert_array_equal(jax.grad(lambda x: losses.wasserstein_generator_loss(x).sum())(logits), -1.0)


def test_huge_logits_of_both_signs_do_not_give_inf_minus_inf():
    logits = jnp.array([3e38, 3e38, -3e38, -3e38])
    assert losses.wasserstein_critic_loss(real_logits=logits, fake_logits=logits) == 0
