"""The real discrete experiment without its judge, small: the job that tests of hosts and of crashes start and kill.

    python -m tests.job --workdir=FOLDER [--descent] [any flag of the experiment]
"""

import sys

import optax

from bgan_jax.training.state import Pair
from experiments import discrete_run, flags

# Compiles in a second or two.
SMALL = ("--network=mlp", "--batch_size=16", "--num_samples=3", "--picture_every=0", "--report_every=5")


def momentum() -> Pair:
    """Gradient descent with momentum: Adam magnifies the rounding of its first steps."""
    return Pair(gen=optax.sgd(1e-2, momentum=0.9), disc=optax.sgd(1e-2, momentum=0.9))


def main(config: discrete_run.DiscreteConfig, *, descent: bool) -> None:
    experiment, folder = discrete_run.start(config)
    if descent:
        experiment = experiment._replace(game=experiment.game._replace(optimizers=momentum()))
    discrete_run.run(experiment, folder)


if __name__ == "__main__":
    descent = "--descent" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--descent"]
    flags.run(
        lambda config: main(config, descent=descent),
        discrete_run.DiscreteConfig,
        description=__doc__ or "",
        arguments=[*SMALL, *arguments],
    )
