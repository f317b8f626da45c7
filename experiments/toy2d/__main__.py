"""Runs ``python -m experiments.toy2d``."""

from experiments.harness.cli import command
from experiments.toy2d.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
