import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax.conditionals import product_bernoulli, product_categorical_columns
from bgan_jax.networks import build_networks
from bgan_jax.sampling.column_shares import match_column_shares

SIZES = (2, 5, 3)
# The first category of the second column is one that no training row has.
SHARES = np.array([0.8, 0.2, 1e-4, 0.5, 0.3, 0.15, 0.0499, 0.1, 0.2, 0.7])
CONDITIONAL = product_categorical_columns(SIZES)


def trained(given=None):
    """A generator far from its first parameters, whose columns depend on one another."""
    networks = build_networks("residual_mlp", example_shape=(sum(SIZES),), width=16, given_column=given)
    variables = networks.gen.init(jax.random.key(0))
    params = jax.tree.map(
        lambda leaf: leaf + 0.5 * jax.random.normal(jax.random.key(leaf.size), leaf.shape), variables["params"]
    )
    return networks, {**variables, "params": params}


def logits_of(networks, variables):
    return networks.gen.apply(variables, jax.random.normal(jax.random.key(1), (20_000, 64)), train=False)[0]


def matched(networks, variables):
    return match_column_shares(
        variables, networks=networks, conditional=CONDITIONAL, log_shares=np.log(SHARES), num_latents=16_384
    )


def test_every_column_has_the_shares():
    networks, variables = trained()
    probs = np.asarray(CONDITIONAL.mean(logits_of(networks, matched(networks, variables))))
    assert np.abs(CONDITIONAL.mean(logits_of(networks, variables)).mean(axis=0) - SHARES).max() > 0.1
    # 16,384 latents there, 20,000 here.
    errors = 5 * probs.std(axis=0) * np.sqrt(1 / 16_384 + 1 / 20_000) + 5e-4
    assert (np.abs(probs.mean(axis=0) - SHARES) < errors).all()


def test_all_logits_move_by_a_constant():
    networks, variables = trained()
    moved = np.asarray(logits_of(networks, matched(networks, variables)) - logits_of(networks, variables))
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:1], moved.shape), atol=1e-4)


def test_shares_that_are_right_stay():
    networks, variables = trained()
    once = matched(networks, variables)
    for one, two in zip(jax.tree.leaves(once), jax.tree.leaves(matched(networks, once)), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-3)


def test_the_column_that_the_latent_chooses_stays():
    networks, variables = trained(given=(2, 5))
    before, after = (np.asarray(logits_of(networks, one)) for one in (variables, matched(networks, variables)))
    np.testing.assert_array_equal(before[:, 2:7], after[:, 2:7])
    shares = np.asarray(CONDITIONAL.mean(jnp.asarray(after))).mean(axis=0)
    np.testing.assert_allclose(shares[[0, 1, 7, 8, 9]], SHARES[[0, 1, 7, 8, 9]], atol=0.03)


def test_networks_without_the_place_of_the_bias_are_refused():
    networks = build_networks("mlp", example_shape=(4,))
    with pytest.raises(ValueError, match="'mlp' does not say where its last bias is"):
        match_column_shares(
            networks.gen.init(jax.random.key(0)),
            networks=networks,
            conditional=product_bernoulli(),
            log_shares=np.zeros(4),
        )
