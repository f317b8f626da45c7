"""The results are the same without jit, with jit, vmap, pmap and shard_map; and a shape is traced once."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from bgan_jax import losses
from tests.losses import supports


def pair(function, first, second, **static):
    return lambda x, y: function(**{first: x, second: y}, **static)


def statistic(points):
    return jnp.sin(points).sum(axis=1)


FUNCTIONS = {
    **{
        f"discriminator {name}": pair(losses.discriminator_loss, "real_logits", "fake_logits", divergence=name)
        for name in losses.DIVERGENCES
    },
    "importance weighted": pair(losses.importance_weighted_loss, "log_probs", "fake_logits"),
    "centered": pair(losses.centered_importance_weighted_loss, "log_probs", "fake_logits"),
    "marginal": pair(losses.marginal_importance_weighted_loss, "log_probs", "fake_logits"),
    "reinforce": lambda x, y: losses.reinforce_loss(log_probs=x, rewards=y, baseline=losses.leave_one_out_baseline(y)),
    "weights": lambda x, y: losses.normalized_importance_weights(y),
    "partition": lambda x, y: losses.log_partition(y),
    "effective sample size": lambda x, y: losses.effective_sample_size(y),
    "boundary": lambda x, y: losses.boundary_seeking_loss(y),
    "cross-entropy": lambda x, y: losses.boundary_cross_entropy_loss(y),
    "f-gan": lambda x, y: losses.f_gan_generator_loss(y, divergence="jeffreys"),
    "critic": pair(losses.wasserstein_critic_loss, "real_logits", "fake_logits"),
    "gradient norm": lambda x, y: losses.gradient_norm_penalty(statistic, real=x, fake=y, divergence="gan"),
    "gradient norm alpha": lambda x, y: losses.gradient_norm_penalty(
        statistic, real=x, fake=y, divergence=losses.alpha_divergence(1.5)
    ),
    "wgan-gp": lambda x, y: losses.gradient_penalty(statistic, jax.random.key(0), real=x, fake=y),
}


def shares():
    keys = jax.random.split(jax.random.key(0))
    return tuple(np.asarray(jax.random.normal(key, (8, 5, 3))) for key in keys)


def values(x, y):
    return {name: function(x, y) for name, function in FUNCTIONS.items()}


def values_and_gradients(x, y):
    """Computes all functions as one program, so that only the transformation differs."""

    def gradients(function):
        return jax.grad(lambda x, y: function(x, y).sum(), argnums=(0, 1))(x, y)

    return values(x, y), {name: gradients(function) for name, function in FUNCTIONS.items()}


@pytest.fixture(scope="module")
def expected():
    """Computes the results of each device's share separately, compiled."""
    x, y = shares()
    compiled = jax.jit(values_and_gradients)
    return jax.tree.map(lambda *leaves: np.stack(leaves), *(compiled(x[i], y[i]) for i in range(8)))


def over_shares_with_shard_map(x, y):
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("devices",))
    spec = jax.sharding.PartitionSpec("devices")

    def on_one_device(x, y):
        return jax.tree.map(lambda leaf: leaf[None], values_and_gradients(x[0], y[0]))

    return jax.jit(jax.shard_map(on_one_device, mesh=mesh, in_specs=(spec, spec), out_specs=spec, check_vma=False))(
        x, y
    )


@pytest.mark.parametrize(
    "over_shares",
    [jax.jit(jax.vmap(values_and_gradients)), jax.pmap(values_and_gradients), over_shares_with_shard_map],
    ids=["vmap", "pmap", "shard_map"],
)
def test_vmap_pmap_and_shard_map_give_the_same_numbers(over_shares, expected):
    chex.assert_trees_all_close(over_shares(*shares()), expected, rtol=1e-5, atol=1e-6)


def test_without_jit_the_numbers_are_the_same(expected):
    x, y = (share[0] for share in shares())
    first = jax.tree.map(lambda leaf: leaf[0], expected[0])
    chex.assert_trees_all_close(values(x, y), first, rtol=1e-5, atol=1e-6)


def test_a_divergence_is_a_static_argument_and_nothing_is_traced_twice():
    chex.clear_trace_counter()

    def loss(logits, *, divergence):
        return losses.discriminator_loss(real_logits=logits, fake_logits=-logits, divergence=divergence)

    traced_once = jax.jit(chex.assert_max_traces(loss, n=4), static_argnames="divergence")
    for _ in range(3):
        for divergence in ("gan", "kl", losses.DIVERGENCES["jeffreys"], losses.alpha_divergence(3)):
            traced_once(jnp.ones(4), divergence=divergence)


def test_data_of_any_rank():
    logits = jnp.full((2, 3, 4, 5), 0.5)
    with supports.float64():  # Whether the ranks agree is the subject, not how a sum of 120 numbers is rounded.
        real, one, two = jnp.full(logits.shape, 0.5), jnp.asarray(0.5), jnp.full(2, 0.5)
        for name in ("gan", "kl"):
            loss = losses.discriminator_loss(real_logits=real, fake_logits=one, divergence=name)
            flat = losses.discriminator_loss(real_logits=real.reshape(-1), fake_logits=two, divergence=name)
            np.testing.assert_allclose(loss, flat, rtol=1e-5)
    assert losses.boundary_seeking_loss(jnp.float32(3.0)) == 9
    assert losses.f_gan_generator_loss(logits, divergence="kl").shape == logits.shape


def test_float32_in_float32_out():
    x, y = (share[0] for share in shares())
    for path, leaf in jax.tree_util.tree_leaves_with_path(jax.eval_shape(values_and_gradients, x, y)):
        assert leaf.dtype == jnp.float32, path
