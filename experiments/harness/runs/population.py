"""Several seeds of one run, trained by one compiled program (``--seeds``).

Seed i of such a run is the run that ``--seed=i`` alone would be: its data come in its own order, its randomness is its
own, nothing is shared but the program. States lie stacked, seed by seed, in the run's one checkpoint; what is written
for people, and the final numbers, lie in a folder for every seed, ``seed_3`` in that of the run, which is laid out like
the folder of a run of one seed.

On CPU the seeds' steps stand one after another in the program. Four seeds of ``discrete_mnist`` took 3.7 to 4.5 times
the time of one seed's step so, and 4.1 to 5.1 times by ``lax.map``, whose program compiles in half the time, 7 seconds
for 15; by ``vmap`` two took 4 times, for convolutions whose weights differ by example become grouped ones. On an
accelerator the seeds go side by side, by ``vmap``; that has not been timed.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.runtime import health, workdir
from bgan_jax.runtime.compiled_step import Load, Totals, make_advance
from bgan_jax.runtime.metrics import Lines, Report, open_metrics
from bgan_jax.algorithms.state import TrainState
from experiments.harness.cli.errors import UsageError
from experiments.harness.metrics.mean_and_sd import combine_seeds, means
from experiments.harness.reports.tables import result_table

if TYPE_CHECKING:
    from experiments.harness.runs.run import Experiment, Outcome
    from experiments.harness.runs.run_config import RunConfig

logger = logging.getLogger("bgan_jax")

_OF_SEED = " of seed "


class Member(NamedTuple):
    """One seed of a run.

    Attributes:
      experiment: with the seed's own config, as if it ran alone.
      folder: where its pictures, measurements and results go.
      place: of its arrays in the stack; ``None`` in a run of one seed, which stacks nothing.
    """

    experiment: Experiment
    folder: Path
    place: int | None

    @property
    def name(self) -> str:
        """What its lines in the log begin with; empty in a run of one seed."""
        return "" if self.place is None else f"seed {self.experiment.config.seed}"

    def of(self, tree: Any) -> Any:
        """Its part of a tree that belongs to all seeds."""
        return tree if self.place is None else take(tree, self.place)


def take(tree: Any, place: int) -> Any:
    """One seed's part of a stacked tree."""
    return jax.tree.map(lambda leaf: leaf[place], tree)


def stack(trees: Sequence[Any]) -> Any:
    """Trees of one form as one, each leaf with a first axis of seeds."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def seeds_of(config: RunConfig) -> range:
    """The seeds that a run trains."""
    return range(config.seed, config.seed + config.seeds)


def seed_folder(folder: Path, seed: int) -> Path:
    """Where one seed's share of a run of several lies."""
    return folder / f"seed_{seed}"


def members(experiment: Experiment, folder: Path) -> list[Member]:
    """Every seed of a run; of a run of one seed, the run itself."""
    config = experiment.config
    if config.seeds == 1:
        return [Member(experiment=experiment, folder=folder, place=None)]
    found = []
    for place, seed in enumerate(seeds_of(config)):
        own = seed_folder(folder, seed)
        alone = dataclasses.replace(config, seed=seed, seeds=1, workdir=str(own))
        found.append(Member(experiment=experiment._replace(config=alone), folder=own, place=place))
    return found


def run_of_seed(folder: Path) -> tuple[Path, int] | None:
    """The run of several seeds that a folder is one seed of, and the seed's place in its stack; ``None`` if of none."""
    parent, prefix, number = folder.resolve().parent, *folder.resolve().name.partition("_")[::2]
    if prefix != "seed" or not number.isdecimal():
        return None
    try:
        config = workdir.read_config(parent)
        first, count = int(config["seed"]), int(config["seeds"])
    except (ValueError, KeyError, TypeError, OSError):
        return None
    place = int(number) - first
    return (parent, place) if count > 1 and 0 <= place < count else None


def check(config: RunConfig) -> None:
    """Refuses what several seeds cannot be combined with.

    Raises:
      UsageError: names the flag and the remedy.
    """
    if run_of_seed(Path(config.workdir).expanduser()) is not None:
        raise UsageError(
            f"--workdir={config.workdir} is one seed of the run in the folder above it; continue that run, or choose "
            "another folder"
        )
    if config.seeds == 1:
        return
    if config.nan_policy == "restore":
        raise UsageError(
            f"--nan_policy=restore takes all --seeds={config.seeds} back when one of them fails, and then none is what "
            "it would be alone; use --nan_policy=stop, or --seeds=1 in a folder for each --seed"
        )
    if config.seed + config.seeds > 2**32:
        raise UsageError(
            f"--seed={config.seed} with --seeds={config.seeds} ends beyond the last seed, 2**32 - 1; use a smaller "
            "--seed"
        )


def root_bits(config: RunConfig) -> np.ndarray:
    """The bits of the root key; of several seeds ``[seeds, ...]``."""
    bits = [np.asarray(jax.random.key_data(jax.random.key(seed))) for seed in seeds_of(config)]
    return bits[0] if config.seeds == 1 else np.stack(bits)


def initial_state(bits: Any, *, experiment: Experiment) -> TrainState:
    """The state before the first step from :func:`root_bits`; traceable."""
    keys = jax.random.wrap_key_data(bits)
    return experiment.initialize(keys) if experiment.config.seeds == 1 else jax.lax.map(experiment.initialize, keys)


def make_advance_of_seeds(
    step_fn: Callable[..., Any],
    load_for: Callable[[Any], Load],
    *,
    seeds: range,
    data_axis: int | None,
    side_by_side: bool | None = None,
) -> Callable[..., Any]:
    """As ``make_advance``, for all seeds of a run.

    Args:
      step_fn: one seed's step.
      load_for: ``seed -> load``; the seed may be traced.
      seeds: the seeds; one alone is not stacked.
      data_axis: the axis of seeds in the data; ``None`` where all seeds read the same, in orders of their own.
      side_by_side: ``vmap`` over the seeds, or one after another in the program; ``None`` does what is fast here.

    Returns:
      ``advance(state, totals, data, example_index, *, axis_name) -> (state, totals)``: the state stacked, the totals
      with a scalar for every metric of every seed, by :func:`metric_names`.
    """
    if len(seeds) == 1:
        return make_advance(step_fn, load_for(seeds[0]))
    if side_by_side is None:
        side_by_side = jax.default_backend() != "cpu"

    def one(seed: Any, state: Any, totals: Totals, data: Any, index: jax.Array, axis_name: str | None) -> Any:
        return make_advance(step_fn, load_for(seed))(state, totals, data, index, axis_name=axis_name)

    def advance(
        state: Any, totals: Totals, data: Any, example_index: jax.Array, *, axis_name: str | None = None
    ) -> tuple[Any, Totals]:
        by_seed = [_totals_of(totals, seed) for seed in seeds]
        if side_by_side:
            every = jax.vmap(functools.partial(one, axis_name=axis_name), in_axes=(0, 0, 0, data_axis, None))
            numbers = jnp.asarray(np.asarray(seeds, np.uint32))
            state, stacked = every(numbers, state, stack(by_seed), data, example_index)
            return state, _totals_together([take(stacked, place) for place in range(len(seeds))], seeds)
        done = []
        for place, seed in enumerate(seeds):
            rows = data if data_axis is None else jnp.take(data, place, axis=data_axis)
            done.append(one(seed, take(state, place), by_seed[place], rows, example_index, axis_name))
        return stack([after for after, _ in done]), _totals_together([its for _, its in done], seeds)

    return advance


def metric_names(names: Sequence[str], *, seeds: range) -> tuple[str, ...]:
    """Names of the metrics of all seeds.

    Example:
      >>> metric_names(["bound"], seeds=range(3, 5))
      ('bound of seed 3', 'bound of seed 4')
    """
    return tuple(names) if len(seeds) == 1 else tuple(_name(name, seed) for seed in seeds for name in names)


def by_seed(metrics: Mapping[str, float], *, seeds: range) -> list[dict[str, float]]:
    """The metrics of every seed, in order.

    Example:
      >>> by_seed({"bound of seed 3": 0.5, "bound of seed 4": 0.25}, seeds=range(3, 5))
      [{'bound': 0.5}, {'bound': 0.25}]
    """
    return [dict(metrics)] if len(seeds) == 1 else [_of_seed(metrics, seed) for seed in seeds]


def _name(name: str, seed: int) -> str:
    return f"{name}{_OF_SEED}{seed}"


def _of_seed(metrics: Mapping[str, Any], seed: int) -> dict[str, Any]:
    ending = f"{_OF_SEED}{seed}"
    return {name.removesuffix(ending): value for name, value in metrics.items() if name.endswith(ending)}


def _totals_of(totals: Totals, seed: int) -> Totals:
    return Totals(
        num_steps=totals.num_steps,
        sums=_of_seed(totals.sums, seed),
        first_nonfinite=_of_seed(totals.first_nonfinite, seed),
    )


def _totals_together(totals: Sequence[Totals], seeds: range) -> Totals:
    def named(field: str) -> dict[str, jax.Array]:
        pairs = zip(seeds, totals, strict=True)
        return {_name(name, seed): value for seed, of in pairs for name, value in getattr(of, field).items()}

    return Totals(num_steps=totals[0].num_steps, sums=named("sums"), first_nonfinite=named("first_nonfinite"))


class ReportOfSeeds(Report):
    """Tells of the mean over seeds, and writes every seed's own metrics into its folder."""

    def __init__(self, folder: Path, crew: Sequence[Member], *, start_step: int, **settings: Any) -> None:
        super().__init__(folder, start_step=start_step, **settings)
        self._seeds = range(crew[0].experiment.config.seed, crew[-1].experiment.config.seed + 1)
        paths = [member.folder / workdir.METRICS for member in crew]
        self._own: list[Lines] = [open_metrics(path, start_step=start_step) for path in paths]

    def write(self, step: int, metrics: dict[str, float]) -> None:
        """Records the metrics of the steps up to ``step``, averaged over them."""
        own = by_seed(metrics, seeds=self._seeds)
        for lines, its in zip(self._own, own, strict=True):
            lines.write(json.dumps({"step": step, **its}))
        super().write(step, means(own))

    def close(self) -> None:
        """Closes the files and the bar."""
        super().close()
        for lines in self._own:
            lines.close()


def open_report(folder: Path, crew: Sequence[Member], **settings: Any) -> Report:
    """Where a run's metrics go; ``settings`` are those of ``Report``."""
    return Report(folder, **settings) if len(crew) == 1 else ReportOfSeeds(folder, crew, **settings)


class WatchOfSeeds(health.Watch):
    """A watch for every seed; what it tells begins with the seed."""

    def __init__(self, crew: Sequence[Member], *, num_samples: int) -> None:
        super().__init__(num_samples=num_samples)
        self._watches = [health.Watch(num_samples=num_samples, of=member.name) for member in crew]
        self._seeds = range(crew[0].experiment.config.seed, crew[-1].experiment.config.seed + 1)

    def see_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Looks at the metrics of a report, averaged over the steps up to ``step``."""
        for watch, its in zip(self._watches, by_seed(metrics, seeds=self._seeds), strict=True):
            watch.see_metrics(step, its)

    def see_samples_of(self, member: Member, probs: np.ndarray) -> None:
        """Looks at the probabilities that a picture of one seed was drawn from."""
        self._watches[member.place or 0].see_samples(probs)


def of_every_seed(
    outcome: Outcome,
    finish: Callable[[Outcome], dict[str, Any]],
    *,
    table_of: Callable[[dict[str, Any]], str] = result_table,
) -> dict[str, Any]:
    """The final numbers of a run; of several seeds, each seed's in its own folder, and all of them as one in the run's.

    Args:
      outcome: of ``run.run``.
      finish: measures one seed, writes its ``result.json`` and whatever else belongs to it, and returns the result.
      table_of: the result of several seeds in Markdown; see ``reports.tables``.

    Returns:
      The result; of several seeds with mean, standard deviation and n in the place of every number, as it is written to
      ``result.json``, and to ``result.md``.
    """
    if not outcome.each:
        return finish(outcome)
    results = [finish(one) for one in outcome.each]
    apart = ("seed", "training_seconds")
    together = combine_seeds(
        [{name: value for name, value in result.items() if name not in apart} for result in results]
    )
    together["seeds"] = list(seeds_of(outcome.experiment.config))
    together["training_seconds"] = round(outcome.seconds, 1)
    write_json(outcome.folder / workdir.RESULT, together)
    write_text(outcome.folder / "result.md", table_of(together))
    logger.info(
        "mean and standard deviation of %d seeds are in result.md and result.json in %s; each seed's own, and its "
        "pictures, in %s and so on",
        len(results), outcome.folder, outcome.each[0].folder.name,
    )  # fmt: skip
    return together
