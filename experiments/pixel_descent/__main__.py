"""Runs ``python -m experiments.pixel_descent``."""

from experiments.harness.cli import command
from experiments.pixel_descent.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
