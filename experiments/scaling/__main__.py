"""Runs ``python -m experiments.scaling``."""

from experiments.harness.cli import command
from experiments.scaling.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
