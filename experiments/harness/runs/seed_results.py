"""The final numbers of a run: of every seed, and their mean and standard deviation."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.runtime import workdir
from experiments.harness.metrics.mean_and_sd import combine_seeds
from experiments.harness.reports.tables import result_table
from experiments.harness.runs.experiment import Outcome
from experiments.harness.runs.seeds import seeds_of

logger = logging.getLogger("bgan_jax")

#: Numbers of a seed's result that have no mean over seeds.
OF_ONE_SEED = ("seed", "training_seconds")


def result_over_seeds(
    outcome: Outcome,
    finish: Callable[[Outcome], dict[str, Any]],
    *,
    table_of: Callable[[dict[str, Any]], str] = result_table,
) -> dict[str, Any]:
    """Finishes every seed of a run, and writes the result of several as mean, standard deviation and n.

    Args:
      outcome: of ``run.run``.
      finish: measures one seed, writes its ``result.json`` and its other files, and returns its result.
      table_of: formats the result of several seeds as Markdown; see ``reports.tables``.

    Returns:
      The result. Of several seeds, mean, standard deviation and n replace every number that seeds can change; it is
      written to the run's ``result.json`` and ``result.md``.
    """
    if not outcome.per_seed:
        return finish(outcome)
    results = [finish(one) for one in outcome.per_seed]
    over_seeds = combine_seeds(
        [{name: value for name, value in result.items() if name not in OF_ONE_SEED} for result in results]
    )
    over_seeds["seeds"] = list(seeds_of(outcome.experiment.config))
    over_seeds["training_seconds"] = round(outcome.seconds, 1)
    write_json(outcome.folder / workdir.RESULT, over_seeds)
    write_text(outcome.folder / "result.md", table_of(over_seeds))
    logger.info(
        "mean and standard deviation of %d seeds are in result.md and result.json in %s; each seed's own results and "
        "pictures are in %s and so on",
        len(results), outcome.folder, outcome.per_seed[0].folder.name,
    )  # fmt: skip
    return over_seeds
