import dataclasses
import runpy
import sys

import pytest
from absl import flags as absl_flags

from experiments.harness.cli import flags, needs
from experiments.harness.cli.catalogue import command_files, load_command
from experiments.harness.cli.help import FEW, flag_lines, groups_of, help_text, shown_fields


@flags.config()
class Config:
    count: int = flags.flag(3, "How many, in steps.", common=True, minimum=1)
    rate: float = flags.flag(0.5, "How fast.", group="generator", minimum=0.0, maximum=1.0)
    kind: str = flags.flag("a", "Which.", group="timing", choices=("a", "b"))
    path: str | None = flags.flag(None, "Where.", group="records", may_change=True)
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


def test_a_class_takes_over_flags_and_changes_defaults():
    @flags.config(count=5, kind=flags.override(choices=("a",)), path=flags.override("there", may_change=False))
    class Narrower(Config):
        own: int = flags.flag(0, "Its own.")

    assert Narrower() == Narrower(count=5, kind="a", path="there", own=0)
    fields = {field.name: field for field in dataclasses.fields(Narrower)}
    assert list(fields) == [*(field.name for field in dataclasses.fields(Config)), "own"]
    assert fields["count"].metadata == next(iter(dataclasses.fields(Config))).metadata
    assert fields["kind"].metadata["choices"] == ("a",) and fields["kind"].metadata["help"] == "Which."
    assert flags.changeable(Narrower) == set()
    with pytest.raises(absl_flags.Error, match="--kind=b"):
        flags.parse(Narrower, ["--kind=b"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        Narrower().count = 6


@pytest.mark.parametrize(
    ("defaults", "error", "message"),
    [
        ({"cuont": 5}, TypeError, "no base class has a flag --cuont"),
        ({"count": 0}, ValueError, "--count=0 is less than 1"),
        ({"count": "5"}, ValueError, "--count='5' is not of the type"),
        ({"count": None}, ValueError, "--count=None is not of the type"),
        ({"rate": 1.5}, ValueError, "--rate=1.5 is more than 1.0"),
        ({"kind": "c"}, ValueError, "--kind='c' is not one of a, b"),
        ({"kind": flags.override(choices=("a", "c"))}, ValueError, "the choices of --kind go beyond"),
        ({"rate": flags.override(needs=[needs.given("nothing")])}, TypeError, "there is no such flag"),
    ],
)
def test_a_wrong_default_is_an_error_at_import(defaults, error, message):
    class Wrong(Config):
        pass

    with pytest.raises(error, match=message):
        flags.config(**defaults)(Wrong)


def test_a_flag_is_not_declared_twice():
    with pytest.raises(TypeError, match=r"declares --count again; give count=\.\.\. to the decorator"):

        @flags.config()
        class Again(Config):
            count: int = flags.flag(3, "How many, once more.")


@flags.config()
class Needy:
    method: str = flags.flag("plain", "Which way.", choices=("plain", "soft", "hard"))
    heat: float = flags.flag(1.0, "How warm.", needs=[needs.one_of("method", "soft", "hard")])
    cooling: float = flags.flag(0.0, "How fast it cools.", needs=[needs.one_of("method", "soft", "hard")])
    end: float = flags.flag(
        0.1, "Where cooling ends.", needs=[needs.one_of("method", "soft", "hard"), needs.above("cooling", 0)]
    )
    names: str = flags.flag("", "Names, by commas.")
    order: bool = flags.flag(False, "In which order.", needs=[needs.given("names")])
    both: str = flags.flag("", "Two ways.", needs=[needs.either(needs.given("order"), needs.lists("names", "x", "y"))])
    preset: str = flags.flag("default", "Named settings.", choices=("default", "soft"))
    smoke: bool = flags.flag(False, "Tiny.")


BOTH = "--order or x or y in --names"


def needy(*arguments):
    presets = {"default": {"heat": 2.0}, "soft": {"method": "soft"}}
    return flags.parse(Needy, arguments, presets=presets, smoke={"end": 0.2})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--heat=2"], "flag --heat=2.0 acts only with --method=soft or hard; --method is plain"),
        (["--heat=1"], "flag --heat=1.0 acts only with --method=soft or hard; --method is plain"),
        (["--method=soft", "--end=0.5"], "flag --end=0.5 acts only with --cooling above 0; --cooling is 0.0"),
        (["--order"], "flag --order=True acts only with --names; --names is empty"),
        (["--both=a"], f"flag --both=a acts only with {BOTH}; --order is False and --names is empty"),
        (["--both=a", "--names=xy"], f"flag --both=a acts only with {BOTH}; --order is False and --names is xy"),
    ],
)  # fmt: skip
def test_a_flag_that_cannot_act_is_refused(arguments, message):
    with pytest.raises(absl_flags.Error) as refused:
        needy(*arguments)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "arguments",
    [
        ["--preset=default", "--smoke"],
        ["--preset=soft", "--heat=2"],
        ["--method=hard", "--heat=2", "--cooling=1", "--end=0.5"],
        ["--names=x", "--both=a", "--order"],
        ["--names=z, y", "--both=a"],
        ["--both="],
    ],
)
def test_a_flag_that_acts_is_accepted_and_defaults_presets_and_smoke_always_are(arguments):
    assert isinstance(needy(*arguments), Needy)


def test_help_lists_every_flag_with_what_is_legal():
    text = help_text(Config, description="An experiment.")
    for field in dataclasses.fields(Config):
        assert f"--{field.name}=" in text and field.metadata["help"] in text
    assert "One of: a, b." in text and "From 0.0 to 1.0." in text and "At least 1." in text
    assert "Only with --method=soft or hard, and --cooling above 0." in " ".join(
        help_text(Needy, description="").split()
    )


def test_help_has_headings_and_the_common_flags_come_first():
    many = {f"more_{i}": (int, flags.flag(i, "One more.")) for i in range(FEW)}
    body = {name: default for name, (_, default) in many.items()}
    annotations = {name: kind for name, (kind, _) in many.items()}
    longer = flags.config()(type("Longer", (Config,), body | {"__annotations__": annotations}))
    assert groups_of(longer) == ["run", "generator", "timing", "records"]
    short, full = (help_text(longer, description="Words.", full=full) for full in (False, True))
    assert short.splitlines()[0] == "Words." and short.splitlines()[-1] == f"--helpfull lists all {FEW + 7} flags."
    assert "--count=" in short and "--rate=" not in short and "Generator:" not in short
    assert [line for line in full.splitlines() if not line.startswith(" ") and line.endswith(":")] == [
        "Run:", "Generator:", "Timing:", "Records:"
    ]  # fmt: skip
    assert help_text(Config, description="", full=False) == help_text(Config, description="", full=True)


def test_what_may_change():
    assert flags.changeable(Config) == {"path"}


COMMANDS = list(command_files())
SCREEN = 24


@pytest.mark.parametrize("name", COMMANDS)
def test_the_common_flags_of_a_command_fit_one_screen(name):
    config = load_command(name).config
    shown = shown_fields(config, full=False)
    assert shown and sum(len(flag_lines(field, full=False)) for field in shown) <= SCREEN
    assert {field.name for field in dataclasses.fields(config)} & {
        "workdir",
        "dataset",
        "preset",
        "steps",
        "smoke",
    } <= {field.name for field in shown}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_headings_of_a_command_are_few_and_nothing_is_left_out(name):
    config = load_command(name).config
    text, groups = help_text(config, description="", full=True), groups_of(config)
    assert len(groups) <= 10
    places = [text.index(f"{group.capitalize()}:\n") for group in groups]
    assert places == sorted(places)
    for field in dataclasses.fields(config):
        assert text.count(f"\n  --{field.name}=") == 1


def test_a_flag_and_its_meaning_are_declared_once():
    declared = {}
    for name in COMMANDS:
        for owner in load_command(name).config.__mro__:
            inherited = {field.name for base in owner.__bases__ if dataclasses.is_dataclass(base)
                         for field in dataclasses.fields(base)}  # fmt: skip
            own = owner.__dict__.get("__dataclass_fields__", {})
            for flag in set(own) - inherited:
                meaning = (flag, own[flag].metadata["help"])
                assert declared.setdefault(meaning, owner) is owner, f"{owner} says again what {declared[meaning]} says"
            for flag in set(own) & inherited:
                meanings = {base.__dataclass_fields__[flag].metadata["help"] for base in owner.__bases__
                            if flag in getattr(base, "__dataclass_fields__", {})}  # fmt: skip
                assert meanings == {own[flag].metadata["help"]}, f"{owner} declares --{flag} again"
    assert len(declared) > 100


@pytest.mark.parametrize("name", COMMANDS)
def test_presets_and_smoke_name_flags_and_give_legal_values(name):
    command = load_command(name)
    fields = {field.name: field for field in dataclasses.fields(command.config)}
    for settings in [command.smoke or {}, *(command.presets or {}).values()]:
        for flag, value in settings.items():
            field = fields[flag]
            arguments = [] if value is None else [f"--{flag}={value}"]
            alone = flags.config(**{flag: flags.override(value, needs=[])})(type("Alone", (command.config,), {}))
            assert getattr(flags.parse(alone, arguments), flag) == value, field
    assert set(command.presets or {}) == set(fields["preset"].metadata["choices"] if command.presets else ())


@pytest.mark.parametrize("module", [f"experiments.{name}" for name in COMMANDS])
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
    code, everything = run("--helpfull")
    assert code == 0 and len(everything.out) >= len(shown.out)
    code, refused = run("--no_such_flag=1")
    assert code == 2, refused.err
    assert refused.err.count("\n") == 1 and "no_such_flag" in refused.err
