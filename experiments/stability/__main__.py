"""Runs ``python -m experiments.stability``."""

from experiments.harness.cli import command
from experiments.stability.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
