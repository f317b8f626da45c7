import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.algorithms.relaxation import relaxed_sample, straight_through
from bgan_jax.conditionals import product_bernoulli, product_categorical

FAMILIES = {
    "bits": (product_bernoulli(event_ndims=1), jnp.array([-2.0, 0.0, 0.5, 3.0])),
    "symbols": (product_categorical(3, event_ndims=2), jnp.array([[0.0, 1.0, -1.0], [2.0, 0.0, 0.0]])),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_straight_through_draws_from_the_conditional_itself(name):
    conditional, logits = FAMILIES[name]
    tiled = jnp.broadcast_to(logits[None], (20000, *logits.shape))
    relaxed = relaxed_sample(jax.random.key(0), tiled, conditional=conditional, temperature=0.7)
    hard = np.asarray(straight_through(relaxed, conditional=conditional))
    probs = np.asarray(conditional.mean(logits))
    assert set(np.unique(hard)) == {0.0, 1.0}
    assert np.abs((hard.mean(axis=0) - probs) / np.sqrt(probs * (1 - probs) / 20000)).max() < 4.5


@pytest.mark.parametrize("name", FAMILIES)
def test_cold_samples_are_the_vertices(name):
    conditional, logits = FAMILIES[name]
    tiled = jnp.broadcast_to(logits[None], (50, *logits.shape))
    cold = relaxed_sample(jax.random.key(0), tiled, conditional=conditional, temperature=1e-3)
    np.testing.assert_allclose(cold, straight_through(cold, conditional=conditional), atol=0.02)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_gradient_goes_straight_through(name):
    conditional, logits = FAMILIES[name]

    def mean(logits, hard):
        relaxed = relaxed_sample(jax.random.key(0), logits, conditional=conditional, temperature=0.5)
        relaxed = straight_through(relaxed, conditional=conditional) if hard else relaxed
        return jnp.sum(relaxed * jnp.arange(logits.size).reshape(logits.shape))

    soft, hard = (jax.grad(mean)(logits, flag) for flag in (False, True))
    assert float(jnp.abs(soft).max()) > 0.01
    np.testing.assert_allclose(soft, hard)


def test_a_fair_bit_stays_fair_at_every_temperature():
    """A relaxed bit has another mean than sigma(l), but at l = 0 it is 1/2 by symmetry."""
    conditional = product_bernoulli(event_ndims=1)
    for temperature in (0.3, 1.0, 3.0):
        y = relaxed_sample(jax.random.key(1), jnp.zeros((20000, 1)), conditional=conditional, temperature=temperature)
        assert abs(float(jnp.mean(y)) - 0.5) < 4.5 * float(jnp.std(y)) / np.sqrt(20000)
