"""Runs ``python -m experiments.benchmark``."""

from experiments.benchmark.command import COMMAND
from experiments.harness.cli import command

if __name__ == "__main__":
    command.run(COMMAND)
