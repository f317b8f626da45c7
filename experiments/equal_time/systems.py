"""The ways to train that are compared: what each changes in the flags of ``experiments.binary_images``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class System(NamedTuple):
    """One way to train.

    Attributes:
      label: in figures and tables.
      changes: flags of ``experiments.binary_images`` and their values.
    """

    label: str
    changes: Mapping[str, Any]


# Relaxed samples have the penalty at every example, not at every fourth with four times the weight: the same mean.
RELAXED = {"control_variate": False}

#: Every system by the name that ``--systems`` takes. All have the networks, batch and step sizes of the command.
SYSTEMS: dict[str, System] = {
    "boundary_seeking": System("boundary seeking", {"control_variate": False}),
    "boundary_seeking_controlled": System("boundary seeking, control variate", {"control_variate": True}),
    "reinforce": System("REINFORCE, leave-one-out", {"estimator": "reinforce", "control_variate": False}),
    "reinforce_controlled": System("REINFORCE, control variate", {"estimator": "reinforce", "control_variate": True}),
    "gumbel_straight_through": System(
        "Gumbel straight-through", {**RELAXED, "estimator": "gumbel_straight_through", "divergence": "gan"}
    ),
    "relaxed": System("relaxed, non-saturating", {**RELAXED, "estimator": "probabilities", "divergence": "gan"}),
    "relaxed_wgan_gp": System(
        "relaxed, WGAN-GP",
        {**RELAXED, "estimator": "probabilities", "objective": "wasserstein", "penalty_form": "wgan_gp",
         "penalty": 10.0, "disc_steps": 5},
    ),
}  # fmt: skip
