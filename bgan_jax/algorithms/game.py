"""What stays the same from step to step: networks, conditional, optimisers, settings."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

from bgan_jax.algorithms.microbatches import Microbatches
from bgan_jax.algorithms.state import Pair
from bgan_jax.conditionals import Conditional

Settings = TypeVar("Settings", covariant=True)


class Game(NamedTuple, Generic[Settings]):
    """Two players and everything static about how they are trained.

    Attributes:
      networks: both players: ``Networks``, or ``ClassifierNetworks`` for adversarial classification.
      optimizers: a ``optax.GradientTransformation`` for each player.
      settings: the algorithm's own settings.
      conditional: the generator's conditional family; ``None`` for continuous data.
      microbatches: how many points pass through the discriminator at a time, as suits the platform.
      flat_mean: whether gradients are joined into one vector before they are averaged over the devices; false where the
        compiler joins the all-reduces of their leaves itself, as for a TPU.
    """

    networks: Any
    optimizers: Pair
    settings: Settings
    conditional: Conditional = None  # type: ignore[assignment]  # Steps of discrete data read it, and are given one.
    microbatches: Microbatches = Microbatches()
    flat_mean: bool = True
