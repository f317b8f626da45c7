"""Runs ``python -m experiments.adversarial_classification``."""

from experiments.adversarial_classification.command import COMMAND
from experiments.harness.cli import command

if __name__ == "__main__":
    command.run(COMMAND)
