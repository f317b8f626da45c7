"""Estimates the cost of a run from its counted operations, before anything is trained."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

# What one accelerator sustains in a training loop of convolutions, in operations per second: an assumption, about an
# eighth of the bfloat16 peak that its maker states of an A100.
ASSUMED_RATE = 4e13


class Cost(NamedTuple):
    """The arithmetic of a run.

    Attributes:
      step_flops: floating-point operations of one step, as the compiler counts them.
      steps: of the run.
    """

    step_flops: float
    steps: int

    @property
    def hours(self) -> float:
        """Returns the hours at :data:`ASSUMED_RATE`, which is an estimate and not a measurement."""
        return self.step_flops * self.steps / ASSUMED_RATE / 3600

    def in_words(self) -> str:
        """Describes the cost in one line, for the log."""
        return (
            f"counted: {self.step_flops / 1e9:.3g} GFLOP a step, {self.step_flops * self.steps / 1e18:.3g} EFLOP in "
            f"{self.steps} steps; an estimate of {self.hours:.2g} hours at a sustained {ASSUMED_RATE / 1e12:.0f} "
            "TFLOP/s"
        )

    def as_json(self) -> dict[str, Any]:
        """Returns the cost as JSON values, for the result."""
        return {
            "step_gigaflops": round(self.step_flops / 1e9, 2), "total_exaflops": self.step_flops * self.steps / 1e18,
            "estimated_hours": round(self.hours, 3), "assumed_teraflops_per_second": ASSUMED_RATE / 1e12,
        }  # fmt: skip


def cost_of(
    step: Any, initialize: Any, *, shape: tuple[int, ...], batch_size: int, disc_steps: int, steps: int
) -> Cost:
    """Counts the operations of one step by lowering it; nothing is compiled or computed.

    Args:
      step: ``(state, real, example_index) -> (state, metrics)``, of one device that takes the whole batch.
      initialize: ``key -> state``.
      shape: of one example.
      batch_size: examples per update.
      disc_steps: discriminator updates per step.
      steps: of the run.

    Returns:
      The cost.
    """
    arguments = (
        jax.eval_shape(initialize, jax.random.key(0)),
        jax.ShapeDtypeStruct((disc_steps, batch_size, *shape), jnp.float32),
        jax.ShapeDtypeStruct((batch_size,), jnp.int32),
    )
    counted = jax.jit(step).lower(*arguments).cost_analysis()
    return Cost(step_flops=float((counted or {}).get("flops", float("nan"))), steps=steps)
