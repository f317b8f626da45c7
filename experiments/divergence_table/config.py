"""The flags of the divergence table."""

from __future__ import annotations

from typing import Any

from bgan_jax.algorithms.settings import MOST_UPDATES
from bgan_jax.evaluation.fresh_critic import MEASURES, WASSERSTEIN
from bgan_jax.networks import NETWORKS
from experiments.divergence_table.generators import FORMS
from experiments.harness.cli import flags
from experiments.harness.cli.flags import flag
from experiments.harness.cli.lists import split_list
from experiments.harness.cli.needs import Need, above, lists, satisfies
from experiments.harness.cli.shared_flags import PresetFlag
from experiments.harness.runs.run_config import RunConfig
from experiments.harness.runs.run_flags import PenaltyStrideFlags, SampleFlags

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    # As much of the authors' settings as is known; days on two cores.
    "mnist_cortex": {
        "network": "mnist_cortex", "latent_categories": 0, "steps": 187_500, "batch_size": 64, "num_samples": 10,
        "disc_fakes_per_latent": 10, "control_variate": False, "penalty": 5.0, "penalty_stride": 1,
        "learning_rate_gen": 1e-3, "learning_rate_disc": 1e-3, "learning_rate_half_life": None, "adam_b1": 0.5,
        "average_decay": 0.0, "critic_network": None,
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


#: Critics that see more than the discriminators that the generators were trained with.
WIDER = {"dcgan28_tiny": "dcgan28_small"}
DIVERGENCES = tuple(name for name in MEASURES if name != WASSERSTEIN)
# The generators that boundary seeking trains.
SEEKING = satisfies("train", lambda text: bool(set(split_list(text)) & set(DIVERGENCES)), "a divergence in --train")
SEEKING_BUT_REVERSE_KL = satisfies(
    "train",
    lambda text: bool(set(split_list(text)) & (set(DIVERGENCES) - {"reverse_kl"})),
    "a divergence other than reverse_kl in --train",
)
OTHER_THAN_REVERSE_KL = satisfies(
    "train", lambda text: bool(set(split_list(text)) - {"reverse_kl"}), "something other than reverse_kl in --train"
)
MEASURES_A_DIVERGENCE = satisfies(
    "measure", lambda text: bool(set(split_list(text)) & set(DIVERGENCES)), "a divergence in --measure"
)


def _critics_are_penalised(config: Any) -> bool:
    by_divergence = MEASURES_A_DIVERGENCE.is_met(config) and config.critic_penalty > 0
    return by_divergence or (WASSERSTEIN in split_list(config.measure) and config.critic_wasserstein_penalty > 0)


CRITICS_ARE_PENALISED = Need(
    flags=("measure", "critic_penalty", "critic_wasserstein_penalty"),
    is_met=_critics_are_penalised,
    words="a penalty above 0 of the critics in --measure",
)


@flags.config(
    seeds=flags.override(may_change=True),
    steps=flags.override(20000, may_change=False),
    batch_size=32,
    learning_rate_gen=flags.override(6e-3, needs=[SEEKING]),
    learning_rate_disc=flags.override(3e-3, needs=[SEEKING_BUT_REVERSE_KL]),
    learning_rate_half_life=8000,
    adam_b1=0.0,
    adam_b2=flags.override(needs=[OTHER_THAN_REVERSE_KL]),
    disc_steps=flags.override(needs=[SEEKING]),
    num_samples=flags.override(4, needs=[SEEKING]),
    control_variate=flags.override(True, needs=[SEEKING]),
    disc_fakes_per_latent=flags.override(needs=[SEEKING]),
    penalty=flags.override(0.5, needs=[SEEKING]),
    penalty_stride=flags.override(4, needs=[SEEKING, above("penalty", 0)]),
    average_decay=0.998,
    network=flags.override("dcgan28_tiny", common=False),
    latent_categories=32,
    preset=flags.override(choices=tuple(PRESETS)),
)
class Config(PresetFlag, PenaltyStrideFlags, SampleFlags, RunConfig):
    """The flags of this experiment."""

    train: str = flag(
        "jensen_shannon,reverse_kl,wasserstein",
        "What trains the generators, separated by commas. Divergences are boundary seeking; wasserstein is WGAN-GP "
        "through the generator's probabilities.", group="table", common=True, legal=", ".join(MEASURES),
        may_change=True,
    )  # fmt: skip
    measure: str = flag(
        "jensen_shannon,reverse_kl,wasserstein", "What the fresh critics measure, separated by commas.", group="table",
        common=True, legal="as for --train", may_change=True,
    )  # fmt: skip
    forms: str = flag(
        "samples,probabilities", "What critics see of WGAN-GP's generator, separated by commas; of the others it is "
        "samples.", group="table", legal=", ".join(FORMS), may_change=True, needs=[lists("train", WASSERSTEIN)],
    )  # fmt: skip
    reverse_kl_learning_rate_disc: float = flag(
        1e-3, "Adam's step size for a reverse-KL discriminator; where it fails, F on data explodes early on.",
        group="discriminator", minimum=0.0, needs=[lists("train", "reverse_kl")],
    )  # fmt: skip
    reverse_kl_adam_b2: float = flag(
        0.9, "Adam's second decay for reverse KL: its first gradients are a hundred times the later ones, and a longer "
        "memory of them holds F still.", minimum=0.0, maximum=0.99999, needs=[lists("train", "reverse_kl")],
    )  # fmt: skip
    wasserstein_penalty: float = flag(
        10.0, "WGAN-GP's coefficient lambda.", group="discriminator", minimum=0.0, needs=[lists("train", WASSERSTEIN)]
    )
    wasserstein_disc_steps: int = flag(
        5, "WGAN-GP's critic updates per generator update.", group="discriminator", minimum=1,
        maximum=MOST_UPDATES, needs=[lists("train", WASSERSTEIN)],
    )  # fmt: skip
    wasserstein_learning_rate: float = flag(
        1e-3, "Adam's step size for both of WGAN-GP's players.", minimum=0.0, needs=[lists("train", WASSERSTEIN)]
    )
    critic_network: str | None = flag(
        None, "Preset whose discriminator the fresh critics are; empty: that of the generators, or its wider form "
        "dcgan28_small where they are dcgan28_tiny.", group="critics", choices=tuple(NETWORKS), may_change=True,
    )  # fmt: skip
    critic_steps: int = flag(3600, "Steps of a fresh critic.", group="critics", common=True, minimum=1, may_change=True)
    critic_batch_size: int = flag(
        64, "Rows of data, and generated rows, per step.", group="critics", minimum=1, may_change=True
    )
    critic_learning_rate: float = flag(
        1e-3, "Adam's first step size; falls to 0.", group="critics", minimum=0.0, may_change=True
    )
    critic_penalty: float = flag(
        0.5, "Fresh critics' gradient-norm penalty gamma, for every divergence.", group="critics", minimum=0.0,
        may_change=True, needs=[MEASURES_A_DIVERGENCE],
    )  # fmt: skip
    critic_wasserstein_penalty: float = flag(
        10.0, "Fresh Wasserstein critics' lambda.", group="critics", minimum=0.0, may_change=True,
        needs=[lists("measure", WASSERSTEIN)],
    )  # fmt: skip
    critic_penalty_stride: int = flag(
        4, "Fresh critics' penalty is taken on one pair in so many.", group="critics", minimum=1, may_change=True,
        needs=[CRITICS_ARE_PENALISED],
    )  # fmt: skip
    evaluation_batches: int = flag(12, "Batches that V is reported over.", group="critics", minimum=2, may_change=True)
    evaluation_rows: int = flag(
        5000, "Rows of data in one of them, at most; fewer where the data are fewer.", group="critics", common=True,
        minimum=1, may_change=True,
    )  # fmt: skip
