"""Any value of any flag is either legal or refused in words, before anything is written."""

import dataclasses
import math
import typing

import pytest
from absl import flags as absl_flags
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bgan_jax.algorithms.discrete import DiscreteSettings
from bgan_jax.runtime.platform import this_process
from experiments import discrete_mnist
from experiments.harness.cli import flags
from experiments.harness.cli.catalogue import command_files, load_command
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.experiment import Experiment

FLAGS = [(name, field.name) for name in command_files() for field in dataclasses.fields(load_command(name).config)]
VALUES = st.text(max_size=12) | st.integers().map(str) | st.floats().map(str) | st.sampled_from(["nan", "inf", "", "0"])


@settings(max_examples=600, deadline=None)
@given(flag=st.sampled_from(FLAGS), value=VALUES)
@example(flag=("discrete_mnist", "learning_rate_disc"), value="nan")
@example(flag=("discrete_mnist", "penalty"), value="inf")
def test_any_flag_of_any_command(flag, value):
    command, name = load_command(flag[0]), flag[1]
    try:
        config = command.parse([f"--{name}={value}"])
    except absl_flags.Error as error:
        assert name in str(error)
        return
    given_value = getattr(config, name)
    metadata = next(field.metadata for field in dataclasses.fields(command.config) if field.name == name)
    if isinstance(given_value, float):
        assert math.isfinite(given_value)
    if metadata["choices"] is not None:
        assert given_value in metadata["choices"]
    if metadata["minimum"] is not None and given_value is not None:
        assert given_value >= metadata["minimum"]
    if metadata["maximum"] is not None and given_value is not None:
        assert given_value <= metadata["maximum"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("discrete_mnist", ["--workdir=runs/a", "--data_dir=gs://bucket/tfds"]),
        ("discrete_mnist", ["--workdir=runs/a", "--dataset=npz:s3://bucket/digits.npz"]),
        ("discrete_mnist", ["--workdir=runs/a", "--cache_dir=gs://bucket/cache"]),
        ("benchmark", ["--json=gs://bucket/times.json"]),
    ],
)
def test_places_that_are_not_local_are_refused_with_a_remedy(name, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(absl_flags.Error, match=r"not a local path.*gcsfuse BUCKET FOLDER.*gcloud storage rsync"):
        load_command(name).parse(arguments)
    assert not list(tmp_path.iterdir())


@settings(max_examples=100, deadline=None)
@given(arguments=st.lists(st.text(max_size=20), max_size=4))
def test_any_arguments(arguments):
    try:
        flags.parse(discrete_mnist.Config, arguments, presets=discrete_mnist.PRESETS)
    except absl_flags.Error as error:
        assert str(error)


@settings(max_examples=300, deadline=None)
@given(
    numbers=st.fixed_dictionaries(
        {},
        optional={
            name: st.integers(-3, 40)
            for name in ("num_samples", "disc_fakes_per_latent", "sample_chunk", "disc_steps", "gen_steps")
        },
    ),
    words=st.fixed_dictionaries(
        {}, optional={name: st.text(max_size=8) for name in ("divergence", "estimator", "penalty_form")}
    ),
)
def test_any_settings_are_legal_or_refused_by_name(numbers, words):
    try:
        made = DiscreteSettings(**numbers, **words)
    except ValueError as error:
        assert any(name in str(error) for name in {**numbers, **words}), error
        return
    assert made.num_samples >= 2 and 1 <= made.disc_fakes_per_latent <= made.num_samples
    assert made.num_samples % (made.sample_chunk or 1) == 0 and made.disc_steps >= 1 and made.gen_steps >= 1


@settings(max_examples=25, deadline=None)
@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "batch_size": st.integers(1, 200),
            "num_samples": st.integers(1, 12),
            "disc_fakes_per_latent": st.integers(-1, 12),
            "sample_chunk": st.none() | st.integers(-1, 12),
            "steps": st.integers(1, 2**40),
            "dataset": st.text(max_size=8)
            | st.sampled_from(["mnist10k", "npz:", "npz:/nowhere", "images:", "text:\0"]),
            "network": st.sampled_from(["mlp", "dcgan28_small", "characters_theano"]),
        },
    )
)
def test_any_config_is_prepared_or_refused_in_words(changes):
    config = dataclasses.replace(discrete_mnist.Config(workdir="unused"), **changes)
    try:
        experiment = discrete.prepare(config, this_process())
    except UsageError as error:
        assert str(error).strip()
        return
    assert isinstance(experiment, Experiment) and typing.cast(int, config.batch_size) % 8 == 0


def test_a_bad_value_never_reaches_the_run():
    with pytest.raises(absl_flags.Error, match="--adam_b1=nan: not a finite number"):
        flags.parse(discrete_mnist.Config, ["--adam_b1=nan"])
