import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from bgan_jax.algorithms.discrete import discrete_step
from bgan_jax.algorithms.state import init_state
from bgan_jax.data import DatasetSpec
from bgan_jax.runtime import parallel
from bgan_jax.runtime.batch_loading import streamed_load
from bgan_jax.runtime.compiled_step import make_advance
from bgan_jax.runtime.metric_totals import empty_totals, read_totals
from bgan_jax.runtime.nonfinite import NonFiniteError
from tests.exhaustive import one_in
from tests.here import here
from tests.toy_game import SHAPE, toy_data, toy_game

N, STEPS = 16, 5
SPEC = DatasetSpec(name="toy", kind="binary", shape=SHAPE, num_values=2)


def names(game):
    state = jax.eval_shape(
        functools.partial(init_state, networks=game.networks, optimizers=game.optimizers), jax.random.key(0)
    )
    real = jax.ShapeDtypeStruct((game.settings.disc_steps, N, *SHAPE), jnp.uint8)
    step = functools.partial(discrete_step, game=game)
    return tuple(jax.eval_shape(step, state, real, jax.ShapeDtypeStruct((N,), jnp.int32))[1])


@functools.cache
def run_on_devices(launcher, **settings):
    """The toy game over all eight devices: its state after five steps and its metrics' totals, on the devices."""
    game = toy_game(axis_name=parallel.AXIS, num_samples=6, **settings)
    metric_names = names(toy_game(num_samples=6, **settings))
    state = parallel.replicate(
        lambda bits: init_state(jax.random.wrap_key_data(bits), networks=game.networks, optimizers=game.optimizers),
        np.asarray(jax.random.key_data(jax.random.key(3))),
        launcher=here(launcher),
    )
    totals = parallel.replicate(parallel.identity, empty_totals(metric_names), launcher=here(launcher))
    advance = parallel.on_devices(
        make_advance(functools.partial(discrete_step, game=game), streamed_load(spec=SPEC)),
        launcher=here(launcher),
        sharded=(False, False, True, True),
    )
    index = parallel.shard(np.arange(N, dtype=np.int32), launcher=here(launcher))
    minibatches = game.settings.disc_steps
    for i in range(STEPS):
        rows = np.moveaxis(np.asarray(toy_data(N, minibatches=minibatches, seed=i)), 0, 1)
        state, totals = advance(state, totals, parallel.shard(rows, launcher=here(launcher)), index)
    return state, totals


@functools.cache
def one_device_run(**settings):
    game = toy_game(num_samples=6, **settings)
    initialize = functools.partial(init_state, networks=game.networks, optimizers=game.optimizers)
    state = jax.jit(initialize)(jax.random.key(3))
    step = jax.jit(functools.partial(discrete_step, game=game))
    for i in range(STEPS):
        state, _ = step(state, toy_data(N, minibatches=game.settings.disc_steps, seed=i), jnp.arange(N))
    return state


TWO_TO_TWO = {"disc_steps": 2, "gen_steps": 2, "estimator": "boundary_seeking_marginal", "penalty_stride": 2}


@pytest.mark.parametrize(("settings", "launcher"), one_in(3, itertools.product([{}, TWO_TO_TWO], parallel.LAUNCHERS)))
def test_eight_devices_equal_one(launcher, settings):
    """Plain gradient descent, so a gradient that is eight times too large could not hide."""
    state_of_eight, _ = run_on_devices(launcher, **settings)
    single = one_device_run(**settings)
    for a, b in zip(
        jax.tree.leaves(parallel.to_host(state_of_eight)), jax.tree.leaves(parallel.to_host(single)), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_pmap_and_shard_map_agree_bit_for_bit():
    runs = [parallel.to_host(run_on_devices(launcher)) for launcher in parallel.LAUNCHERS]
    for a, b in zip(*(jax.tree.leaves(run) for run in runs), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("launcher", parallel.LAUNCHERS)
def test_every_device_holds_the_same_state(launcher):
    """Results are read from device 0, so a forgotten average would silently be its value alone."""
    state, totals = run_on_devices(launcher)
    for leaf in jax.tree.leaves((state.params, state.gen_average, totals)):
        first, *others = (np.asarray(shard.data) for shard in leaf.addressable_shards)
        assert len(others) == 7
        for other in others:
            np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize("launcher", parallel.LAUNCHERS)
def test_a_copy_on_the_host_does_not_keep_the_state_on_the_device(launcher):
    """A numpy view of a device's memory, in a checkpoint or a picture's sampler, would force the next step to copy."""
    step = parallel.on_devices(
        lambda state, rows, *, axis_name: jax.tree.map(lambda leaf: leaf + jax.lax.pmean(rows.sum(), axis_name), state),
        launcher=here(launcher),
        sharded=(False, True),
    )
    rows = parallel.shard(np.ones(8, np.float32), launcher=here(launcher))
    state = parallel.replicate(
        lambda: {"large": jnp.zeros((256, 256)), "small": jnp.zeros(())}, launcher=here(launcher)
    )
    kept = parallel.to_host(state)
    after = step(state, rows)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state))
    assert all((leaf == 0.0).all() for leaf in jax.tree.leaves(kept))
    assert all((leaf == 1.0).all() for leaf in jax.tree.leaves(parallel.to_host(after)))


def test_each_device_gets_its_own_rows():
    """Each device must see its own rows: eight copies of one row give another result than eight different rows."""
    game = toy_game(axis_name=parallel.AXIS, num_samples=4)
    seen = []

    def step(state, real, example_index, *, axis_name):
        seen.append(real.shape)
        return state, {"mean": jax.lax.pmean(jnp.mean(real, dtype=jnp.float32), axis_name)}

    advance = parallel.on_devices(
        make_advance(step, streamed_load(spec=SPEC)), launcher=here("pmap"), sharded=(False, False, True, True)
    )
    rows = np.moveaxis(np.asarray(toy_data(N)), 0, 1)
    state = parallel.replicate(
        lambda bits: init_state(jax.random.wrap_key_data(bits), networks=game.networks, optimizers=game.optimizers),
        np.asarray(jax.random.key_data(jax.random.key(3))),
        launcher=here("pmap"),
    )
    totals = parallel.replicate(parallel.identity, empty_totals(("mean",)), launcher=here("pmap"))
    index = parallel.shard(np.arange(N, dtype=np.int32), launcher=here("pmap"))
    _, totals = advance(state, totals, parallel.shard(rows, launcher=here("pmap")), index)
    assert seen[0] == (1, N // 8, *SHAPE)
    np.testing.assert_allclose(read_totals(totals)["mean"], [rows.mean()], rtol=1e-6)


@pytest.mark.parametrize("launcher", parallel.LAUNCHERS)
def test_arguments_of_other_shapes_are_refused(launcher):
    total = parallel.on_devices(
        lambda x, axis_name: jax.lax.psum(x.sum(), axis_name), launcher=here(launcher), sharded=(True,), donate=()
    )
    few, many = (parallel.shard(np.ones((number, 3), np.float32), launcher=here(launcher)) for number in (8, 16))
    assert float(total(few)) == float(total(few)) == 24.0
    with pytest.raises(TypeError, match="differ from the types"):
        total(many)


def test_a_tree_is_averaged_in_one_all_reduce():
    from bgan_jax.algorithms.updates import mean_over_devices

    def average(tree):
        return mean_over_devices(tree, axis_name=parallel.AXIS)

    mesh = Mesh(np.array(jax.devices()), (parallel.AXIS,))
    on_devices = jax.jit(
        jax.shard_map(
            average, mesh=mesh, in_specs=PartitionSpec(parallel.AXIS), out_specs=PartitionSpec(), check_vma=False
        )
    )
    tree = {"a": jnp.arange(8.0), "b": jnp.ones((8, 3)), "c": jnp.zeros((8, 2, 2))}
    sharded = jax.device_put(tree, NamedSharding(mesh, PartitionSpec(parallel.AXIS)))
    text = on_devices.lower(sharded).compile().as_text()
    assert text.count(" all-reduce(") + text.count(" all-reduce-start(") == 1
    np.testing.assert_allclose(on_devices(sharded)["a"], [3.5])


def test_nonfinite_numbers_are_named_with_their_step():
    totals = empty_totals(("bound", "penalty"))
    from bgan_jax.runtime.metric_totals import add_metrics

    for step, (bound, penalty) in enumerate([(1.0, 2.0), (np.nan, 3.0), (1.0, np.inf)]):
        metrics = {"bound": jnp.float32(bound), "penalty": jnp.float32(penalty)}
        totals = add_metrics(totals, metrics, step=jnp.int32(step))
    with pytest.raises(NonFiniteError, match="at step 2 these were not finite: bound"):
        read_totals(totals)


def test_what_is_refused():
    with pytest.raises(ValueError, match="legal: auto, pmap, shard_map"):
        here("magic")
    with pytest.raises(ValueError, match="batch_size=12 is not a multiple of the 8 devices; use 8 or 16"):
        parallel.check_batch_divides(12, devices=8)
