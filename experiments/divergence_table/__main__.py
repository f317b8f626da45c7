"""Runs ``python -m experiments.divergence_table``."""

from experiments.divergence_table.command import COMMAND
from experiments.harness.cli import command

if __name__ == "__main__":
    command.run(COMMAND)
