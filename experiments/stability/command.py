"""Who survives an over-trained generator: five of its updates for every one of the discriminator, three objectives.

    python -m experiments.stability --workdir=runs/stability

Section 3 of the paper: a DCGAN with Roth's gradient-norm penalty, the generator's updates outnumbering the
discriminator's, by the variational lower bound (minimax), the proxy (non_saturating), and boundary seeking. First every
objective runs from the same seeds (curves.png, samples.png), then once for every learning rate and ratio of a map
(map.png). Every cell is a run of its own in cells/, as experiments.continuous_images would make it: told to stop, the
same command goes on where it was; asked for more seeds, ratios or rates, it runs what is not yet there. All cells take
equally many discriminator updates, so a higher ratio means more generator updates, not fewer of the discriminator's.

Measured by the command above at 555df2b, its 15 cells in 17 min of two CPU cores that other work shared (AMD EPYC).
Frechet distance at 5:1, mean and sd over two seeds (real pictures 3.1); and at 5e-3, one seed:

| objective | learning rate 1e-3 | accuracy of D | 5e-3 |
|---|---|---|---|
| minimax | 143 ± 6 | 0.31, 0.33 | 62 |
| non_saturating | 153 ± 9 | 0.35, 0.28 | 67 |
| boundary_seeking | 82 ± 27 | 0.55, 0.59 | 39 |

At d95132a the first column was 147 ± 4, 153 ± 1 and 87 ± 20; and at 2e-4, one seed, 164, 168 and 161.

As in the paper: boundary seeking makes shapes of emoji by step 225, when the others' generators still chase a
discriminator that they fool more often than not, and show noise. At 1:1 no objective is always the best: at 2e-4, 1e-3,
5e-3 minimax has 125, 61, 29, non_saturating 69, 39, 54, and boundary_seeking 82, 33, 33 (one seed).

On a JPEG copy of CIFAR-10 (--dataset=images:PATH, 52 min of a shared core, real pictures 0.5) pictures say the same:
at 5:1 boundary seeking makes skies and grounds by step 300, the others noise. The distances hardly do: 47 ± 3, minimax
51 ± 19, non_saturating 56 ± 20. The accuracy of D ends at 0.50 and 0.52 against 0.26 to 0.34. At 1:1, 5e-3, boundary
seeking is the best of its map with 11 (minimax 20, non_saturating 21). 300 steps are a beginning on such data.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.losses import GENERATOR_OBJECTIVES
from bgan_jax.runtime import workdir
from bgan_jax.runtime.loop import NonFiniteError
from bgan_jax.runtime.metrics import read_metrics
from experiments import continuous_images
from experiments.harness.cli.command import Command
from experiments.harness.cli.errors import UsageError
from experiments.harness.cli.flags import flag
from experiments.harness.metrics import measured_training
from experiments.harness.metrics.distances import Yardstick
from experiments.harness.metrics.measured_training import YardstickFlags, train_and_measure, yardstick_of
from experiments.harness.runs import continuous
from experiments.harness.runs.folders import check_workdir, open_folder
from experiments.harness.runs.run import MEASUREMENTS, keep_compilations, start
from experiments.stability.figures import Curves, Grid, save_curves, save_map, save_samples

logger = logging.getLogger("bgan_jax")

SMOKE = {
    "objectives": "minimax,boundary_seeking", "learning_rates": "1e-3", "ratio": "1:1", "ratios": "1:1", "seeds": 1,
    "steps": 4, "batch_size": 16, "width": 4, "pictures": 2, "judged_samples": 100, "judge_steps": 5,
}  # fmt: skip
REPORTS = 20


@dataclasses.dataclass(frozen=True)
class Config(YardstickFlags):
    """The flags of this experiment."""

    workdir: str = flag("", "Folder of the results, and of every cell's run.", may_change=True)
    dataset: str = flag("emoji32", "Name of a data set of 32x32 pictures, such as cifar10, or images:PATH.")
    data_dir: str | None = flag(None, "Folder of prepared data sets.", may_change=True)
    cache_dir: str | None = flag(None, "Folder of packed data sets; the user's cache folder if empty.", may_change=True)
    download: bool = flag(False, "Allow fetching the data set over the network.", may_change=True)
    objectives: str = flag(
        "minimax,non_saturating,boundary_seeking",
        f"What generators minimise, separated by commas; of {', '.join(GENERATOR_OBJECTIVES)}.", may_change=True,
    )  # fmt: skip
    ratio: str = flag("5:1", "Generator updates to discriminator updates of the curves.", may_change=True)
    learning_rate: float = flag(1e-3, "Adam's step size, of both players, of the curves.", minimum=0.0, may_change=True)
    seeds: int = flag(
        2, "Number of seeds of each objective behind the curves, 0 and those after it.", minimum=1, may_change=True
    )
    ratios: str = flag("1:1,5:1", "Ratios of the map, separated by commas; empty: no map.", may_change=True)
    learning_rates: str = flag(
        "1e-3,5e-3", "Step sizes of the map, separated by commas; empty: no map.", may_change=True
    )
    steps: int = flag(300, "Steps of every cell, each of as many discriminator updates as its ratio says.", minimum=1)
    batch_size: int = flag(64, "Pictures, and latents, per update.", minimum=1)
    network: str = flag("dcgan32_cortex", "Preset of generator and discriminator.", choices=continuous.IMAGE_NETWORKS)
    width: int | None = flag(16, "Base number of maps; empty is the preset's.", minimum=1)
    penalty: float = flag(1.0, "Coefficient gamma of Roth's gradient-norm penalty; 0 switches it off.", minimum=0.0)
    pictures: int = flag(4, "Moments of a run at which samples are shown and measured.", minimum=1)
    judged_samples: int = flag(1000, "Samples that every measurement sees.", minimum=4)
    compilation_cache: bool = flag(True, "Keep compiled programs in the user's cache folder.", may_change=True)
    smoke: bool = flag(False, "The whole path in seconds, on tiny sizes.", may_change=True)


class Cell(NamedTuple):
    """One run.

    Attributes:
      objective: what its generator minimises.
      learning_rate: of both players.
      ratio: ``"generator updates:discriminator updates"`` per step.
      seed: of everything random in it.
    """

    objective: str
    learning_rate: float
    ratio: str
    seed: int

    @property
    def name(self) -> str:
        """The folder's."""
        return f"{self.objective}-{self.ratio.replace(':', 'to')}-{self.learning_rate:g}-seed{self.seed}"


class Plan(NamedTuple):
    """What is to run: the cells behind the curves, seed by seed, then those of the map that are not among them."""

    objectives: list[str]
    learning_rates: list[float]
    ratios: list[str]
    curves: list[Cell]
    map: list[Cell]

    @property
    def cells(self) -> list[Cell]:
        """Every cell once."""
        return list(dict.fromkeys([*self.curves, *self.map]))


def _listed(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def updates(ratio: str) -> tuple[int, int]:
    """Generator and discriminator updates per step.

    Raises:
      UsageError: not two positive whole numbers and a colon.
    """
    numbers = ratio.split(":")
    if len(numbers) != 2 or not all(number.strip().isdecimal() and int(number) > 0 for number in numbers):
        raise UsageError(f"{ratio!r} is no ratio of updates; write generator:discriminator, such as 5:1")
    return int(numbers[0]), int(numbers[1])


def plan_of(config: Config) -> Plan:
    """Which cells there are.

    Raises:
      UsageError: a list holds something that is not legal.
    """
    objectives, ratios = _listed(config.objectives), _listed(config.ratios)
    if not objectives:
        raise UsageError(f"--objectives is empty; legal: {', '.join(GENERATOR_OBJECTIVES)}")
    for name in objectives:
        if name not in GENERATOR_OBJECTIVES:
            raise UsageError(f"--objectives: unknown objective {name!r}; legal: {', '.join(GENERATOR_OBJECTIVES)}")
    for ratio in [config.ratio, *ratios]:
        updates(ratio)
    try:
        learning_rates = [float(text) for text in _listed(config.learning_rates)]
    except ValueError as error:
        raise UsageError(f"--learning_rates={config.learning_rates} holds something that is no number") from error
    if not all(0.0 < rate < 1.0 for rate in learning_rates):
        raise UsageError(f"--learning_rates={config.learning_rates}: step sizes lie between 0 and 1")
    return Plan(
        objectives=objectives,
        learning_rates=learning_rates,
        ratios=ratios,
        curves=[
            Cell(objective, config.learning_rate, config.ratio, seed)
            for seed in range(config.seeds)
            for objective in objectives
        ],
        map=[
            Cell(objective, rate, ratio, 0) for ratio in ratios for rate in learning_rates for objective in objectives
        ],
    )


def run_config(config: Config, cell: Cell) -> continuous_images.Config:
    """The flags of a cell's run."""
    gen_steps, disc_steps = updates(cell.ratio)
    shared = ("dataset", "data_dir", "cache_dir", "download", "steps", "batch_size", "network", "width", "penalty",
              "judged_samples", "judge_steps", "features", "reference_features", "compilation_cache")  # fmt: skip
    return continuous_images.Config(
        **{name: getattr(config, name) for name in shared},
        workdir=str(Path(config.workdir).expanduser() / "cells" / cell.name),
        objective=cell.objective,
        penalty_form="gradient_norm" if GENERATOR_OBJECTIVES[cell.objective].uses_divergence else "unweighted",
        learning_rate_gen=cell.learning_rate,
        learning_rate_disc=cell.learning_rate,
        gen_steps=gen_steps,
        disc_steps=disc_steps,
        seed=cell.seed,
        # The newest generator, not an average over the steps, which would hide how unsteady they are.
        average_decay=0.0,
        report_every=max(config.steps // REPORTS, 1),
        picture_every=max(config.steps // config.pictures, 1),
        checkpoint_every=config.steps,
        keep_checkpoints=1,
    )


def run_cell(config: Config, cell: Cell, yardstick: Yardstick) -> dict[str, Any] | None:
    """A cell's result: read where it is there, else trained for; ``None`` when it was told to stop."""
    run = run_config(config, cell)
    present = Path(run.workdir) / workdir.RESULT
    if present.exists():
        return json.loads(present.read_text(encoding="utf-8"))
    try:
        experiment, folder = start(run, measured_training.prepare)
        return train_and_measure(experiment, folder, yardstick=yardstick, **cell._asdict())[1]
    except NonFiniteError as error:
        result = {**cell._asdict(), "samples": None, "diverged": str(error), "commit": workdir.commit()}
        write_json(present, result)
        return result


def curves_of(folder: Path) -> Curves:
    """What a finished cell's folder knows about its course."""
    metrics = read_metrics(folder / workdir.METRICS)
    measured = read_metrics(folder / MEASUREMENTS)

    def series(name: str) -> np.ndarray:
        return np.array([record.get(name, np.nan) for record in metrics])

    mean = series("sample_logit")
    return Curves(
        steps=np.array([record["step"] for record in metrics]),
        accuracy=(series("real_accuracy") + series("fake_accuracy")) / 2,
        mean_logit=mean,
        logit_deviation=np.sqrt(np.maximum(series("sample_logit_square") - mean**2, 0.0)),
        measured_steps=np.array([record["step"] for record in measured]),
        frechet=np.array([record["frechet"] for record in measured]),
    )


def row_of(cell: Cell, result: dict[str, Any], curves: Curves) -> dict[str, Any]:
    """One cell in numbers, those of its last tenth where it has a course."""
    row = {**cell._asdict(), "diverged": "diverged" in result, "frechet": None, "kernel": None, "best_frechet": None}
    if not row["diverged"]:
        row |= {"frechet": result["samples"]["frechet"], "kernel": result["samples"]["kernel"],
                "best_frechet": float(curves.frechet.min())}  # fmt: skip
    last = slice(-max(len(curves.steps) // 10, 1), None)
    for name in ("accuracy", "mean_logit", "logit_deviation"):
        values = getattr(curves, name)[last]
        row[name] = round(float(values.mean()), 4) if len(values) and np.isfinite(values).all() else None
    return row


def markdown(rows: list[dict[str, Any]], *, floor: float) -> str:
    """The table of all cells."""

    def cell(value: float | None, digits: int) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    lines = [
        f"Frechet distance of as many real pictures: {floor:.2f}. A row of dashes: numbers were no longer finite.",
        "",
        "| objective | G:D | learning rate | seed | Frechet at the end | at best | accuracy of D | mean F | sd of F |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            row["objective"], row["ratio"], f"{row['learning_rate']:g}", str(row["seed"]), cell(row["frechet"], 2),
            cell(row["best_frechet"], 2), cell(row["accuracy"], 3), cell(row["mean_logit"], 2),
            cell(row["logit_deviation"], 2),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def mean_of_seeds(rows: list[dict[str, Any]], plan: Plan) -> list[dict[str, Any]]:
    """For every objective the last distance behind the curves: mean and sample deviation over seeds."""
    summary = []
    for objective in plan.objectives:
        found = [
            row["frechet"] for row in rows if row["objective"] == objective and Cell(**_coordinates(row)) in plan.curves
        ]
        values = np.array([value for value in found if value is not None])
        summary.append({
            "objective": objective,
            "frechet": round(float(values.mean()), 3) if len(values) else None,
            "frechet_sd": round(float(values.std(ddof=1)), 3) if len(values) > 1 else None,
            "seeds": len(found),
            "diverged": len(found) - len(values),
        })  # fmt: skip
    return summary


def _coordinates(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in Cell._fields}


def open_sweep(config: Config, plan: Plan) -> tuple[Path, Yardstick]:
    """Checks every cell's flags, opens the workdir, and makes what all are measured by.

    Raises:
      UsageError: something that the user can mend; nothing has been overwritten.
    """
    check_workdir(config, holds="the results and every cell's run go there")
    experiments = [measured_training.prepare(run_config(config, cell)) for cell in plan.cells]
    folder, first = open_folder(config), experiments[0]
    return folder, yardstick_of(first)


def main(config: Config) -> dict[str, Any] | None:
    """Runs what is not yet done, then draws and writes everything; ``None`` when told to stop."""
    plan = plan_of(config)
    if config.compilation_cache:
        keep_compilations()
    folder, yardstick = open_sweep(config, plan)
    rows, curves = [], {}
    for number, cell in enumerate(plan.cells, start=1):
        logger.info("cell %d of %d: %s", number, len(plan.cells), cell.name)
        result = run_cell(config, cell, yardstick)
        if result is None:
            return None
        curves[cell] = curves_of(folder / "cells" / cell.name)
        rows.append(row_of(cell, result, curves[cell]))
    results = {
        "over_trained": mean_of_seeds(rows, plan),
        "cells": rows,
        "floor": yardstick.floor,
        "protocol": yardstick.protocol,
        "commit": workdir.commit(),
    }
    draw(folder, plan, rows, curves, floor=yardstick.floor["frechet"], title=f"{config.dataset.split('/')[-1]}")
    write_text(folder / "result.md", markdown(rows, floor=yardstick.floor["frechet"]))
    write_json(folder / workdir.RESULT, results)
    logger.info("map.png, curves.png, samples.png, result.md and result.json are in %s", folder)
    return results


def draw(
    folder: Path,
    plan: Plan,
    rows: list[dict[str, Any]],
    curves: dict[Cell, Curves],
    *,
    floor: float,
    title: str,
) -> None:
    """The three pictures."""
    shown = plan.curves[0]
    words = f"{title}, G:D = {shown.ratio}, learning rate {shown.learning_rate:g}"
    of_objective = {
        objective: [curves[cell] for cell in plan.curves if cell.objective == objective]
        for objective in plan.objectives
    }
    save_curves(folder / "curves.png", of_objective, floor=floor, title=words)
    save_samples(
        folder / "samples.png",
        {
            cell.objective: sorted((folder / "cells" / cell.name / workdir.PICTURES).glob("samples_*.png"))
            for cell in plan.curves
            if cell.seed == 0
        },
        title=f"{words}: seed 0",
    )
    if plan.map:
        found = {Cell(**_coordinates(row)): row["frechet"] for row in rows}
        grids = [
            Grid(
                objective=objective,
                values=np.array([
                    [_number(found[Cell(objective, rate, ratio, 0)]) for rate in plan.learning_rates]
                    for ratio in plan.ratios
                ]),
            )
            for objective in plan.objectives
        ]  # fmt: skip
        save_map(folder / "map.png", grids, learning_rates=plan.learning_rates, ratios=plan.ratios, floor=floor,
                 title=f"{title}: Frechet distance at the end")  # fmt: skip


def _number(value: float | None) -> float:
    return np.nan if value is None else value


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)
