"""The flags of the divergence table."""

from __future__ import annotations

import dataclasses
from typing import Any

from bgan_jax.evaluation.fresh_critic import MEASURES
from bgan_jax.networks import NETWORKS
from experiments.divergence_table.generators import FORMS
from experiments.harness.cli.flags import flag
from experiments.harness.runs.run_config import RunConfig

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # As much of the authors' settings as is known; days on two cores.
    "mnist_cortex": {
        "network": "mnist_cortex", "steps": 187_500, "num_samples": 10, "disc_fakes_per_latent": 10, "penalty": 5.0,
        "penalty_stride": 1, "learning_rate_gen": 1e-3, "learning_rate_disc": 1e-3, "average_decay": 0.0,
        "reverse_kl_learning_rate_disc": 1e-3, "reverse_kl_adam_b2": 0.999,
        "wasserstein_penalty": 5.0, "wasserstein_disc_steps": 1, "critic_steps": 9375, "critic_penalty": 5.0,
        "critic_penalty_stride": 1,
    },
}  # fmt: skip

SMOKE = {
    "steps": 2, "batch_size": 16, "num_samples": 2, "penalty_stride": 2, "wasserstein_disc_steps": 1,
    "report_every": 2, "checkpoint_every": 2, "picture_every": 0, "critic_steps": 4, "critic_batch_size": 16,
    "critic_penalty_stride": 2, "evaluation_batches": 2, "evaluation_rows": 50,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Config(RunConfig):
    """The flags of this experiment."""

    train: str = flag(
        "jensen_shannon,reverse_kl,wasserstein",
        f"What trains the generators, of: {', '.join(MEASURES)}. Divergences are boundary seeking; wasserstein is "
        "WGAN-GP through the generator's probabilities.", may_change=True,
    )  # fmt: skip
    measure: str = flag(
        "jensen_shannon,reverse_kl,wasserstein", "What the fresh critics measure, of the same.", may_change=True
    )
    forms: str = flag(
        "samples,probabilities",
        f"What critics see of WGAN-GP's generator, of: {', '.join(FORMS)}; of the others it is samples.",
        may_change=True,
    )
    seeds: int = flag(
        1, "Number of seeds, --seed and those after it, of every kind of generator.", minimum=1, may_change=True
    )
    steps: int = flag(800, "Generator updates.", minimum=1)
    num_samples: int = flag(10, "Samples per latent (M); at least 2, since one alone carries no signal.")
    disc_fakes_per_latent: int = flag(1, "How many of the M samples the discriminator learns from, 1 to M.")
    learning_rate_gen: float = flag(2e-3, "Adam's step size for the generator.", minimum=0.0)
    learning_rate_disc: float = flag(2e-3, "Adam's step size for the discriminator.", minimum=0.0)
    penalty: float = flag(0.5, "Gradient-norm penalty's coefficient gamma; 0 switches it off.", minimum=0.0)
    penalty_stride: int = flag(4, "Generators' penalties are taken on one example in so many.", minimum=1)
    average_decay: float = flag(
        0.995, "Decay per update of the generator's moving average, which is what is frozen.", minimum=0.0, maximum=1.0
    )
    reverse_kl_learning_rate_disc: float = flag(
        1e-3, "Adam's step size for a reverse-KL discriminator; where it fails, F on data explodes early on.",
        minimum=0.0,
    )  # fmt: skip
    reverse_kl_adam_b2: float = flag(
        0.9, "Adam's second decay for reverse KL: its first gradients are a hundred times the later ones, and a longer "
        "memory of them holds F still.", minimum=0.0, maximum=0.99999,
    )  # fmt: skip
    wasserstein_penalty: float = flag(10.0, "WGAN-GP's coefficient lambda.", minimum=0.0)
    wasserstein_disc_steps: int = flag(5, "WGAN-GP's critic updates per generator update.", minimum=1)
    wasserstein_learning_rate: float = flag(1e-3, "Adam's step size for both of WGAN-GP's players.", minimum=0.0)
    critic_network: str | None = flag(
        None, "Preset whose discriminator the fresh critics are; empty: that of the generators.",
        choices=tuple(NETWORKS), may_change=True,
    )  # fmt: skip
    critic_steps: int = flag(400, "Steps of a fresh critic.", minimum=1, may_change=True)
    critic_batch_size: int = flag(64, "Rows of data, and generated rows, per step.", minimum=1, may_change=True)
    critic_learning_rate: float = flag(1e-3, "Adam's first step size; falls to 0.", minimum=0.0, may_change=True)
    critic_penalty: float = flag(
        0.5, "Fresh critics' gradient-norm penalty gamma, for every divergence.", minimum=0.0, may_change=True
    )
    critic_wasserstein_penalty: float = flag(10.0, "Fresh Wasserstein critics' lambda.", minimum=0.0, may_change=True)
    critic_penalty_stride: int = flag(
        4, "Fresh critics' penalty is taken on one pair in so many.", minimum=1, may_change=True
    )
    evaluation_batches: int = flag(12, "Batches that V is reported over.", minimum=2, may_change=True)
    evaluation_rows: int = flag(
        5000, "Rows of data in one of them, at most; fewer where the data are fewer.", minimum=1, may_change=True
    )
    preset: str = flag(
        "default", "Named settings; single flags override them.", choices=tuple(PRESETS), may_change=True
    )
