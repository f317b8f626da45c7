"""The step of every experiment lowers for accelerators, by ``jax.export``: no compiler of theirs is needed for that."""

import dataclasses

import jax
import pytest
from jax import export

from bgan_jax.runtime.platform import this_process
from experiments.compile_for.steps import EXPERIMENTS, call_of
from experiments.harness.cli.catalogue import command_files, load_command

#: Tiny networks and two steps a call; what else is in a step is as a user gets it.
TINY = ("--batch_size=16", "--parallel=shard_map", "--steps_per_call=2", "--data_backend=resident")
FLAGS = {
    "adversarial_classification": ("--systems=gan/importance_sampling", "--width=2", "--penalty_stride=1", *TINY[:2]),
    "binary_images": ("--width=2", "--num_samples=2", "--compute_dtype=bfloat16", "--penalty_stride=1", *TINY),
    "continuous_images": ("--width=2", *TINY),
    "discrete_mnist": ("--width=2", "--num_samples=2", "--seeds=2", "--penalty_stride=1", *TINY),
    "high_resolution": ("--dataset=celeba64", "--network=dcgan64", "--width=2", *TINY),
    "palette_images": ("--width=2", "--estimator=gumbel_straight_through", *TINY),
    "table": ("--width=2", "--num_samples=2", "--penalty_stride=1", *TINY),
    "text_characters": ("--width=2", "--num_samples=2", "--penalty_stride=1", *TINY),
}
#: Their runs are those of other experiments.
OF_SEVERAL_RUNS = {"divergence_table", "pixel_descent"}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_step_lowers_for_gpus_and_tpus(name):
    platform = this_process()._replace(name="tpu", attached=False)
    call = call_of(name, load_command(name).parse(FLAGS[name]), platform)
    step = jax.jit(lambda *arguments: call.program.advance(*arguments))
    exported = export.export(step, platforms=("cuda", "tpu"))(*call.arguments)
    assert exported.platforms == ("cuda", "tpu")
    assert exported.nr_devices == len(platform.devices)
    state, _ = exported.out_tree.unflatten(exported.out_avals)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), call.arguments[0]
    )


def test_no_experiment_is_forgotten():
    """Every command that can run on all devices has its step here."""
    configs = {name: load_command(name).config for name in command_files()}
    parallel = {
        name
        for name, config in configs.items()
        if any(field.name == "parallel" for field in dataclasses.fields(config))
    }
    assert parallel == set(EXPERIMENTS) | OF_SEVERAL_RUNS
