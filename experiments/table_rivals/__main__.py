"""Runs ``python -m experiments.table_rivals``."""

from experiments.harness.cli import command
from experiments.table_rivals.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
