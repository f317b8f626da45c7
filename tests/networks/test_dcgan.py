"""The convolutional discriminator is the same function in every form."""

import jax
import numpy as np
import pytest

from bgan_jax.networks.dcgan import DCGANDiscriminator


@pytest.mark.parametrize(("kernel", "padding"), [(4, 1), (5, 2)])
def test_the_form_changes_neither_values_nor_gradients(kernel, padding):
    points = jax.random.uniform(jax.random.key(0), (3, 16, 16, 4))
    module = DCGANDiscriminator(maps=(2, 3), kernel=kernel, padding=padding)
    variables = module.init(jax.random.key(1), points, train=False)

    @jax.jit
    def everything(variables, points):
        def total(form):
            return lambda v, x: module.clone(form=form).apply(v, x, train=True).sum()

        return [jax.value_and_grad(total(form), argnums=(0, 1))(variables, points) for form in ("paired", "conv")]

    fastest, plain = everything(variables, points)
    assert module.form == "paired"
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), fastest, plain)
