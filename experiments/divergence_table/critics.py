"""The critics behind the table: training one, and the file of the results of all."""

from __future__ import annotations

import dataclasses
import json
import math
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from bgan_jax.atomic_files import write_text
from bgan_jax.conditionals import Conditional
from bgan_jax.evaluation.fresh_critic import BoundOverBatches, CriticSettings, fresh_critic
from bgan_jax.json_lines import read_json_lines
from bgan_jax.networks import Networks
from bgan_jax.runtime.metrics import open_lines
from experiments.divergence_table.generators import Rows

FLOOR = "data"
# One line of JSON for every trained critic.
FILE = "cells.jsonl"

#: What one critic measured, as JSON values; see :func:`train_critic`.
CriticResult = dict[str, Any]


def critic_name(
    *, train: str, form: str, seed: int, settings: CriticSettings, network: str, evaluation: str
) -> dict[str, Any]:
    """Identifies a critic; a critic of another name is trained again.

    Args:
      train: what trained the generator, or ``FLOOR``.
      form: what the critic sees of the generator.
      seed: of generator and critic.
      settings: of the critic.
      network: whose discriminator the critic is.
      evaluation: batches and rows, in words.

    Returns:
      JSON values.
    """
    critic = dataclasses.asdict(settings) | {"network": network, "evaluation": evaluation}
    return {"train": train, "form": form, "measure": settings.measure, "seed": seed, "critic": critic}


def read_results(folder: Path) -> list[CriticResult]:
    """Reads the results of all trained critics; a line that was not written to its end is left out."""
    return [result for result in read_json_lines(folder / FILE) if "name" in result]


def repair_results(folder: Path) -> list[CriticResult]:
    """Reads the results and removes an unfinished line from the file: the next result would be appended to it."""
    results = read_results(folder)
    write_text(folder / FILE, "".join(json.dumps(result) + "\n" for result in results))
    return results


def append_result(folder: Path, result: CriticResult) -> None:
    """Adds a result to the file."""
    lines = open_lines(folder / FILE)
    lines.write(json.dumps(result))
    lines.close()


def find_result(results: Sequence[CriticResult], name: dict[str, Any]) -> CriticResult | None:
    """Returns the result of the critic of a name; ``None`` where it has not been trained."""
    return next((result for result in results if result["name"] == name), None)


def train_critic(
    name: dict[str, Any],
    rows: Rows,
    *,
    networks: Networks,
    conditional: Conditional,
    settings: CriticSettings,
    num_batches: int,
    rows_per_batch: int,
) -> CriticResult:
    """Trains a fresh critic on the rows.

    Args:
      name: from :func:`critic_name`; the critic's PRNG key follows from it.
      rows: real and generated rows.
      networks: whose discriminator the critic is.
      conditional: the family of the data.
      settings: of the critic.
      num_batches: batches that the bound is reported over.
      rows_per_batch: rows of data in one of them.

    Returns:
      JSON values: V on the data it was trained on, less its penalty, and on data held out, each the mean over batches
      with the standard deviation over batches; the curve; seconds.
    """
    began = time.monotonic()
    critic_key = zlib.crc32("/".join(name[part] for part in ("train", "form", "measure")).encode())
    critic = fresh_critic(
        jax.random.fold_in(jax.random.key(name["seed"]), critic_key),
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
    """Rounds a number; ``None`` for one that is not finite, which JSON cannot express."""
    return round(float(value), 5) if math.isfinite(value) else None
