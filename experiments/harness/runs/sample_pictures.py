"""Pictures of every seed's samples during a run, with their measurements and the curves of the metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from bgan_jax.algorithms.state import TrainState
from bgan_jax.atomic_files import write_text
from bgan_jax.runtime import parallel, workdir
from bgan_jax.runtime.health import HealthMonitor
from bgan_jax.runtime.metrics import read_metrics
from experiments.harness.metrics.mean_and_sd import means
from experiments.harness.reports.curve_plots import save_curves
from experiments.harness.reports.sample_grids import save_real, show
from experiments.harness.runs.experiment import Experiment, Measure
from experiments.harness.runs.seeds import SeedRun

#: Samples of a picture.
NUM_SAMPLES = 64


class PictureTaker(NamedTuple):
    """Writes samples of every seed, checks them and measures them.

    Attributes:
      experiment: of the whole run.
      folder: of the whole run.
      seed_runs: every seed of the run.
      monitors: one per seed.
      measure: measures one seed's samples; ``None`` measures nothing.
    """

    experiment: Experiment
    folder: Path
    seed_runs: Sequence[SeedRun]
    monitors: Sequence[HealthMonitor]
    measure: Measure | None

    def show_real(self) -> None:
        """Writes real examples into the folder of every seed, and of the whole run, beside the samples."""
        for folder in dict.fromkeys([self.folder, *(one.folder for one in self.seed_runs)]):
            save_real(folder / workdir.PICTURES, self.experiment.dataset)

    def take(self, step: int, state: TrainState) -> list[dict[str, Any]]:
        """Writes the pictures of a step; returns every seed's measurement, empty without ``measure``."""
        averages = parallel.to_host(state.gen_average)
        measured = [
            self._take_one(step, seed_run, seed_run.select(averages), monitor)
            for seed_run, monitor in zip(self.seed_runs, self.monitors, strict=True)
        ]
        if self.measure is not None and len(measured) > 1:
            record_measurement(self.folder / workdir.MEASUREMENTS, {"step": step, **means(measured)})
        return measured

    def _take_one(self, step: int, seed_run: SeedRun, variables: Any, monitor: HealthMonitor) -> dict[str, Any]:
        experiment = seed_run.experiment
        sampler = experiment.sampler(variables)
        samples = sampler(jax.random.key(experiment.config.seed), NUM_SAMPLES)
        if samples.probs is not None:
            monitor.check_samples(step, samples.probs)
        show(seed_run.folder / workdir.PICTURES, f"samples_{step:07d}", samples, spec=experiment.dataset.spec)
        if self.measure is None:
            return {}
        measured = self.measure(experiment, step, sampler)
        record_measurement(seed_run.folder / workdir.MEASUREMENTS, {"step": step, **measured})
        return measured

    def save_curves(self) -> None:
        """Writes the curves of every seed's metrics, and of their mean, as ``curves.png`` in their folders."""
        title = self.experiment.title
        titles = {self.folder: f"{title}, mean of {len(self.seed_runs)} seeds"}
        titles |= {one.folder: ", ".join(filter(None, (title, one.label))) for one in self.seed_runs}
        for folder, its_title in titles.items():
            save_curves(folder / "curves.png", read_metrics(folder / workdir.METRICS), title=its_title)


def record_measurement(path: Path, record: dict[str, Any]) -> None:
    """Appends a record to a file of JSON lines, and removes those of its step and later ones, from before a crash."""
    kept = [known for known in read_metrics(path) if known["step"] < record["step"]]
    write_text(path, "".join(json.dumps(line) + "\n" for line in [*kept, record]))
