"""The all-reduces of a step of the real experiment, counted in the compiled program."""

import functools
import re

import jax
import numpy as np
import pytest

from bgan_jax.algorithms.discrete import DiscreteGame, DiscreteSettings, discrete_step
from bgan_jax.algorithms.learned_baseline import with_baseline
from bgan_jax.algorithms.state import adam_pair, init_state
from bgan_jax.conditionals import conditional_for
from bgan_jax.data import DatasetSpec
from bgan_jax.networks import build_networks
from bgan_jax.networks.baseline import latent_baseline
from bgan_jax.runtime import parallel
from bgan_jax.runtime.batch_loading import streamed_load
from bgan_jax.runtime.compiled_step import make_advance
from bgan_jax.runtime.metric_totals import empty_totals
from tests.here import here

N = 16
SPEC = DatasetSpec(name="digits", kind="binary", shape=(28, 28, 1), num_values=2)


def compiled_text(launcher, network, **settings):
    """The program that eight devices run, as the compiler prints it."""
    rules = DiscreteSettings(num_samples=2, **settings)

    def networks_over(axis_name):
        networks = build_networks(network, example_shape=SPEC.shape, width=8, axis_name=axis_name)
        return with_baseline(networks, estimator=rules.estimator)

    networks = networks_over(parallel.AXIS)
    game = DiscreteGame(
        networks=networks,
        conditional=conditional_for("binary", SPEC.shape, num_classes=2),
        optimizers=adam_pair(learning_rate_gen=1e-3, learning_rate_disc=1e-3),
        settings=rules,
    )
    alone = game._replace(networks=networks_over(None))
    state = jax.eval_shape(
        functools.partial(init_state, networks=networks, optimizers=game.optimizers), jax.random.key(0)
    )
    real = jax.ShapeDtypeStruct((game.settings.disc_steps, N, *SPEC.shape), np.uint8)
    index = jax.ShapeDtypeStruct((N,), np.int32)
    names = tuple(jax.eval_shape(functools.partial(discrete_step, game=alone), state, real, index)[1])
    advance = parallel.on_devices(
        make_advance(functools.partial(discrete_step, game=game), streamed_load(spec=SPEC)),
        launcher=here(launcher),
        sharded=(False, False, True, True),
    )
    rows, positions = np.zeros((N, game.settings.disc_steps, *SPEC.shape), np.uint8), np.arange(N, dtype=np.int32)
    if launcher == "pmap":
        rows, positions = (array.reshape(8, -1, *array.shape[1:]) for array in (rows, positions))
    return advance.lower(state, empty_totals(names), rows, positions).compile().as_text()


def all_reduces(text):
    """Number of elements of every all-reduce in a compiled program."""
    shapes = re.findall(r"= (.*?) all-reduce(?:-start)?\(", text)
    return [
        sum(int(np.prod([int(d) for d in dims.split(",") if d])) for dims in re.findall(r"f32\[([\d,]*)\]", s))
        for s in shapes
    ]


def gradient_sizes(network):
    """Parameters of the generator and of the discriminator."""
    networks = build_networks(network, example_shape=SPEC.shape, width=8)
    return [
        sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(one.init, jax.random.key(0))["params"]))
        for one in (networks.gen, networks.disc)
    ]


@pytest.mark.parametrize("launcher", parallel.LAUNCHERS)
def test_one_all_reduce_per_player(launcher):
    """Gradients and metrics share an all-reduce, and the compiler may merge those of two independent updates."""
    found = all_reduces(compiled_text(launcher, "mlp"))
    assert 1 <= len(found) <= 2
    # Nothing but the gradients and a dozen metrics.
    assert 0 < sum(found) - sum(gradient_sizes("mlp")) < 20


def test_a_learned_baseline_shares_the_all_reduce_of_the_generator():
    found = all_reduces(compiled_text("pmap", "mlp", estimator="reinforce_learned_baseline"))
    baseline = latent_baseline(16)
    size = sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(baseline.init, jax.random.key(0))))
    assert 1 <= len(found) <= 2
    assert 0 < sum(found) - sum(gradient_sizes("mlp")) - size < 20


def test_every_further_update_adds_one_all_reduce():
    found = all_reduces(compiled_text("pmap", "mlp", disc_steps=2, gen_steps=3))
    gen, disc = gradient_sizes("mlp")
    assert 4 <= len(found) <= 5
    assert 0 < sum(found) - 3 * gen - 2 * disc < 40


def test_batch_statistics_add_one_forward_and_one_backward_per_layer():
    """The main job's network has three layers of batch normalisation, all in the generator; nothing else is sent."""
    found = sorted(all_reduces(compiled_text("pmap", "dcgan28_small")))
    # Mean and mean square of every feature forward, and the gradients of both backward.
    features = [8, 128, 2 * 8 * 49]
    *statistics, gradients = found if len(found) == 7 else [*found[:-2], sum(found[-2:])]
    assert statistics == sorted(2 * [2 * n for n in features])
    assert 0 < gradients - sum(gradient_sizes("dcgan28_small")) < 20
