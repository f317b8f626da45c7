import dataclasses
import runpy
import sys

import pytest
from absl import flags as absl_flags

from experiments.harness.cli import flags
from experiments.harness.cli.catalogue import command_files


@dataclasses.dataclass(frozen=True)
class Config:
    count: int = flags.flag(3, "How many, in steps.", minimum=1)
    rate: float = flags.flag(0.5, "How fast.", minimum=0.0, maximum=1.0)
    kind: str = flags.flag("a", "Which.", choices=("a", "b"))
    path: str | None = flags.flag(None, "Where.", may_change=True)
    fast: bool = flags.flag(False, "Whether.")
    preset: str = flags.flag("default", "Named settings.", choices=("default", "big"))
    smoke: bool = flags.flag(False, "Tiny.")


def parse(*arguments):
    return flags.parse(
        Config, arguments, smoke={"count": 1}, presets={"default": {}, "big": {"count": 100, "rate": 0.9}}
    )


def test_defaults_and_values():
    assert parse() == Config()
    assert parse("--count=7", "--fast", "--path=/x", "--rate", "0.25") == Config(
        count=7, fast=True, path="/x", rate=0.25
    )


def test_what_the_user_says_wins_over_smoke_and_smoke_over_presets():
    assert parse("--preset=big").count == 100
    assert parse("--preset=big", "--smoke").count == 1
    assert parse("--preset=big", "--smoke", "--count=5").count == 5
    assert parse("--preset=big", "--smoke", "--count=5").rate == 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cuont=3"], "cuont"),
        (["--count=three"], "three"),
        (["--count=0"], "count"),
        (["--rate=1.5"], "rate"),
        (["--kind=c"], "a, b|<a|b>"),
        (["surplus"], "surplus"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(absl_flags.Error, match=message):
        parse(*arguments)


def test_help_lists_every_flag_with_what_is_legal():
    text = flags.help_text(Config, description="An experiment.")
    for field in dataclasses.fields(Config):
        assert f"--{field.name}=" in text and field.metadata["help"] in text
    assert "One of: a, b." in text and "From 0.0 to 1.0." in text and "At least 1." in text


def test_what_may_change():
    assert flags.changeable(Config) == {"path"}


EXPERIMENTS = [f"experiments.{name}" for name in command_files()]


@pytest.mark.parametrize("module", EXPERIMENTS)
def test_every_command_helps_and_refuses(module, monkeypatch, capsys):
    """What ``python -m`` runs, but in this process: one of its own would take seconds to import jax, twice for each."""

    def run(argument):
        monkeypatch.setattr(sys, "argv", [module, argument])
        monkeypatch.delitem(sys.modules, module, raising=False)
        with pytest.raises(SystemExit) as leaving:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        return leaving.value.code, capsys.readouterr()

    code, shown = run("--help")
    assert code == 0 and "--" in shown.out, shown.err
    code, refused = run("--no_such_flag=1")
    assert code == 2, refused.err
    assert refused.err.count("\n") == 1 and "no_such_flag" in refused.err
