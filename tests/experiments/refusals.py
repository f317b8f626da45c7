"""How every command refuses flags: in one line, with exit code 2, before anything is written."""

import pytest

from experiments.harness.cli.command import run


def assert_refused(command, arguments, *, words, folder, capsys):
    """Runs a command that has to refuse its flags.

    Args:
      command: the module of an experiment.
      arguments: flags, beside ``--workdir``, which they may give again.
      words: every one of them has to be in the message.
      folder: the folder of the results, which must stay what it is: not there, or what another run has left.
      capsys: pytest's.
    """
    existed, before = folder.exists(), contents(folder)
    with pytest.raises(SystemExit) as leaving:
        run(command.COMMAND, arguments=[f"--workdir={folder}", *arguments])
    message = capsys.readouterr().err
    assert leaving.value.code == 2, message
    assert message.startswith("error: ") and message.count("\n") == 1, message
    for word in words:
        assert word in message, f"{word!r} is not in {message!r}"
    assert folder.exists() == existed and contents(folder) == before, f"{command.__name__} has written to {folder}"


def contents(folder):
    """Every file in a folder and the folders within."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flag_of(value):
    """The name of a case of ``(arguments, words)``: its first flag."""
    return value[0] if value and value[0].startswith("--") else ""
