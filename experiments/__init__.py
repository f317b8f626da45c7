"""Experiments, one command each: ``python -m experiments.NAME --help``, or ``--helpfull``.

``from experiments import load_sampler`` is the public way to a trained run::

    sample, spec, step = load_sampler("runs/mnist")
    x = sample(jax.random.key(0), 100).x
"""

from __future__ import annotations

from typing import Any

from experiments.harness.cli.early_interrupt import end_quietly

__all__ = ["load_sampler"]

end_quietly()


def __getattr__(name: str) -> Any:
    # Imported on first use: most commands do not load a trained run, and importing the package should cost nothing.
    if name == "load_sampler":
        from experiments.harness.runs.trained_run import load_sampler

        return load_sampler
    raise AttributeError(f"module 'experiments' has no attribute {name!r}")
