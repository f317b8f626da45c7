"""Runs ``python -m experiments.estimators``."""

from experiments.estimators.command import COMMAND
from experiments.harness.cli import command

if __name__ == "__main__":
    command.run(COMMAND)
