"""The error curves of all systems, each kept in a file of its own once its run is finished."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bgan_jax.atomic_files import write_json
from bgan_jax.runtime import hosts, parallel
from experiments.adversarial_classification.labelled_images import LabelledImages, as_rows
from experiments.adversarial_classification.training import Curve, Trainer, train_system

logger = logging.getLogger("bgan_jax")

# Folder of all curves, in the workdir.
FOLDER = "curves"


def curve_file(folder: Path, name: str, seed: int) -> Path:
    """Returns the file of the curve of one run."""
    return folder / FOLDER / f"{name.replace('/', '-')}-seed{seed}.json"


def train_or_read_curves(
    trainers: Mapping[str, Trainer],
    *,
    folder: Path,
    seeds: Sequence[int],
    train: LabelledImages,
    test: LabelledImages,
    error: Callable[[Any, LabelledImages], float],
    epochs_of: Callable[[str], int],
    measurements: int,
    launcher: parallel.Launcher,
) -> dict[str, list[Curve]]:
    """Trains every system from every seed, and reads the curves of the runs that are finished.

    Args:
      trainers: by the system's name.
      folder: the workdir, in which process 0 works alone.
      seeds: of each system.
      train: the training split.
      test: the test split.
      error: counts errors, in percent.
      epochs_of: ``name -> epochs``.
      measurements: points of every curve.
      launcher: how steps are run, and on what.

    Returns:
      Curves by system, one per seed; on the other hosts without those that were finished.
    """
    train_part = train.evenly_spaced(len(test.labels))
    resident = parallel.replicate(as_rows, train, launcher=launcher)
    first = hosts.is_first()
    if first:
        (folder / FOLDER).mkdir(exist_ok=True)
    # Process 0 says what is finished, so that all hosts train the same runs.
    finished = [[first and curve_file(folder, name, seed).exists() for seed in seeds] for name in trainers]
    finished = hosts.from_first(np.array(finished, np.int32).reshape(len(trainers), len(seeds)))
    curves: dict[str, list[Curve]] = {}
    for (name, trainer), done in zip(trainers.items(), finished, strict=True):
        curves[name] = []
        for seed, is_done in zip(seeds, done, strict=True):
            path = curve_file(folder, name, seed)
            if is_done:
                if first:
                    curves[name].append(Curve(**json.loads(path.read_text(encoding="utf-8"))))
                continue
            curve = train_system(
                trainer, resident, error=error, train_part=train_part, test=test, seed=seed, epochs=epochs_of(name),
                measurements=measurements,
            )  # fmt: skip
            curves[name].append(curve)
            if not first:
                continue
            write_json(path, curve._asdict())
            ending = curve.stopped or f"test error {curve.test_error[-1]:.2f} %, train {curve.train_error[-1]:.2f} %"
            logger.info("%s, seed %d: %s, %.0f s", name, seed, ending, curve.seconds)
    return curves
