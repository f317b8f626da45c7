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


GIVEN, BIAS = (1, 3), tuple(np.log([1.0, 0.5, 0.3, 0.2, 0.6, 0.4]))


def test_the_given_column_has_its_shares_and_the_others_depend_on_it():
    players = build_networks("residual_mlp", example_shape=(6,), width=8, output_bias=BIAS, given_column=GIVEN)
    n, gen = 20_000, players.gen
    latents = jax.random.normal(jax.random.key(0), (n, players.latent_dim))
    variables = gen.init(jax.random.key(1))
    logits, _ = gen.apply(variables, latents, train=False)
    probabilities = np.asarray(jax.nn.softmax(logits[:, 1:4], axis=-1))
    np.testing.assert_allclose(probabilities.max(axis=1), 1.0, atol=1e-6)
    shares = np.array([0.5, 0.3, 0.2])
    z = (probabilities.mean(axis=0) - shares) / np.sqrt(shares * (1 - shares) / n)
    assert np.abs(z).max() < 4.5
    # Between quantiles of one category nothing changes; in another category the other columns do.
    others = [0, 4, 5]
    first, same, changed = (
        np.asarray(gen.apply(variables, latents[:9].at[:, 0].set(value), train=False)[0])[:, others]
        for value in (-1.0, -0.5, 1.0)
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(changed - first).min(axis=1).max() > 0.0 and np.ptp(changed - first) > 1e-4


def test_the_discriminator_is_a_projection_on_the_given_column():
    disc = build_networks("residual_mlp", example_shape=(6,), width=8, given_column=GIVEN).disc
    variables = disc.init(jax.random.key(0))
    points = jnp.eye(3)
    rows = jnp.concatenate([jnp.ones((3, 1)), points, jnp.tile(jnp.array([[1.0, 0.0]]), (3, 1))], axis=1)
    before, _ = disc.apply(variables, rows, train=False)
    kernel = variables["params"]["embedding"]["kernel"]
    assert kernel.shape == (3, 8)
    # The embedding of one category changes F of its rows alone.
    moved = {"params": {**variables["params"], "embedding": {"kernel": kernel.at[1].add(1.0)}}}
    change = np.asarray(disc.apply(moved, rows, train=False)[0] - before)
    assert change[0] == change[2] == 0.0 and abs(change[1]) > 1e-3


@pytest.mark.parametrize("given", [(-1, 3), (0, 1), (4, 3)])
def test_a_given_column_beyond_the_logits_is_refused(given):
    with pytest.raises(ValueError, match=r"given_column .* within 6 logits"):
        build_networks("residual_mlp", example_shape=(6,), given_column=given)
