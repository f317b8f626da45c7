"""Initial parameters have the distribution of the library that they imitate."""

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.networks.initialization import GULRAJANI, LASAGNE, PYTORCH


def draw(initializer, shape):
    return np.asarray(initializer(jax.random.key(0), shape, jnp.float32))


def test_pytorch_bounds():
    kernel, transposed = draw(PYTORCH.conv_kernel, (5, 5, 40, 20)), draw(PYTORCH.transposed_kernel, (4, 4, 40, 20))
    for values, fan in ((kernel, 5 * 5 * 40), (transposed, 4 * 4 * 20), (draw(PYTORCH.bias(900), (5000,)), 900)):
        bound = 1 / np.sqrt(fan)
        assert 0.99 * bound < np.abs(values).max() <= bound * (1 + 1e-6)


def test_lasagne_transposed_kernels_are_orthonormal_by_input_channel():
    kernel = draw(LASAGNE.transposed_kernel, (5, 5, 16, 8))
    rows = kernel.transpose(2, 0, 1, 3).reshape(16, -1)
    np.testing.assert_allclose(rows @ rows.T, np.eye(16), atol=1e-5)


def test_gulrajani_bounds():
    bound = np.sqrt(3 * 4 / (5 * 40 + 5 * 20))
    values = draw(GULRAJANI.conv_kernel, (5, 40, 20))
    assert 0.99 * bound < np.abs(values).max() <= bound * (1 + 1e-6)
