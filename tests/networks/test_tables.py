"""Networks for rows of tables: what keeps the generator from leaving one row for all latents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.networks import build_networks


def test_the_last_kernel_moves_rows_apart_and_leaves_their_mean_to_the_bias():
    bias = (0.5, -1.0, 0.25)
    gen = build_networks("residual_mlp", example_shape=(3,), width=8, output_bias=bias).gen
    latents = jax.random.normal(jax.random.key(0), (32, 64))
    variables = gen.init(jax.random.key(1))
    before, _ = gen.apply(variables, latents, train=True)
    np.testing.assert_allclose(jnp.mean(before, axis=0), jnp.array(bias), atol=1e-5)

    layers = variables["params"]
    last = max((name for name in layers if name.startswith("Dense")), key=lambda name: int(name.rpartition("_")[2]))
    kernel = layers[last]["kernel"]
    assert kernel.shape == (8, 3)
    moved = {**variables, "params": {**layers, last: {**layers[last], "kernel": kernel + 1.0}}}
    after, _ = gen.apply(moved, latents, train=True)
    assert float(jnp.std(after - before)) > 0.5
    np.testing.assert_allclose(jnp.mean(after, axis=0), jnp.array(bias), atol=1e-5)


def test_a_bias_of_another_length_is_refused():
    with pytest.raises(ValueError, match="output_bias has 2 numbers, and there are 3 logits"):
        build_networks("residual_mlp", example_shape=(3,), output_bias=(0.0, 0.0))
