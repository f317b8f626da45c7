"""One training run, from flags to a trained generator: what all experiments share, whatever their step."""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax.atomic_files import write_text
from bgan_jax import data
from bgan_jax.runtime.process import heap, preemption
from bgan_jax.runtime import hosts, parallel, plotting, workdir
from bgan_jax.runtime.checkpoints import Checkpoints
from bgan_jax.runtime.loop import NonFiniteError, train
from bgan_jax.runtime.recovery import MAX_RESTORES, restore_on_all
from bgan_jax.runtime.metrics import read_metrics
from bgan_jax.sampling.sampler import Sampler
from bgan_jax.algorithms.state import TrainState
from experiments.harness.runs import population
from experiments.harness.runs.batches import host_slice, open_feed
from experiments.harness.cli.errors import UsageError
from experiments.harness.runs.folders import check_workdir, open_folder
from experiments.harness.runs.run_config import PER_HOST, RunConfig
from experiments.harness.reports.sample_grids import show
from experiments.harness.metrics.mean_and_sd import means

logger = logging.getLogger("bgan_jax")

MEASUREMENTS = "measurements.jsonl"


class Experiment(NamedTuple):
    """What a config stands for, once everything about it has been found to be legal.

    Attributes:
      config: the flags.
      dataset: the data to learn from.
      initialize: ``key -> TrainState``, traceable.
      step_over: ``axis_name -> step``, the step of one device's share, of devices so named or of one alone (``None``).
      sampler: ``generator's variables -> sample(key, n)``.
      title: of the curves, in a few words.
      num_samples: M; ``None`` where a latent has one sample.
    """

    config: RunConfig
    dataset: data.Dataset
    initialize: Callable[[jax.Array], TrainState]
    step_over: Callable[[str | None], Callable[..., Any]]
    sampler: Callable[[Any], Sampler]
    title: str
    num_samples: int | None


class Outcome(NamedTuple):
    """A finished run.

    Attributes:
      experiment: what ran.
      folder: its workdir.
      state: the last state; of several seeds stacked.
      step: number of finished steps; fewer than asked for when the run was told to stop.
      sample: ``sample(key, n)`` from the generator's moving average.
      seconds: of training, compilation included, in this process.
      measured: what ``measure`` said of the last picture; ``None`` without it, or when told to stop.
      each: of every seed by itself, in a run of several; such a run has no ``sample`` and no ``measured`` of its own.
    """

    experiment: Experiment
    folder: Path
    state: TrainState
    step: int
    sample: Sampler
    seconds: float
    measured: dict[str, Any] | None
    each: list[Outcome]


Measure = Callable[[Experiment, int, Sampler], dict[str, Any]]


def keep_compilations() -> None:
    """Turns on JAX's persistent compilation cache in the user's cache folder, unless one is set already."""
    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        jax.config.update("jax_compilation_cache_dir", str(data.default_cache_dir() / "compilations"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def start(config: RunConfig, prepare: Callable[[Any], Experiment]) -> tuple[Experiment, Path]:
    """Joins the hosts, checks the flags, opens the workdir, and announces the run.

    Args:
      config: the flags.
      prepare: checks the flags and opens the data, such as ``discrete.prepare``.

    Returns:
      The experiment, and its folder.

    Raises:
      UsageError: something that the user can mend; nothing has been overwritten.
    """
    check_workdir(config, holds="the run's results go there")
    population.check(config)
    heap.use_one_heap()
    if config.compilation_cache:
        keep_compilations()
    try:
        hosts.join(
            coordinator=config.coordinator,
            num_processes=config.num_processes,
            process_id=config.process_id,
            heartbeat_seconds=config.heartbeat_seconds,
        )
        experiment = prepare(config)
        hosts.check_same(
            {name: value for name, value in vars(config).items() if name not in PER_HOST}
            | {"dataset": experiment.dataset.spec.to_json()}
        )
        hosts.on_first(lambda: _open_folders(experiment))
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error
    if jax.process_index() == 0:
        hosts.announce(batch_size=config.batch_size, launcher=config.parallel)
    return experiment, Path(config.workdir).expanduser()


def _open_folders(experiment: Experiment) -> None:
    folder = open_folder(experiment.config)
    own = [member.experiment.config for member in population.members(experiment, folder) if member.place is not None]
    for place in (folder, *(open_folder(dataclasses.replace(config, resume="auto")) for config in own)):
        write_text(place / workdir.DATASET, experiment.dataset.spec.to_json() + "\n")


def run(experiment: Experiment, folder: Path, *, measure: Measure | None = None) -> Outcome:
    """Trains from the newest good checkpoint, or from the start, to the last step.

    Args:
      experiment: what to train.
      folder: its workdir.
      measure: ``(experiment, step, sample) -> JSON values``, called with every picture, of each seed with the
        experiment that it would be alone; they go to ``measurements.jsonl``.

    Returns:
      The :class:`Outcome`.
    """
    config = experiment.config
    seeds, crew = population.seeds_of(config), population.members(experiment, folder)
    began = time.monotonic()
    reports = jax.process_index() == 0

    state = parallel.replicate(
        functools.partial(population.initial_state, experiment=experiment),
        population.root_bits(config),
        parallel=config.parallel,
    )
    checkpoints = Checkpoints(folder / workdir.CHECKPOINTS, keep=config.keep_checkpoints) if reports else None
    start_step = 0
    try:
        restored = restore_on_all(checkpoints, state, launcher=config.parallel)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if restored is not None:
        start_step, state = restored
        if reports:
            logger.info("continuing from step %d", start_step)

    feed = open_feed(experiment, start_step)
    # Traced once, for the names of its metrics, for the program, and for every seed of it: tracing takes seconds.
    step_fn = jax.jit(experiment.step_over(parallel.AXIS), static_argnames="axis_name", inline=True)
    advance = parallel.on_devices(
        population.make_advance_of_seeds(step_fn, feed.load_for, seeds=seeds, data_axis=feed.axis_of_seeds),
        parallel=config.parallel,
        sharded=(False, False, feed.sharded, True),
    )
    index = np.arange(config.batch_size, dtype=np.int32)[host_slice(config.batch_size)]
    watch = population.WatchOfSeeds(crew, num_samples=experiment.num_samples or 1)

    def take_pictures(step: int, now: TrainState) -> list[dict[str, Any]]:
        average = parallel.to_host(now.gen_average)
        found = [_take_picture(member, step, member.of(average), watch=watch, measure=measure) for member in crew]
        if measure is not None and len(crew) > 1:
            record_measurement(folder / MEASUREMENTS, {"step": step, **means(found)})
        return found

    if reports:
        logger.info("compiling the step (a minute at most; seconds when it was compiled before)")
    should_stop = preemption.stop_on_sigterm()
    example_index = parallel.shard(index, parallel=config.parallel)
    names = _metric_names(experiment, step_fn, example_index)
    try:
        for restores_left in reversed(range(MAX_RESTORES + 1)):
            report = None
            if reports:
                report = population.open_report(
                    folder, crew, start_step=start_step, total_steps=config.steps, tensorboard=config.tensorboard
                )
            try:
                state, step = train(
                    advance,
                    state,
                    feed.batches,
                    example_index,
                    metric_names=population.metric_names(names, seeds=seeds),
                    start_step=start_step,
                    total_steps=config.steps,
                    launcher=config.parallel,
                    report=report,
                    report_every=config.report_every,
                    checkpoints=checkpoints,
                    checkpoint_every=config.checkpoint_every,
                    health=watch if reports else None,
                    on_picture=take_pictures if reports else None,
                    picture_every=config.picture_every,
                    should_stop=should_stop,
                )
                break
            except NonFiniteError as error:
                if config.nan_policy == "stop" or not restores_left:
                    raise
                turn = MAX_RESTORES - restores_left + 1
                restored = restore_on_all(checkpoints, state, launcher=config.parallel, turn=turn)
                if restored is None:
                    raise
                start_step, state = restored
                feed = open_feed(experiment, start_step)
                if reports:
                    logger.warning("%s; going on from step %d with other noise", error, start_step)
            finally:
                if report is not None:
                    report.close()
    finally:
        if checkpoints is not None:
            checkpoints.close()
    found: list[dict[str, Any]] = []
    if reports and step == config.steps:  # a run that was told to stop has little time left
        titles = {folder: f"{experiment.title}, mean of {len(crew)} seeds"}
        titles |= {
            member.folder: ", ".join(part for part in (experiment.title, member.name) if part) for member in crew
        }
        for place, title in titles.items():
            plotting.save_curves(place / "curves.png", read_metrics(place / workdir.METRICS), title=title)
        found = take_pictures(step, state)
    measured = found if measure is not None else []
    average = parallel.to_host(state.gen_average)
    each = [
        Outcome(
            experiment=member.experiment,
            folder=member.folder,
            state=state,
            step=step,
            sample=member.experiment.sampler(member.of(average)),
            seconds=time.monotonic() - began,
            measured=measured[place] if measured else None,
            each=[],
        )
        for place, member in enumerate(crew)
    ]
    return (
        each[0]
        if len(crew) == 1
        else each[0]._replace(experiment=experiment, folder=folder, sample=_no_sample, measured=None, each=each)
    )


def _no_sample(key: jax.Array, n: int) -> Any:
    raise ValueError("a run of several seeds has a sampler for each: see Outcome.each")


def _take_picture(
    member: population.Member,
    step: int,
    variables: Any,
    *,
    watch: population.WatchOfSeeds,
    measure: Measure | None,
) -> dict[str, Any]:
    """Shows one seed's samples, and measures them; what was measured."""
    experiment, folder = member.experiment, member.folder
    sampler = experiment.sampler(variables)
    samples = sampler(jax.random.key(experiment.config.seed), 64)
    if samples.probs is not None:
        watch.see_samples_of(member, samples.probs)
    show(folder / workdir.PICTURES, f"samples_{step:07d}", samples, spec=experiment.dataset.spec)
    if measure is None:
        return {}
    found = measure(experiment, step, sampler)
    record_measurement(folder / MEASUREMENTS, {"step": step, **found})
    return found


def record_measurement(path: Path, record: dict[str, Any]) -> None:
    """Adds a record to a file of JSON lines; those of its step and later ones, from before a crash, go."""
    kept = [known for known in read_metrics(path) if known["step"] < record["step"]]
    write_text(path, "".join(json.dumps(line) + "\n" for line in [*kept, record]))


def _metric_names(experiment: Experiment, step_fn: Callable[..., Any], example_index: jax.Array) -> tuple[str, ...]:
    """The names of the step's metrics, found by tracing it, spread as it will run, without running it."""
    config, spec = experiment.config, experiment.dataset.spec
    rows = jax.ShapeDtypeStruct((config.disc_steps, config.batch_size // jax.device_count(), *spec.shape), np.uint8)
    real = jax.eval_shape(functools.partial(data.preprocess, spec=spec), jax.random.key(0), rows)
    state = jax.eval_shape(experiment.initialize, jax.random.key(0))

    def metrics(state: TrainState, real: Any, index: jax.Array, *, axis_name: str) -> dict[str, jax.Array]:
        return step_fn(state, real, index, axis_name=axis_name)[1]

    spread = parallel.on_devices(metrics, parallel=config.parallel, sharded=(False, False, True), donate=())
    return tuple(sorted(jax.eval_shape(spread, state, real, example_index)))
