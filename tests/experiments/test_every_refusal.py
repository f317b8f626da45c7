"""Every command refuses every flag's illegal values, and data that it cannot take: in one line, leaving nothing behind.

The cases are made from the declarations of the flags, so a new command or flag is tested as it comes.
"""

import dataclasses
import typing

import numpy as np
import pytest
from PIL import Image

from experiments.harness.cli import command
from experiments.harness.cli.catalogue import command_files, load_command

COMMANDS = {name: load_command(name) for name in command_files()}
FIELDS = {name: {field.name: field for field in dataclasses.fields(made.config)} for name, made in COMMANDS.items()}
# What each output must not be, by what the flag names; {} is a folder that holds a file, called "file".
UNWRITABLE = {
    "folder": ["{}/file", "{}/file/below", "/dev/null/below"],
    "file": ["{}", "{}/file/below", "/dev/null", "{}/" + "long" * 62],
}
OUTPUTS = [
    (name, field.name, value)
    for name, fields in FIELDS.items()
    for field in fields.values()
    for value in UNWRITABLE.get(field.metadata["writes"], [])
]
# A folder that holds no prepared data is legal there.
LEGAL = [("data_throughput", "data_dir")]
# Of these, any command refuses all.
UNREADABLE = ["unknown", "npz:{}/missing.npz", "npz:{}", "npz:{}/damaged", "images:{}/missing", "images:{}/damaged",
              "images:{}/empty", "text:{}/missing", "text:{}", "text:{}/latin", "npz:", "text:", "images:"]  # fmt: skip
# Too few to train on, and of another kind than all but one command take.
UNFIT = ["npz:{}/one.npz", "images:{}/one", "text:{}/line"]
DATA = [
    (name, dataset)
    for name, fields in FIELDS.items()
    if "dataset" in fields
    for dataset in UNREADABLE + (UNFIT if "workdir" in fields else [])
]


def illegal_values(field, kind):
    """Values that a flag must refuse, by its declaration; of free text, what names nothing."""
    legal = field.metadata
    if legal["writes"]:
        return []  # See OUTPUTS.
    kinds = set(typing.get_args(kind)) or {kind}
    if legal["choices"] or bool in kinds:
        return ["nonsense"]
    if not kinds & {int, float}:
        return ["nonsense"]
    values = ["many", "nan"] + (["1.5"] if int in kinds else ["inf"])
    values += [str(legal["minimum"] - 1)] if legal["minimum"] is not None else []
    return values + ([str(legal["maximum"] + 1)] if legal["maximum"] is not None else [])


ILLEGAL = [
    (name, field.name, value)
    for name, fields in FIELDS.items()
    for field in fields.values()
    for value in illegal_values(field, typing.get_type_hints(COMMANDS[name].config)[field.name])
    if (name, field.name) not in LEGAL
]


def tree(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of unfit files, in which a command must change nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "damaged").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "latin").write_bytes("ä line\n".encode("latin-1") * 50)
    (tmp_path / "line").write_text("one line\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "one").mkdir()
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "one" / "1.png")
    np.savez(tmp_path / "one.npz", images=np.zeros((1, 64, 64, 3), np.uint8))
    return tmp_path


def assert_refused(name, flag, value, *, files, cache, capsys, main=None):
    """Runs a command that has to refuse a flag's value; other flags are those of the shortest run."""
    made, given = COMMANDS[name], {flag: value}
    fields = FIELDS[name]
    if "smoke" in fields:
        given.setdefault("smoke", "true")
    if "dataset" in fields and ("smoke" not in fields or flag == "data_dir"):
        given.setdefault("dataset", "mnist10k")
    for other, legal in (("workdir", files / "of" / "mine"), ("cache_dir", cache), ("compilation_cache", "false")):
        if other in fields:
            given.setdefault(other, legal)
    before = tree(files)
    with pytest.raises(SystemExit) as leaving:
        command.run(made._replace(main=main or made.main), arguments=[f"--{k}={v}" for k, v in given.items()])
    message = capsys.readouterr().err
    assert leaving.value.code == 2, message
    assert message.startswith("error: ") and message.count("\n") == 1, message
    assert flag in message or (value.partition(":")[2] or value) in message, message
    assert tree(files) == before


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("name", COMMANDS)
def test_illegal_values(files, cache, capsys, name):
    cases = [case for case in ILLEGAL if case[0] == name]
    assert {flag for _, flag, _ in cases} | {flag for other, flag in LEGAL if other == name} == {
        flag for flag, field in FIELDS[name].items() if not field.metadata["writes"]
    }
    for case in cases:
        assert_refused(*case, files=files, cache=cache, capsys=capsys)


@pytest.mark.parametrize("name", dict.fromkeys(name for name, *_ in OUTPUTS))
def test_outputs_are_checked_before_any_work(files, cache, capsys, name):
    def work(config):
        raise AssertionError("the command has begun its work")

    for _, flag, value in (case for case in OUTPUTS if case[0] == name):
        # The workdir of a job is checked by process 0, before the data are read.
        of_a_job = flag == "workdir" and "coordinator" in FIELDS[name]
        value = value.format(files)
        assert_refused(name, flag, value, files=files, cache=cache, capsys=capsys, main=None if of_a_job else work)


@pytest.mark.parametrize(("name", "dataset"), DATA)
def test_data_that_cannot_be_taken(files, cache, capsys, name, dataset):
    assert_refused(name, "dataset", dataset.format(files), files=files, cache=cache, capsys=capsys)


def test_two_files_in_one_place(files, capsys):
    arguments = ["--smoke", f"--json={files / 'new'}", f"--markdown={files / 'empty' / '..' / 'new'}"]
    with pytest.raises(SystemExit):
        command.run(COMMANDS["benchmark"], arguments=arguments)
    assert "--json and --markdown are both" in capsys.readouterr().err and not (files / "new").exists()
