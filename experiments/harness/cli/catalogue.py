"""The experiments by name: every file, or folder with a ``command.py``, beside the harness is one command."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from experiments.harness.cli.command import Command

FOLDER = Path(__file__).parents[2]


def command_files() -> dict[str, Path]:
    """Returns the file of each command's flags and main function, by the command's name.

    Example:
      >>> files = command_files()
      >>> files["discrete_mnist"].name, files["stability"].name
      ('discrete_mnist.py', 'command.py')
    """
    files = {path.stem: path for path in FOLDER.glob("*.py") if path.stem != "__init__"}
    files |= {path.parent.name: path for path in FOLDER.glob("*/command.py")}
    return dict(sorted(files.items()))


def module_of(name: str) -> str:
    """Returns the module of a command's file, from :func:`command_files`.

    Example:
      >>> module_of("discrete_mnist"), module_of("stability")
      ('experiments.discrete_mnist', 'experiments.stability.command')
    """
    path = command_files()[name]
    return f"experiments.{name}.command" if path.name == "command.py" else f"experiments.{name}"


def load_command(name: str) -> Command:
    """Imports one experiment's command.

    Raises:
      ValueError: there is no such experiment; lists the legal names.
    """
    if name not in command_files():
        raise ValueError(f"unknown experiment {name!r}; legal: {', '.join(command_files())}")
    return import_module(module_of(name)).COMMAND
