"""Runs ``python -m experiments.palette_images``."""

from experiments.harness.cli import command
from experiments.palette_images.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
