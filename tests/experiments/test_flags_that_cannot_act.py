"""A flag that has no effect with the others chosen is refused; the refused ones are those that change no number."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import pytest
from absl import flags as absl_flags

from bgan_jax.algorithms.relaxation import annealed_temperature
from bgan_jax.runtime.platform import this_process
from experiments import continuous_images, discrete_mnist
from experiments.harness.cli import flags
from experiments.harness.cli.catalogue import command_files, load_command
from experiments.harness.runs import continuous, discrete
from tests.exhaustive import one_in

COMMANDS = {name: load_command(name) for name in command_files()}
NEEDY = [
    (name, field.name)
    for name, command in COMMANDS.items()
    for field in dataclasses.fields(command.config)
    if field.metadata["needs"]
]
# What the flags that decide are set to, where their choices do not say it.
SETTINGS = {
    "dataset": ["mnist10k", "mnist", "celeba16", "images:FOLDER", "npz:FILE", "text:FILE", "austen32", "csv:FILE"],
    "palette": [None, 16],
    "features": ["judge", "efficientnet_lite0"],
    "penalty": [0.0, 1.0],
    "temperature_rate": [0.0, 1.0],
    "critic_penalty": [0.0, 1.0],
    "critic_wasserstein_penalty": [0.0, 1.0],
    "train": ["jensen_shannon", "reverse_kl", "wasserstein"],
    "measure": ["jensen_shannon", "wasserstein"],
    "objectives": ["minimax", "least_squares", "wasserstein"],
    "targets": ["", "bits6", "mixture"],
    "training_targets": ["", "mixture"],
    "estimators": ["boundary_seeking", "gumbel_soft", "reinforce_learned_baseline", "reinforce_no_baseline"],
    "systems": ["cross_entropy", "wasserstein_clipping", "kl/exact", "kl/importance_sampling"],
    "rows": ["none", "all"],
    "parts": ["none", "all"],
    "peer_path": ["", "FOLDER"],
    "rounds": [0, 1],
    "ratios": ["", "1:1"],
    "learning_rates": ["", "1e-3"],
    "interpolate": [0, 2],
    "candidates": [1, 2],
    "judge": [False, True],
}


def settings_of(field):
    return list(dict.fromkeys([field.default, *(field.metadata["choices"] or SETTINGS[field.name])]))


def some_value(field):
    """A legal value, not the default where there is another."""
    choices, default = field.metadata["choices"], field.default
    if choices:
        return next((choice for choice in choices if choice != default), default)
    if isinstance(default, bool):
        return not default
    return default if default is not None else 2


@pytest.mark.parametrize(("name", "flag"), NEEDY)
def test_it_is_refused_without_what_it_needs_and_accepted_with_it(name, flag):
    command = COMMANDS[name]
    fields = {field.name: field for field in dataclasses.fields(command.config)}
    conditions = fields[flag].metadata["needs"]
    deciding = sorted({other for need in conditions for other in need.flags})
    met = unmet = 0
    for values in itertools.product(*(settings_of(fields[other]) for other in deciding)):
        chosen = dict(zip(deciding, values, strict=True))
        arguments = [f"--{other}={value}" for other, value in chosen.items() if value != fields[other].default]
        try:
            command.parse(arguments)
        except absl_flags.Error:
            continue  # One of them is refused for what the others are.
        config = dataclasses.replace(command.config(), **chosen)
        failing = [need for need in conditions if not need.is_met(config)]
        arguments.append(f"--{flag}={some_value(fields[flag])}")
        if not failing:
            command.parse(arguments)
            met += 1
            continue
        with pytest.raises(absl_flags.Error) as refused:
            command.parse(arguments)
        message = str(refused.value)
        assert message.startswith(f"flag --{flag}=") and failing[0].words in message and "\n" not in message
        assert all(f"--{other} is " in message for other in failing[0].flags)
        unmet += 1
    assert met and unmet


@pytest.mark.parametrize(
    ("name", "preset"), [(name, preset) for name, command in COMMANDS.items() for preset in command.presets or ()]
)
def test_no_preset_sets_a_flag_that_cannot_act(name, preset):
    command = COMMANDS[name]
    config = command.parse([f"--preset={preset}"])
    for flag in command.presets[preset]:
        need = flags.unmet_need(config, flag)
        assert need is None, f"--preset={preset} sets --{flag}, which needs {need.words}"


@pytest.mark.parametrize("name", COMMANDS)
def test_presets_and_smoke_trip_over_nothing(name):
    command = COMMANDS[name]
    for preset in command.presets or ["default"]:
        arguments = [f"--preset={preset}"] if command.presets else []
        assert command.parse([*arguments, *(["--smoke"] if command.smoke else [])])


# Another value of every flag that is part of a step and needs others, or is needed by them.
CHANGES = {
    "num_samples": 6, "disc_fakes_per_latent": 2, "sample_chunk": 2, "divergence": "kl", "objective": "f_gan",
    "temperature": 2.0, "temperature_rate": 0.5, "temperature_minimum": 0.25, "clip": 0.5,
    "learning_rate_baseline": 0.5, "penalty_stride": 2, "penalty_half_life": 7.0, "penalty_form": "r1",
}  # fmt: skip
SMALL = {"workdir": "unused", "width": 4, "latent_dim": 4, "batch_size": 16}
DISCRETE = {
    "boundary seeking": {},
    "no penalty": {"penalty": 0.0},
    "learned baseline": {"estimator": "reinforce_learned_baseline"},
    "probabilities": {"estimator": "probabilities"},
    "Gumbel": {"estimator": "gumbel_soft", "penalty": 0.0},
    "WGAN": {"estimator": "probabilities", "objective": "wasserstein", "penalty_form": "wgan_gp"},
}
CONTINUOUS = {
    "boundary seeking": {},
    "no penalty": {"penalty": 0.0},
    "WGAN": {"objective": "wasserstein", "penalty_form": "wgan_gp"},
}


def program_of(config, prepare, *, shape, dtype):
    """How the flags' step changes the state, as the compiler gets it, without what only metrics need."""
    experiment = prepare(config, this_process())
    step = experiment.step_over(None)
    state = jax.eval_shape(experiment.initialize, jax.random.key(0))
    real = jax.ShapeDtypeStruct((config.disc_steps, config.batch_size, *shape), dtype)
    index = jax.ShapeDtypeStruct((config.batch_size,), jnp.int32)
    return jax.jit(lambda *arguments: step(*arguments)[0]).lower(state, real, index).as_text()


def check_that_a_flag_acts_where_it_is_accepted(plain, settings, prepare, **batch):
    """Of settings that differ from the plain ones, those flags are checked whose acceptance differs as well."""
    config = dataclasses.replace(plain, **settings)
    program = program_of(config, prepare, **batch)
    for flag in sorted({field.name for field in dataclasses.fields(config)} & set(CHANGES)):
        accepted = flags.unmet_need(config, flag) is None
        if settings and accepted == (flags.unmet_need(plain, flag) is None):
            continue
        other = dataclasses.replace(config, **{flag: CHANGES[flag]})
        assert getattr(config, flag) != CHANGES[flag]
        acts = program_of(other, prepare, **batch) != program
        assert acts == accepted, f"--{flag} {'acts' if acts else 'does nothing'}"


@pytest.mark.parametrize("settings", one_in(2, DISCRETE.values(), ids=DISCRETE))
def test_a_discrete_step_changes_with_the_flags_that_are_accepted_and_no_others(settings):
    small = SMALL | {"network": "mlp", "num_samples": 4, "penalty_stride": 1}
    plain = discrete_mnist.Config(**small)
    check_that_a_flag_acts_where_it_is_accepted(plain, settings, discrete.prepare, shape=(28, 28, 1), dtype=jnp.int32)


@pytest.mark.parametrize("settings", CONTINUOUS.values(), ids=CONTINUOUS.keys())
def test_a_continuous_step_changes_with_the_flags_that_are_accepted_and_no_others(settings):
    plain = continuous_images.Config(**SMALL | {"network": "mlp_tanh"})
    check_that_a_flag_acts_where_it_is_accepted(
        plain, settings, continuous.prepare, shape=(32, 32, 3), dtype=jnp.float32
    )


def test_a_temperature_that_does_not_fall_has_no_use_for_a_minimum():
    step = jnp.arange(3) * 1000
    constant = [annealed_temperature(step, initial=3.0, rate=0.0, minimum=minimum) for minimum in (0.5, 3.0)]
    assert constant[0].tolist() == constant[1].tolist() == [3.0] * 3
