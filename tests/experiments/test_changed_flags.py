"""``--resume=changed``: what may change during a run fits its checkpoints, and every folder of the run records it."""

import dataclasses
import json

import jax
import pytest

from bgan_jax.runtime import workdir
from bgan_jax.runtime.platform import this_process
from experiments import continuous_images, discrete_mnist
from experiments.harness.cli import flags
from experiments.harness.cli.catalogue import command_files, load_command
from experiments.harness.errors import UsageError
from experiments.harness.runs import continuous, discrete
from experiments.harness.runs.start import start

OTHERS = {"penalty_form": "unweighted", "learning_rate_half_life": 100, "penalty_half_life": 10.0, "sample_chunk": 2}
SMALL = {"workdir": "unused", "width": 4, "latent_dim": 4, "batch_size": 16}


def state_of(config, prepare):
    return jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype),
        jax.eval_shape(prepare(config, this_process()).initialize, jax.random.key(0)),
    )


@pytest.mark.parametrize(
    ("config", "prepare"),
    [
        (discrete_mnist.Config(network="mlp", penalty_stride=2, **SMALL), discrete.prepare),
        (continuous_images.Config(network="mlp_tanh", **SMALL), continuous.prepare),
    ],
    ids=["discrete", "continuous"],
)
def test_a_checkpoint_fits_whatever_may_change(config, prepare):
    expected, names = state_of(config, prepare), flags.adjustable(type(config))
    assert {"learning_rate_gen", "learning_rate_disc", "learning_rate_half_life", "penalty"} <= names
    for name in names:
        value = OTHERS[name] if name in OTHERS else getattr(config, name) / 2
        value = int(value) if isinstance(getattr(config, name), int) and value >= 1 else value
        value = max(value, 1) if name in ("penalty_stride", "disc_fakes_per_latent") else value
        assert state_of(dataclasses.replace(config, **{name: value}), prepare) == expected, name


def test_only_runs_that_can_be_resumed_so_have_such_flags():
    for name in command_files():
        config = load_command(name).config
        assert bool(flags.adjustable(config)) == ("resume" in {field.name for field in dataclasses.fields(config)})


def test_every_folder_of_a_run_of_several_seeds_records_the_change(tmp_path):
    def begin(**changes):
        config = discrete_mnist.Config(
            network="mlp", penalty_stride=2, batch_size=16, seeds=2, workdir=str(tmp_path / "run"), **changes
        )
        return start(config, discrete.prepare)[1]

    folder = begin()
    (folder / workdir.CHECKPOINTS / "7").mkdir(parents=True)
    with pytest.raises(UsageError, match="--resume=changed"):
        begin(learning_rate_disc=1e-5)
    with pytest.raises(UsageError, match="--seed cannot change"):
        begin(learning_rate_disc=1e-5, seed=1, resume="changed")
    with pytest.raises(UsageError, match="--steps=6 is less than the 7 steps"):
        begin(learning_rate_disc=1e-5, steps=6, resume="changed")
    assert not (folder / workdir.HISTORY).exists()
    begin(learning_rate_disc=1e-5, resume="changed")
    for place in (folder, folder / "seed_0", folder / "seed_1"):
        (line,) = (place / workdir.HISTORY).read_text().splitlines()
        assert json.loads(line)["step"] == 7
        assert json.loads(line)["changes"] == {"learning_rate_disc": {"from": 3e-3, "to": 1e-5}}
        assert workdir.read_config(place)["learning_rate_disc"] == 1e-5
    begin(learning_rate_disc=1e-5)


def test_a_run_of_an_earlier_version_is_continued_without_the_newer_flags(tmp_path):
    def begin(**changes):
        start(discrete_mnist.Config(workdir=str(tmp_path), latent_categories=0, **changes), discrete.prepare)

    begin()
    config = workdir.read_config(tmp_path)
    del config["latent_categories"]
    (tmp_path / workdir.CONFIG).write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(UsageError, match="--latent_categories: None there, 32 now"):
        start(discrete_mnist.Config(workdir=str(tmp_path)), discrete.prepare)
    begin()
    assert workdir.read_config(tmp_path)["latent_categories"] == 0


def test_one_category_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match="latent_categories is 1; it must be at least 2, or 0 for none"):
        start(discrete_mnist.Config(workdir=str(tmp_path / "run"), latent_categories=1), discrete.prepare)
    assert not (tmp_path / "run").exists()
