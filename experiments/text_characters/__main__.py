"""Runs ``python -m experiments.text_characters``."""

from experiments.harness.cli import command
from experiments.text_characters.command import COMMAND

if __name__ == "__main__":
    command.run(COMMAND)
