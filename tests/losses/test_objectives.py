"""The table of generator objectives: every entry has both losses, which agree on the boundary."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses

OBJECTIVES = losses.GENERATOR_OBJECTIVES


@pytest.mark.parametrize("name", OBJECTIVES)
def test_losses_have_one_signature(name):
    objective, logits = OBJECTIVES[name], jnp.array([-1.0, 0.0, 2.0])
    generator_loss = objective.generator_loss(logits, divergence="kl", log_partition=jnp.array(0.5))
    assert generator_loss.shape == logits.shape
    discriminator_loss = objective.discriminator_loss(real_logits=logits, fake_logits=-logits, divergence="kl")
    assert discriminator_loss.shape == ()


@pytest.mark.parametrize("name", [name for name, objective in OBJECTIVES.items() if objective.boundary is not None])
def test_the_discriminator_loss_of_equal_logits_is_minimal_at_the_boundary(name):
    """If F has one value on data and samples, the discriminator's loss is minimal at the boundary."""
    objective = OBJECTIVES[name]

    def loss(value):
        logits = jnp.full(4, value)
        return objective.discriminator_loss(real_logits=logits, fake_logits=logits, divergence="jensen_shannon")

    at = loss(objective.boundary)
    assert all(loss(objective.boundary + step) >= at for step in (-0.5, -0.1, 0.1, 0.5))
    if name != "hinge":  # whose loss is flat there
        np.testing.assert_allclose(jax.grad(loss)(float(objective.boundary)), 0.0, atol=1e-6)


@pytest.mark.parametrize("name", losses.PENALTIES)
def test_penalties_have_one_signature(name):
    record, points = losses.PENALTIES[name], jnp.array([[1.0, 2.0], [3.0, 4.0]])
    value = record.function(
        lambda x: 2.0 * x[:, 0], jax.random.key(0), real=points, fake=-points, divergence="reverse_kl"
    )
    # The slope is 2 everywhere: squared 4, on data and fakes 8; its excess over 1 squared is 1.
    expected = {"gradient_norm": 4.0, "unweighted": 8.0, "r1": 4.0, "wgan_gp": 1.0}[name]
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert record.factor == (1.0 if name == "wgan_gp" else 0.5)
    assert record.needs_divergence == (name == "gradient_norm")
