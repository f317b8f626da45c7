"""Both forms of the rectifier are one function, with the same derivatives of every order but at 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.networks import build_networks
from bgan_jax.networks.rectifiers import RECTIFIER_FORMS, leaky_relu

POINTS = jnp.array([-3e38, -2.0, -1e-30, -0.0, 0.0, 1e-30, 0.5, 3e38, jnp.inf])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, 1.0])
def test_both_forms_have_the_same_values_and_gradients(slope, dtype):
    points = POINTS[:-1].astype(dtype)
    select, sign = (leaky_relu(points, slope, form=form) for form in RECTIFIER_FORMS)
    assert select.dtype == sign.dtype == points.dtype
    np.testing.assert_array_equal(np.float32(select), np.float32(sign))
    slopes = [
        np.float32(jax.grad(lambda x, form=form: leaky_relu(x, slope, form=form).sum())(points))
        for form in RECTIFIER_FORMS
    ]
    away = np.float32(points) != 0
    # A product with a factor of two terms, in place of a choice.
    np.testing.assert_allclose(slopes[1][away], slopes[0][away], rtol=1e-5 if dtype == "float32" else 1e-2)


def test_an_infinite_input_has_a_finite_gradient():
    assert jax.grad(lambda x: leaky_relu(x, 0.2, form="sign"))(jnp.inf) == 1.0


def test_a_penalty_has_the_same_gradient_by_both_forms():
    """The gradient of a gradient's square, through two layers."""
    weights = jax.random.normal(jax.random.key(0), (3, 4))
    points = jax.random.normal(jax.random.key(1), (5, 3))

    def penalty(weights, form):
        def network(x):
            hidden = leaky_relu(x @ weights, 0.2, form=form)
            return leaky_relu(hidden @ weights.T, 0.2, form=form).sum()

        return jnp.square(jax.vmap(jax.grad(network))(points)).sum()

    by_select, by_sign = (jax.grad(penalty)(weights, form) for form in RECTIFIER_FORMS)
    np.testing.assert_allclose(by_sign, by_select, rtol=1e-5)
    assert np.abs(by_select).max() > 1


def test_a_form_that_is_unknown_is_refused():
    with pytest.raises(ValueError, match="unknown form of rectifier 'x'; legal: select, sign"):
        leaky_relu(POINTS, 0.2, form="x")


@pytest.mark.parametrize("name", ["dcgan28_tiny", "characters_theano"])
def test_a_platform_chooses_the_form(name):
    shape = (28, 28, 1) if name == "dcgan28_tiny" else (8, 3)
    for platform, signs in (("cpu", False), ("tpu", True)):
        disc = build_networks(name, example_shape=shape, width=2, platform=platform).disc
        variables = jax.eval_shape(disc.init, jax.random.key(0))
        x = jax.ShapeDtypeStruct((2, *shape), jnp.float32)

        def value(variables, x, disc=disc):
            return disc.apply(variables, x, train=False)[0].sum()

        assert ("= sign " in str(jax.make_jaxpr(jax.grad(value))(variables, x))) == signs
