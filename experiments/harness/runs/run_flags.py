"""The flags of training runs, a class for each subject, so that a config takes only those that act in it.

:class:`experiments.harness.runs.run_config.RunConfig` has all of them; a command that is not one run of training, such
as a sweep, names those classes among its base classes whose flags it uses.
"""

from __future__ import annotations

from bgan_jax.algorithms.settings import MOST_UPDATES
from bgan_jax.data.catalogue import CATALOGUE, EMBEDDED, OWN
from bgan_jax.data.characters import LONG_LINES, SHORT_LINES
from bgan_jax.data.readers.delimited import HEADERS
from bgan_jax.data.value_range import VALUE_RANGES
from bgan_jax.losses import DIVERGENCES, GENERATOR_OBJECTIVES, PENALTIES
from bgan_jax.networks import NETWORKS
from bgan_jax.runtime import hosts
from bgan_jax.runtime.parallel import AUTO, LAUNCHERS
from experiments.harness.cli import flags
from experiments.harness.cli.flags import flag
from experiments.harness.cli.needs import above, either, given, none_of, one_of, satisfies

PREPARED = satisfies(
    "dataset",
    lambda name: name.partition(":")[0] not in (*EMBEDDED, *OWN),
    "a --dataset that tensorflow-datasets prepares",
)
IN_A_PALETTE = either(
    one_of("dataset", *(name for name, entry in CATALOGUE.items() if "quantizer" in entry.options and name not in OWN)),
    given("palette"),
)
OF_TEXT = satisfies("dataset", lambda name: name.startswith("text:"), "--dataset=text:FILE")
OF_LINES = either(OF_TEXT, one_of("dataset", "austen32"))
OF_TABLES = satisfies("dataset", lambda name: name.startswith("csv:"), "--dataset=csv:FILE")
OF_ARRAYS = satisfies("dataset", lambda name: name.startswith("npz:"), "--dataset=npz:FILE")
# What trains F by a divergence; the other objectives have a discriminator loss of their own.
BY_A_DIVERGENCE = tuple(name for name, objective in GENERATOR_OBJECTIVES.items() if objective.uses_divergence)
TRAINED_BY_A_DIVERGENCE = none_of("objective", *(name for name in GENERATOR_OBJECTIVES if name not in BY_A_DIVERGENCE))


@flags.config()
class DataFolders:
    """Where data sets lie."""

    data_dir: str | None = flag(
        None, "Folder of data sets that tensorflow-datasets has prepared; by default its own.", group="data",
        may_change=True,
    )  # fmt: skip
    cache_dir: str | None = flag(
        None, "Folder of packed data sets; by default bgan_jax in the user's cache folder.", group="data",
        may_change=True, writes="folder",
    )  # fmt: skip


@flags.config(data_dir=flags.override(needs=[PREPARED]))
class DataFlags(DataFolders):
    """The data set."""

    dataset: str = flag(
        "mnist10k",
        "The data set.",
        group="data",
        common=True,
        legal="a name, npz:PATH, images:PATH or text:PATH",
    )
    download: bool = flag(False, "Allow downloading the data set.", group="data", may_change=True, needs=[PREPARED])


@flags.config()
class ImageFlags(DataFlags):
    """How the user's own images are read, whatever they are used for."""

    resolution: int | None = flag(
        None, "Height and width of images, in pixels, where the data set lets one choose.", group="data", minimum=1
    )
    value_range: str | None = flag(
        None, "Values of black and white in npz:FILE; empty is 0 and 255 of uint8. Grey images of these two values "
        "alone are bits.", group="data", choices=VALUE_RANGES, needs=[OF_ARRAYS],
    )  # fmt: skip


@flags.config()
class DatasetOptions(ImageFlags):
    """Choices that some data sets offer; they refuse those that they do not."""

    palette: int | None = flag(None, "Number of colours to reduce RGB images to.", group="data", minimum=2, maximum=256)
    quantizer: str | None = flag(
        None, "How the palette is chosen; median_cut is the paper's.", group="data", choices=("kmeans", "median_cut"),
        needs=[IN_A_PALETTE],
    )  # fmt: skip
    dither: str | None = flag(
        None, "How images are drawn in the palette; floyd_steinberg is the paper's.", group="data",
        choices=("none", "floyd_steinberg"), needs=[IN_A_PALETTE],
    )  # fmt: skip
    binarization: str | None = flag(
        None, "How grey images become bits; stochastic draws them again every time, on the device.", group="data",
        choices=("threshold", "stochastic", "none"),
    )  # fmt: skip
    length: int | None = flag(None, "Symbols of a text example.", group="data", minimum=1)
    short_lines: str | None = flag(
        None, "What happens to lines, and rests of lines, of fewer symbols than an example; empty is drop.",
        group="data", choices=SHORT_LINES, needs=[OF_LINES],
    )  # fmt: skip
    long_lines: str | None = flag(
        None, "What happens to lines of more symbols: split makes consecutive examples of them, cut keeps the first "
        "symbols; empty is split for text:FILE.", group="data", choices=LONG_LINES, needs=[OF_LINES],
    )  # fmt: skip
    text_field: str | None = flag(
        None, "Of text:FILE whose lines are JSON objects, the field that is the text.", group="data",
        legal="a field's name", needs=[OF_TEXT],
    )  # fmt: skip
    columns: str | None = flag(
        None, "Kinds of columns of csv:FILE, as in age:number,zip:category; drop leaves a column out. Empty: all are "
        "inferred, and the log shows them.", group="data", legal="NAME:KIND,... of category, number, date or drop",
        needs=[OF_TABLES],
    )  # fmt: skip
    header: str | None = flag(
        None, "Whether the first row of csv:FILE has the names of the columns; empty: it has, and one that looks like "
        "data is refused.", group="data", choices=HEADERS, needs=[OF_TABLES],
    )  # fmt: skip
    max_categories: int | None = flag(
        None, "Categories of a column of csv:FILE; rarer values become one, other. Empty: 64.", group="data", minimum=2,
        maximum=65_000, needs=[OF_TABLES],
    )  # fmt: skip
    bins: int | None = flag(
        None, "Bins of a column of numbers of csv:FILE; numbers of no more different values are categories. Empty: 32.",
        group="data", minimum=2, maximum=65_000, needs=[OF_TABLES],
    )  # fmt: skip


@flags.config()
class SeedFlag:
    """The seed of everything random."""

    seed: int = flag(0, "Seed of everything random.", common=True, minimum=0, maximum=2**32 - 1)


@flags.config()
class SeedFlags(SeedFlag):
    """The seeds of several runs."""

    seeds: int = flag(1, "Number of runs, with --seed and the seeds after it.", common=True, minimum=1, maximum=1000)


@flags.config()
class LengthFlags:
    """How much is trained on."""

    steps: int = flag(1000, "Training steps at the end of the run.", common=True, minimum=1, may_change=True)
    batch_size: int = flag(
        64, "Examples, and latents, per step over all devices of all hosts (N).", common=True, minimum=1
    )


@flags.config()
class NetworkFlags:
    """The players' networks."""

    network: str = flag(
        "dcgan28_small", "Preset of generator and discriminator.", group="networks", common=True,
        choices=tuple(NETWORKS),
    )  # fmt: skip
    width: int | None = flag(
        None, "Base number of maps, channels or units; empty is the preset's.", group="networks", minimum=1
    )


@flags.config()
class PrecisionFlags:
    """In what precision the networks are computed."""

    compute_dtype: str = flag(
        "float32", "Type of the hidden computation; logits, losses, sums and parameters are float32.", group="networks",
        choices=("float32", "bfloat16"),
    )  # fmt: skip
    matmul_precision: str = flag(
        "default", "Precision of float32 products and convolutions. By default a TPU rounds their factors to bfloat16; "
        "high takes three passes there, and highest six. The same on CPU.", group="networks",
        choices=("default", "high", "highest"),
    )  # fmt: skip


@flags.config()
class StepSizeFlags:
    """The players' step sizes."""

    learning_rate_gen: float = flag(
        1e-3, "Adam's step size for the generator.", group="generator", common=True, minimum=0.0, adjustable=True
    )
    learning_rate_disc: float = flag(
        1e-3,
        "Adam's step size for the discriminator.",
        group="discriminator",
        common=True,
        minimum=0.0,
        adjustable=True,
    )


@flags.config()
class AdamFlags(StepSizeFlags):
    """Adam, for both players."""

    adam_b1: float = flag(0.5, "Adam's decay of the first moment.", minimum=0.0, maximum=0.99999, adjustable=True)


@flags.config()
class UpdateFlags:
    """How often each player is updated."""

    disc_steps: int = flag(1, "Discriminator updates per step.", group="discriminator", minimum=1, maximum=MOST_UPDATES)
    gen_steps: int = flag(1, "Generator updates per step.", group="generator", minimum=1, maximum=MOST_UPDATES)


@flags.config()
class PenaltyFlag:
    """Whether the discriminator's input gradient is penalised."""

    penalty: float = flag(
        1.0, "Coefficient gamma of the gradient penalty; 0 switches it off.",
        group="discriminator", common=True, minimum=0.0, adjustable=True,
    )  # fmt: skip


@flags.config()
class PenaltyStrideFlags(PenaltyFlag):
    """How many examples the penalty takes."""

    penalty_stride: int = flag(
        1, "The penalty is taken on one example in so many; divides each device's share of the batch.",
        group="discriminator", minimum=1, needs=[above("penalty", 0)], adjustable=True,
    )  # fmt: skip


@flags.config()
class ObjectiveFlags(PenaltyFlag):
    """What the two players minimise."""

    objective: str = flag(
        "boundary_seeking",
        "What the generator minimises.",
        group="generator",
        common=True,
        choices=tuple(GENERATOR_OBJECTIVES),
    )
    divergence: str = flag(
        "gan", "Divergence whose bound trains the discriminator.", group="discriminator", common=True,
        choices=tuple(DIVERGENCES), needs=[TRAINED_BY_A_DIVERGENCE],
    )  # fmt: skip
    penalty_form: str = flag(
        "gradient_norm", "The penalty: squared gradient norms, weighted as derived for the divergence (gradient_norm), "
        "as they are (unweighted) or of the data alone (r1); or WGAN-GP's.", group="discriminator",
        choices=tuple(PENALTIES), needs=[above("penalty", 0)], adjustable=True,
    )  # fmt: skip
    penalty_half_life: float | None = flag(
        None, "Steps in which the penalty's coefficient halves; empty keeps it constant.", group="discriminator",
        legal="above 0", minimum=0.0, needs=[above("penalty", 0)], adjustable=True,
    )  # fmt: skip
    clip: float = flag(
        0.0, "The discriminator's parameters stay within plus or minus this; 0: no limit.", group="discriminator",
        minimum=0.0, adjustable=True,
    )  # fmt: skip


@flags.config()
class SampleFlags:
    """The samples of each latent."""

    num_samples: int = flag(
        10,
        "Samples per latent (M); at least 2, since one alone carries no signal.",
        group="generator",
        common=True,
        adjustable=True,
    )
    disc_fakes_per_latent: int = flag(
        1, "How many of the M samples the discriminator learns from, 1 to M; M is the paper's form.",
        group="discriminator", adjustable=True,
    )  # fmt: skip
    control_variate: bool = flag(
        False, "Subtract the linear part of F from the weights or rewards, and add its exact contribution: the same "
        "expected gradient with less variance, for one more pass over N points.", group="generator",
    )  # fmt: skip


@flags.config()
class CompilationFlags:
    """What is kept of compilations."""

    compilation_cache: bool = flag(
        True, "Keep compiled programs in the user's cache folder, for a fast start next time.", group="devices",
        may_change=True,
    )  # fmt: skip


@flags.config()
class HostFlags:
    """The hosts of a job."""

    coordinator: str | None = flag(None, "host:port of process 0, for several hosts.", group="devices", may_change=True)
    num_processes: int | None = flag(
        None, "Number of processes of the job.", group="devices", minimum=1, may_change=True
    )
    process_id: int | None = flag(None, "Number of this process, from 0.", group="devices", minimum=0, may_change=True)
    heartbeat_seconds: int = flag(
        hosts.HEARTBEAT_SECONDS, "How long a host may be silent before the job ends.", group="devices", minimum=5,
        may_change=True,
    )  # fmt: skip


@flags.config()
class LauncherFlags(CompilationFlags):
    """How a step runs on several devices."""

    parallel: str = flag(
        AUTO,
        "How the step is spread over the devices; auto is pmap on one host and shard_map on several; the numbers "
        "are the same.",
        group="devices",
        choices=(AUTO, *LAUNCHERS),
        may_change=True,
    )
