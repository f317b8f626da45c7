"""How every command refuses flags: in one line, with exit code 2, before anything is written."""

import pytest

from experiments.harness import flags


def assert_refused(command, arguments, *, words, folder, capsys):
    """Runs a command that has to refuse its flags.

    Args:
      command: the module of an experiment.
      arguments: flags, beside ``--workdir``, which they may give again.
      words: every one of them has to be in the message.
      folder: the folder of the results, which must not come to be.
      capsys: pytest's.
    """
    with pytest.raises(SystemExit) as leaving:
        flags.run(
            command.main,
            command.Config,
            description="",
            smoke=command.SMOKE,
            presets=getattr(command, "PRESETS", None),
            arguments=[f"--workdir={folder}", *arguments],
        )
    message = capsys.readouterr().err
    assert leaving.value.code == 2, message
    assert message.startswith("error: ") and message.count("\n") == 1, message
    for word in words:
        assert word in message, f"{word!r} is not in {message!r}"
    assert not folder.exists(), f"{command.__name__} has written {sorted(folder.rglob('*'))}"


def flag_of(value):
    """The name of a case of ``(arguments, words)``: its first flag."""
    return value[0] if value and value[0].startswith("--") else ""
