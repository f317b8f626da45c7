import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.conditionals import product_bernoulli, product_categorical
from bgan_jax.evaluation.enumerable import all_states
from bgan_jax.evaluation.exact import conditional_log_probs
from bgan_jax.evaluation.multilinear import coordinate_probs, multilinear_extension

FAMILIES = {
    "bits": (product_bernoulli(event_ndims=1), 2, (5,), (5,)),
    "symbols": (product_categorical(3, event_ndims=2), 3, (4,), (4, 3)),
}


@pytest.fixture(params=FAMILIES)
def family(request):
    return FAMILIES[request.param]


def test_it_is_the_table_on_every_state(family):
    conditional, num_symbols, example_shape, _ = family
    states = all_states(num_symbols=num_symbols, example_shape=example_shape)
    values = jax.random.normal(jax.random.key(0), (len(states),))
    points = coordinate_probs(
        conditional.statistics(jnp.asarray(states)), event_ndims=conditional.event_ndims, num_symbols=num_symbols
    )
    np.testing.assert_allclose(multilinear_extension(values, points), values, atol=1e-6)


def test_at_the_generators_probabilities_it_is_the_mean_and_its_gradient_the_exact_one(family):
    conditional, num_symbols, example_shape, logits_shape = family
    states = all_states(num_symbols=num_symbols, example_shape=example_shape)
    values = jax.random.normal(jax.random.key(0), (len(states),))
    logits = jax.random.normal(jax.random.key(1), (2, *logits_shape))

    def through_the_mean(logits):
        points = coordinate_probs(
            conditional.mean(logits), event_ndims=conditional.event_ndims, num_symbols=num_symbols
        )
        return jnp.sum(multilinear_extension(values, points))

    def enumerated(logits):
        return jnp.sum(jnp.exp(conditional_log_probs(conditional, states, logits)) * values[None])

    np.testing.assert_allclose(through_the_mean(logits), enumerated(logits), rtol=1e-5)
    np.testing.assert_allclose(jax.grad(through_the_mean)(logits), jax.grad(enumerated)(logits), atol=1e-5)


def test_a_table_of_another_size_is_refused():
    with pytest.raises(ValueError, match="2\\^3"):
        multilinear_extension(jnp.zeros(9), jnp.zeros((1, 3, 2)))
