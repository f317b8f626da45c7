"""Resampling layers equal the plain ones: upsampling then convolution, convolution then pooling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from bgan_jax.networks.resampling import ConvMeanPool, UpsampleConv, mean_pool
from tests.networks.variables import random_variables


def reference(kernel):
    return nn.Conv(4, (kernel, kernel), padding=[(kernel // 2, kernel // 2)] * 2)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_upsample_conv(kernel):
    images = jax.random.normal(jax.random.key(0), (2, 3, 5, 3))
    layer = UpsampleConv(4, kernel)
    variables = random_variables(layer.init, images)
    nearest = jnp.repeat(jnp.repeat(images, 2, axis=1), 2, axis=2)
    expected = reference(kernel).apply(variables, nearest)
    np.testing.assert_allclose(layer.apply(variables, images), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", ["conv", "paired"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_conv_mean_pool(kernel, form):
    images = jax.random.normal(jax.random.key(0), (2, 4, 6, 3))
    layer = ConvMeanPool(4, kernel, form=form)
    variables = random_variables(layer.init, images)
    expected = mean_pool(reference(kernel).apply(variables, images))
    np.testing.assert_allclose(layer.apply(variables, images), expected, rtol=0, atol=1e-5)
