"""The cells of the table: what each one is, and the file that finished ones are kept in."""

from __future__ import annotations

import dataclasses
import json
import math
import time
import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bgan_jax.atomic_files import write_text
from bgan_jax.conditionals import Conditional
from bgan_jax.evaluation.fresh_critic import BoundOverBatches, CriticSettings, fresh_critic
from bgan_jax.networks import Networks
from bgan_jax.runtime.metrics import LineFile
from experiments.divergence_table.generators import Rows

FLOOR = "data"
CELLS = "cells.jsonl"

Cell = dict[str, Any]


def cell_name(
    *, train: str, form: str, seed: int, settings: CriticSettings, network: str, evaluation: str
) -> dict[str, Any]:
    """What makes a cell the one that it is; a cell of another name is measured anew.

    Args:
      train: what trained the generator, or ``FLOOR``.
      form: what the critic saw of it.
      seed: of generator and critic.
      settings: of the critic.
      network: whose discriminator the critic is.
      evaluation: batches and rows, in words.
    """
    critic = dataclasses.asdict(settings) | {"network": network, "evaluation": evaluation}
    return {"train": train, "form": form, "measure": settings.measure, "seed": seed, "critic": critic}


def read_cells(folder: Path) -> list[Cell]:
    """Every finished cell; a line that a crash tore is left out."""
    path = folder / CELLS
    cells = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            cell = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(cell, dict) and "name" in cell:
            cells.append(cell)
    return cells


def mend(folder: Path) -> list[Cell]:
    """Every finished cell; a torn line is taken out of the file, or the next cell would be added to it and lost."""
    cells = read_cells(folder)
    write_text(folder / CELLS, "".join(json.dumps(cell) + "\n" for cell in cells))
    return cells


def find(cells: list[Cell], name: dict[str, Any]) -> Cell | None:
    """The finished cell of a name."""
    return next((cell for cell in cells if cell["name"] == name), None)


def keep(folder: Path, cell: Cell) -> None:
    """Adds a finished cell to the file."""
    lines = LineFile(folder / CELLS)
    lines.write(json.dumps(cell))
    lines.close()


def measure_cell(
    name: dict[str, Any],
    rows: Rows,
    *,
    networks: Networks,
    conditional: Conditional,
    settings: CriticSettings,
    num_batches: int,
    rows_per_batch: int,
) -> Cell:
    """Trains a fresh critic on the rows; its key follows from the cell's name.

    Returns:
      JSON values: V on the data it was trained on, less its penalty, and on data held out, each the mean over batches
      with the standard deviation over batches; the curve; seconds.
    """
    began = time.monotonic()
    cell_key = zlib.crc32("/".join(name[part] for part in ("train", "form", "measure")).encode())
    critic = fresh_critic(
        jax.random.fold_in(jax.random.key(name["seed"]), cell_key),
        **rows._asdict(),
        networks=networks,
        settings=settings,
        statistics=conditional.statistics,
        num_batches=num_batches,
        rows_per_batch=rows_per_batch,
    )
    return {
        "name": name,
        "bound": _json(critic.seen),
        "held_out": _json(critic.held_out),
        "curve": [[point.step, _number(point.seen), _number(point.held_out)] for point in critic.curve],
        "seconds": round(time.monotonic() - began, 1),
    }


def _json(bounds: BoundOverBatches) -> dict[str, Any]:
    return {
        "mean": _number(bounds.mean),
        "sd_over_batches": _number(bounds.standard_deviation),
        "less_penalty": _number(bounds.penalized_mean),
        "batches": len(bounds.values),
    }


def _number(value: float) -> float | None:
    """Rounded; null for what is not finite, which JSON has no word for."""
    return round(float(value), 5) if math.isfinite(value) else None


def mean_and_spread(values: list[float | None]) -> tuple[float, float]:
    """Mean and sample deviation over seeds; NaN where there is none.

    Example:
      >>> mean_and_spread([1.0, 3.0])
      (2.0, 1.4142135623730951)
    """
    numbers = np.array([math.nan if value is None else value for value in values], float)
    return float(numbers.mean()), float(numbers.std(ddof=1)) if len(numbers) > 1 else math.nan
