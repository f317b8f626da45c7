"""Runs ``python -m experiments.equal_time``."""

from experiments.equal_time.command import COMMAND
from experiments.harness.cli import command

if __name__ == "__main__":
    command.run(COMMAND)
