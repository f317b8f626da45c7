"""What stays the same from step to step where the generator emits discrete data."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from bgan_jax.algorithms.state import Pair
from bgan_jax.conditionals import Conditional
from bgan_jax.networks import Networks

Settings = TypeVar("Settings")


class Game(NamedTuple, Generic[Settings]):
    """Two players and the rules they play by; everything here is static.

    Attributes:
      networks: both players.
      conditional: the generator's conditional family.
      optimizers: one per player.
      settings: everything else, of the algorithm's own kind.
    """

    networks: Networks
    conditional: Conditional
    optimizers: Pair
    settings: Settings
