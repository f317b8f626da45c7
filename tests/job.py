"""A small job of the discrete experiment without its classifier, which tests of hosts and crashes start and kill.

python -m tests.job --workdir=FOLDER [any flag of the experiment, or of the faults below]
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from bgan_jax.runtime import parallel
from bgan_jax.runtime.process import signals
from experiments.harness.cli import command
from experiments.harness.cli.command import Command
from experiments.harness.cli.flags import flag
from experiments.harness.runs import discrete
from experiments.harness.runs.run import run
from experiments.harness.runs.start import start

# Compiles in a second or two.
SMALL = ("--network=mlp", "--batch_size=16", "--num_samples=3", "--picture_every=0", "--report_every=5")


@dataclasses.dataclass(frozen=True)
class Config(discrete.DiscreteConfig):
    """The experiment's flags, and the faults to inject."""

    pause: float = flag(0.0, "Seconds to sleep after every step.", may_change=True)
    fail_at: int | None = flag(None, "Step after which a process raises.", may_change=True)
    fail_in: int = flag(0, "The process that raises.", may_change=True)
    poison_at: int | None = flag(None, "Call of the step that is given a parameter that is not a number, once.")


def with_faults(finishing_steps: Callable[[], Any], config: Config) -> Callable[[], Any]:
    """``signals.finishing_steps`` whose function also pauses and fails, as the flags say."""

    @contextlib.contextmanager
    def finishing_steps_with_faults() -> Iterator[Callable[[int], str]]:
        with finishing_steps() as received:

            def should_stop(step: int) -> str:
                time.sleep(config.pause)
                if step == config.fail_at and jax.process_index() == config.fail_in:
                    raise RuntimeError(f"injected after step {step}")
                return received(step)

            yield should_stop

    return finishing_steps_with_faults


def poisoned(on_devices: Callable[..., Any], *, call: int) -> Callable[..., Any]:
    """``parallel.on_devices`` whose function gets a NaN parameter at its ``call``-th call, once."""
    calls = 0

    def on_devices_with_poison(*arguments: Any, **settings: Any) -> Any:
        function = on_devices(*arguments, **settings)

        def advance(state: Any, *rest: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == call:
                disc = jax.tree.map(lambda leaf: leaf * jnp.nan, state.params.disc)
                state = state.replace(params=state.params._replace(disc=disc))
            return function(state, *rest)

        return advance

    return on_devices_with_poison


def main(config: Config) -> None:
    experiment, folder = start(config, discrete.prepare)
    if config.poison_at is not None:
        parallel.on_devices = poisoned(parallel.on_devices, call=config.poison_at)
    signals.finishing_steps = with_faults(signals.finishing_steps, config)
    outcome = run(experiment, folder)
    logging.getLogger("bgan_jax").info("the job ended at step %d", outcome.step)


if __name__ == "__main__":
    import sys

    command.run(Command(main, Config, __doc__), arguments=[*SMALL, *sys.argv[1:]])
