"""Runs ``python -m experiments.table_comparison``."""

from experiments.harness.cli import command
from experiments.table_comparison.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
