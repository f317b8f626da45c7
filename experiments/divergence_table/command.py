"""Makes the paper's divergence table: fresh critics of generators trained by boundary seeking and by WGAN-GP.

    python -m experiments.divergence_table --workdir=runs/table

Trains a generator of binarised digits by boundary seeking with a Jensen-Shannon discriminator, one with a reverse-KL
discriminator, and WGAN-GP's through its probabilities, all of one architecture; freezes each; trains a new
discriminator per measure on each; and prints the paper's table with ours beside it. --train and --measure take any of
the divergences, and --forms what is shown of WGAN-GP's generator. Results of critics are kept in cells.jsonl, and the
same command trains the missing ones. result.md is the table with its protocol, divergence_table.png the page.

On the whole of MNIST the rows of boundary seeking took an hour of a shared CPU core for one seed, 45 minutes of it for
the critics, since V rises for thousands of steps; WGAN-GP's takes longer. docs/results/divergence_table.md has the
measurements, and why the settings of reverse KL differ.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from experiments.divergence_table.config import PRESETS, SMOKE, Config
from experiments.divergence_table.critic_runs import train_missing_critics
from experiments.divergence_table.plan import plan_for
from experiments.divergence_table.report import write_report
from experiments.harness.cli.command import Command
from experiments.harness.cli.compilation_cache import enable_compilation_cache
from experiments.harness.runs.folders import open_folder

logger = logging.getLogger("bgan_jax")


def main(config: Config) -> dict[str, Any] | None:
    """Trains the generators and critics that are missing, and writes the table; ``None`` when stopped by a signal."""
    plan = plan_for(config)
    folder = open_folder(config)
    if config.compilation_cache:
        enable_compilation_cache()
    began = time.monotonic()
    if not train_missing_critics(config, plan, folder):
        logger.info("stopped; rerun the same command to resume")
        return None
    result = write_report(config, plan, folder)
    logger.info("\n%s", (folder / "result.md").read_text(encoding="utf-8"))
    logger.info(
        "result.md, result.json, divergence_table.png and cells.jsonl are in %s; %.1f min", folder,
        (time.monotonic() - began) / 60,
    )  # fmt: skip
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE, presets=PRESETS)
