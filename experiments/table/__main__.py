"""Runs ``python -m experiments.table``."""

from experiments.harness.cli import command
from experiments.table.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
