"""The settings that several algorithms share, each with its meaning and its check once."""

from __future__ import annotations

import dataclasses

from bgan_jax import losses

#: Updates of one player in a step: each is a part of the compiled program, and takes a second or more to compile.
MOST_UPDATES = 100


@dataclasses.dataclass(frozen=True)
class DiscriminatorSettings:
    r"""How the discriminator is trained; everything here is static and shapes the compiled program.

    Attributes:
      divergence: name of the divergence that trains the discriminator, or an ``FDivergence``.
      penalty: the coefficient gamma of the penalty on the discriminator's input gradient; 0 switches it off.
      penalty_form: which penalty, a key of ``losses.PENALTIES``.
      penalty_stride: the penalty is taken on one example in so many, data and fake: an unbiased estimate, at a fraction
        of the cost of differentiating twice. Divides each device's share of the batch.
      penalty_half_life: steps in which the coefficient halves, :math:`\gamma_t = \gamma_0 2^{-t/H}`; ``None`` keeps
        it constant. A half-life, not a schedule over the run's length, so that a run may be continued for longer. The
        schedule of Roth et al., :math:`2 \cdot 0.01^{t/T}`, has the half-life 0.15 T.
      disc_steps: discriminator updates per step, each on fresh data and samples; at most :data:`MOST_UPDATES`.
    """

    divergence: str | losses.FDivergence = "jensen_shannon"
    penalty: float = 1.0
    penalty_form: str = "gradient_norm"
    penalty_stride: int = 1
    penalty_half_life: float | None = None
    disc_steps: int = 1

    def __post_init__(self) -> None:
        """Checks every value.

        Raises:
          ValueError: a value is out of its range; the message names it, and what is legal.
        """
        losses.as_divergence(self.divergence)
        if self.penalty_form not in losses.PENALTIES:
            raise ValueError(f"unknown penalty_form {self.penalty_form!r}; legal: {', '.join(losses.PENALTIES)}")
        if not self.penalty >= 0.0:
            raise ValueError(f"penalty is {self.penalty}; it must not be negative; 0 switches it off")
        if self.penalty_half_life is not None and not self.penalty_half_life > 0.0:
            raise ValueError(
                f"penalty_half_life is {self.penalty_half_life}; it must be a positive number of steps, or None for a "
                "constant"
            )
        check_at_least_one(penalty_stride=self.penalty_stride)
        check_updates(disc_steps=self.disc_steps)


@dataclasses.dataclass(frozen=True)
class GameSettings(DiscriminatorSettings):
    """How both players of a game over latents are trained; everything here is static.

    Attributes:
      gen_steps: generator updates per step, all but the first on fresh samples; at most :data:`MOST_UPDATES`.
      average_decay: decay per update of the generator's moving average.
      log_partition_decay: decay per generator update of the log-partition's moving average.
    """

    gen_steps: int = 1
    average_decay: float = 0.99
    log_partition_decay: float = 0.995

    def __post_init__(self) -> None:
        """Checks every value; see the base class."""
        super().__post_init__()
        check_updates(gen_steps=self.gen_steps)


def check_at_least_one(**counts: int) -> None:
    """Raises ``ValueError`` for a count below 1, by its name.

    Example:
      >>> check_at_least_one(disc_steps=2)
    """
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name} is {count}; it must be at least 1")


def check_updates(**counts: int) -> None:
    """Raises ``ValueError`` for a number of updates per step below 1 or above :data:`MOST_UPDATES`, by its name.

    Example:
      >>> check_updates(disc_steps=5)
    """
    check_at_least_one(**counts)
    for name, count in counts.items():
        if count > MOST_UPDATES:
            raise ValueError(
                f"{name} is {count}; it must be at most {MOST_UPDATES}, since a compiled step contains every update; "
                "take more steps instead"
            )
