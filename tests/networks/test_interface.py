"""Players are pure functions; batch statistics over devices are those of the whole batch; nothing runs at import."""

import subprocess
import sys

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from bgan_jax.networks import build_networks
from bgan_jax.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from bgan_jax.networks.interface import player
from tests.networks.variables import random_variables

DEVICES = 8


def small_generator(**settings):
    return player(DCGANGenerator(channels=1, base_shape=(2, 2, 4), maps=(3,), dense_widths=(5,), **settings), (6,))


def small_discriminator(**settings):
    return player(DCGANDiscriminator(maps=(3, 4), batch_norm=(False, True), **settings), (8, 8, 2))


@pytest.mark.parametrize("launcher", ["pmap", "shard_map"])
def test_batch_statistics_over_devices_are_those_of_the_whole_batch(launcher):
    latents = jax.random.normal(jax.random.key(1), (2 * DEVICES, 6))
    alone, spread = small_generator(), small_generator(axis_name="devices")
    variables = random_variables(spread.init)
    expected, expected_state = jax.jit(lambda v, z: alone.apply(v, z, train=True))(variables, latents)

    def local(variables, latents):
        return spread.apply(variables, latents, train=True)

    if launcher == "pmap":
        step = jax.pmap(local, axis_name="devices", in_axes=(None, 0), out_axes=(0, None))
        result, state = step(variables, latents.reshape(DEVICES, -1, 6))
        result = result.reshape(expected.shape)
    else:
        mesh = Mesh(np.array(jax.devices()[:DEVICES]), ("devices",))
        split, whole = PartitionSpec("devices"), PartitionSpec()
        spread_local = jax.shard_map(
            local, mesh=mesh, in_specs=(whole, split), out_specs=(split, whole), check_vma=False
        )
        result, state = jax.jit(spread_local)(variables, latents)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    chex.assert_trees_all_close(state, expected_state, rtol=1e-5, atol=1e-6)
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), state["batch_stats"], variables["batch_stats"])
    assert min(jax.tree.leaves(moved)) > 0


def test_initial_variables_need_no_device_axis():
    variables = jax.jit(small_generator(axis_name="devices").init)(jax.random.key(0))
    chex.assert_trees_all_equal_shapes(variables, jax.eval_shape(small_generator().init, jax.random.key(0)))
    for statistics in variables["batch_stats"].values():
        np.testing.assert_array_equal(statistics["mean"], 0.0)
        np.testing.assert_array_equal(statistics["var"], 1.0)


def test_statistics_move_only_in_training_and_only_when_kept():
    discriminator = small_discriminator()
    points = jax.random.normal(jax.random.key(1), (4, 8, 8, 2)) + 1.0
    variables = random_variables(discriminator.init)
    apply = jax.jit(discriminator.apply, static_argnames="train")
    trained, new_model_state = apply(variables, points, train=True)
    evaluated, unchanged = apply(variables, points, train=False)
    assert set(new_model_state) == {"batch_stats"}
    assert unchanged == {}
    assert np.abs(trained - evaluated).max() > 1e-3
    again, _ = apply(variables, points, train=True)
    np.testing.assert_array_equal(again, trained)
    kept = {**variables, **new_model_state}
    after, _ = apply(kept, points, train=False)
    assert np.abs(after - evaluated).max() > 1e-3


@pytest.mark.parametrize("form", ["paired", "conv", None])
def test_the_double_backward_form_is_the_same_function(form):
    networks = build_networks(
        "dcgan28_small", example_shape=(28, 28, 1), width=2, double_backward_form=form, spectral_norm=True
    )
    points = jax.random.uniform(jax.random.key(1), (3, 28, 28, 1))
    variables = random_variables(networks.disc.init)

    @jax.jit
    def values(variables):
        return [apply(variables, points, train=True) for apply in (networks.disc.apply, networks.disc.apply_twice)]

    expected, actual = values(variables)
    chex.assert_trees_all_close(actual, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("dcgan28_small", (28, 28, 1)), ("mnist_theano", (28, 28, 1)), ("characters_theano", (8, 5))],
)
def test_the_form_for_loops_is_the_same_function_with_the_same_gradient(name, shape):
    networks = build_networks(name, example_shape=shape, width=2)
    points = jax.random.uniform(jax.random.key(1), (2, 3, *shape))
    variables = random_variables(networks.disc.init)

    def total(variables, points, apply):
        return apply(variables, points, train=True)[0].sum()

    @jax.jit
    def in_a_loop(variables):
        def one(sums, batch):
            return jax.tree.map(jnp.add, sums, jax.value_and_grad(total)(variables, batch, networks.disc.in_loop)), None

        zero = (jnp.zeros(()), jax.tree.map(jnp.zeros_like, variables))
        return jax.lax.scan(one, zero, points)[0]

    at_once = jax.jit(jax.value_and_grad(lambda v: total(v, points.reshape(6, *shape), networks.disc.apply)))
    chex.assert_trees_all_close(in_a_loop(variables), at_once(variables), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("dcgan32", (32, 32, 3), {}),  # batch normalisation
        ("dcgan28_small", (28, 28, 1), {"spectral_norm": True}),
        ("characters_theano", (8, 5), {"spectral_norm": True}),
        ("mlp", (2,), {}),
    ],
)
def test_networks_that_are_not_faster_in_a_loop_or_depend_on_the_batch_have_no_such_form(name, shape, options):
    assert build_networks(name, example_shape=shape, width=2, **options).disc.in_loop is None


@pytest.mark.parametrize(
    ("name", "shape", "independent"),
    [
        ("dcgan28_small", (28, 28, 1), True),
        ("characters_theano", (8, 5), True),
        ("mlp", (2,), True),
        ("dcgan32", (32, 32, 3), False),
        ("resnet32_roth", (32, 32, 3), False),
    ],
)
def test_independent_means_that_f_of_a_point_does_not_depend_on_its_batch(name, shape, independent):
    networks = build_networks(name, example_shape=shape, width=2)
    points = jax.random.uniform(jax.random.key(1), (4, *shape))
    variables = random_variables(networks.disc.init)
    whole, part = (
        jax.jit(lambda v, x: networks.disc.apply(v, x, train=True)[0])(variables, x) for x in (points, points[:2])
    )
    assert networks.disc.batch_independent is independent
    assert bool(np.allclose(whole[:2], part, rtol=1e-4, atol=1e-5)) is independent


def test_last_layer_is_float32_under_bfloat16():
    points = jax.random.normal(jax.random.key(1), (3, 8, 8, 2))
    exact_discriminator, rounded_discriminator = small_discriminator(), small_discriminator(dtype=jnp.bfloat16)
    variables = random_variables(exact_discriminator.init)
    exact, _ = jax.jit(exact_discriminator.apply, static_argnames="train")(variables, points, train=True)
    rounded, _ = jax.jit(rounded_discriminator.apply, static_argnames="train")(variables, points, train=True)
    assert rounded.dtype == jnp.float32
    assert 0 < np.abs(rounded - exact).max() < 0.1 * np.abs(exact).max()
    # A bfloat16 number in float32 has 16 zero bits at its end; the last layer's results are not such.
    assert np.any(np.asarray(rounded).view(np.uint32) & 0xFFFF)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
@pytest.mark.parametrize("train", [False, True])
def test_a_network_of_ones_own_gives_float32_to_the_sums(dtype, train):
    network = player(Rounded(dtype), (4,))
    result, _ = network.apply(network.init(jax.random.key(0)), jnp.ones((2, 4)), train=train)
    assert result.dtype == jnp.float32


class Rounded(nn.Module):
    """A network whose result has the dtype that it computes in."""

    dtype: jnp.dtype

    @nn.compact
    def __call__(self, inputs, *, train):
        return nn.Dense(3, dtype=self.dtype)(inputs)


def test_importing_and_building_start_no_backend():
    program = (
        "import bgan_jax.networks as networks\n"
        "from jax._src import xla_bridge\n"
        "networks.build_networks('mnist_cortex', example_shape=(28, 28, 1))\n"
        "assert not xla_bridge.backends_are_initialized()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
