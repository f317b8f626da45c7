"""Runs ``python -m experiments.high_resolution``."""

from experiments.harness.cli import command
from experiments.high_resolution.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
