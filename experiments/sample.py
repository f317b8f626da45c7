"""Draws samples from a trained run, of any experiment and any kind of data.

    python -m experiments.sample --workdir=runs/mnist --num=1000 --out=samples.npz
    python -m experiments.sample --workdir=runs/mnist --out=likely.png --temperature=0.3
    python -m experiments.sample --workdir=runs/mnist --out=walk.png --interpolate=8
    python -m experiments.sample --workdir=runs/mnist --out=better.png --candidates=16
    python -m experiments.sample --workdir=runs/table --num=10000 --out=synthetic.csv --where=season=winter

Reads the newest good checkpoint. An .npz contains x in the form of the data: bits, indices into a palette (which is in
the file) or into a vocabulary, or intensities 0..255; and for discrete data probs, the probabilities that x was drawn
from. A .png gets a grid, a .txt lines of text, a .csv rows in the table's own columns, order and types. Pictures are
read again as --dataset=npz:FILE.npz, lines as --dataset=text:FILE.txt, rows as --dataset=csv:FILE.csv. In other code:

    from experiments import load_sampler

    sample, spec, step = load_sampler("runs/mnist")
    x = sample(jax.random.key(0), 1000).x

--candidates=K draws K samples for each and keeps one by the discriminator's weights e^F, which is what the theory says
should be nearer to the data. --where=COLUMN=VALUE draws rows of a table until enough have that value. --judge scores
the samples by the digits' classifier (labelled data only).

docs/results/discrete_mnist.md has measurements of --candidates and --temperature.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from bgan_jax.atomic_files import write_atomically, write_text
from bgan_jax.data import DatasetSpec, to_cells, to_csv, to_images
from bgan_jax.paths import path_of
from bgan_jax.sampling.importance_resampling import make_scorer, resample
from bgan_jax.sampling.interpolation import interpolations, make_decoder, make_tempered_sampler
from bgan_jax.sampling.rejection import sample_where
from bgan_jax.sampling.sampler import Samples
from experiments.harness.cli import command, flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.needs import given, one_of
from experiments.harness.cli.shared_flags import SmokeFlag
from experiments.harness.errors import UsageError
from experiments.harness.metrics.image_scores import image_scores
from experiments.harness.reports.sample_grids import save_grid, show
from experiments.harness.runs.conditions import condition_of, parse_condition
from experiments.harness.runs.data_kinds import KINDS
from experiments.harness.runs.measured_run import FEWEST_IMAGES
from experiments.harness.runs.trained_run import TrainedRun, cache_of, load_run, open_splits

SMOKE = {"num": 8}


@flags.config()
class Config(SmokeFlag):
    """The flags of this command."""

    workdir: str = flags.flag("", "Folder of the run to sample from.", common=True, bucket=True)
    num: int | None = flags.flag(
        None,
        "Number of samples; empty is 64, or as many whole rows of --interpolate, at least one.",
        minimum=1,
        common=True,
    )
    out: str = flags.flag(
        "samples.npz",
        "File to write: .npz for arrays, .png for a grid, .txt for lines, .csv for rows.",
        writes="file",
        common=True,
        bucket=True,
    )
    seed: int = flags.flag(0, "Seed of the samples.", minimum=0, maximum=2**32 - 1, common=True)
    temperature: float = flags.flag(
        1.0, "Above 0. Discrete data: bits or symbols are drawn from g(x|z)^(1/T), near 0 the most probable ones. "
        "Continuous data: latents are drawn so much nearer to their mean.", minimum=0.0, maximum=100.0, common=True,
    )  # fmt: skip
    interpolate: int = flags.flag(
        0, "Latents from one to another, both included, in a row; --num is a multiple of it. 0: none.", minimum=0
    )
    candidates: int = flags.flag(
        1, "Candidates (K) for each sample, of which one is kept by the discriminator's weights; 1 keeps all.",
        minimum=1, maximum=10_000, needs=[one_of("interpolate", 0)],
    )  # fmt: skip
    where: str | None = flags.flag(
        None, "Of tables, a condition by which rows are kept: COLUMN=VALUE, or several with commas between.",
        legal="COLUMN=VALUE,...", common=True, needs=[one_of("interpolate", 0), one_of("candidates", 1)],
    )  # fmt: skip
    escape_formulas: bool = flags.flag(
        False, "Of tables, write an apostrophe before texts that a spreadsheet would run as formulas: those that begin "
        "with = + - @, a tab or a carriage return. Without it they are written as they are in the data."
    )  # fmt: skip
    judge: bool = flags.flag(
        False,
        "Score the samples by a classifier, or images without labels by distances of its features, beside held-out "
        "real images; prints the result as JSON.",
    )
    judge_steps: int = flags.flag(
        1400, "Training steps of the classifier, if no run has trained one.", minimum=1, needs=[given("judge")]
    )
    overwrite: bool = flags.flag(False, "Write over a file that is there.")


def number_of(config: Config) -> int:
    """Returns the number of samples: of interpolations, whole rows.

    Raises:
      UsageError: ``--num`` is not of whole rows.
    """
    row = config.interpolate or 1
    if config.num is None:
        return max(64 // row, 1) * row
    if config.num % row:
        raise UsageError(
            f"--num={config.num} is not a multiple of --interpolate={row}, the samples of an interpolation; give "
            f"--num={(config.num // row + 1) * row}, or leave --num out"
        )
    return config.num


def draw(config: Config, trained: TrainedRun) -> tuple[Samples, dict[str, Any]]:
    """Draws the samples that the flags ask for; returns them with facts about them."""
    key, num = jax.random.key(config.seed), number_of(config)
    networks, conditional, variables = trained.networks, trained.conditional, trained.gen_variables
    if config.interpolate:
        decode = make_decoder(networks, conditional, variables, temperature=config.temperature)
        num_pairs = num // config.interpolate
        return decode(*interpolations(key, networks=networks, num_pairs=num_pairs, num_steps=config.interpolate)), {}
    sample = make_tempered_sampler(networks, conditional, variables, temperature=config.temperature)
    if config.where is not None:
        return sample_where(key, sample, condition_of(config.where, trained.spec), num), {}
    if config.candidates == 1:
        return sample(key, num), {}
    score = make_scorer(networks, conditional, trained.disc_variables)
    kept = resample(key, sample, score, num, candidates=config.candidates)
    size = float(np.mean(kept.effective_sample_size))
    return kept.samples, {
        "candidates": config.candidates,
        "effective_sample_size": round(size, 3),
        "logit_gain": round(kept.logit_gain, 4),
    }


def classifier_scores(config: Config, trained: TrainedRun, x: np.ndarray) -> dict[str, Any]:
    """Scores samples by a classifier of the run's images, or by its features where the images have no labels."""
    if trained.spec.kind in ("text", "table"):
        raise UsageError(f"--judge is for images, and {trained.spec.name} is {KINDS[trained.spec.kind][0]}")
    if len(x) < FEWEST_IMAGES:
        raise UsageError(f"--judge needs --num={FEWEST_IMAGES} samples at least")
    train, held_out = open_splits(trained)
    scores = image_scores(train, held_out, folder=cache_of(trained), steps=config.judge_steps, num_samples=len(x))
    return scores(x)


def check(config: Config) -> Path:
    """Refuses flags that contradict each other before anything is loaded; returns the file to write."""
    if not config.workdir:
        raise UsageError("--workdir=FOLDER is needed: the run to sample from")
    path = path_of(config.out)
    if path.suffix not in (".npz", ".png", ".txt", ".csv"):
        raise UsageError(f"--out={config.out} must end in .npz, .png, .txt or .csv")
    if path.exists() and not config.overwrite:
        raise UsageError(f"--out={config.out} exists already; choose another name or give --overwrite")
    if config.temperature == 0.0:
        raise UsageError("--temperature=0: give a small positive number, such as 0.01, for the most probable")
    if config.interpolate == 1:
        raise UsageError("--interpolate=1: an interpolation has two ends; give at least 2, or 0 for none")
    number_of(config)
    if config.where is not None:
        parse_condition(config.where)
    if config.interpolate and config.candidates > 1:
        raise UsageError(
            "--interpolate and --candidates cannot be combined: an interpolation has one sample per latent"
        )
    return path


def main(config: Config) -> None:
    """Samples and writes the file."""
    path = check(config)
    trained = load_run(config.workdir)
    spec = trained.spec
    fitting = {"text": ".txt", "table": ".csv"}.get(spec.kind, ".png")
    if path.suffix not in (fitting, ".npz"):
        raise UsageError(f"--out={config.out}: samples of {spec.name} are shown in a {fitting} (or .npz)")
    if config.escape_formulas and path.suffix != ".csv":
        raise UsageError(f"--escape_formulas is for --out=FILE.csv, and it is {config.out}")
    try:
        samples, facts = draw(config, trained)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if config.judge:
        facts |= classifier_scores(config, trained, samples.x)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = config.interpolate or max(round(len(samples.x) ** 0.5), 1)
        write(path, samples, spec=spec, columns=columns, seed=config.seed, escape_formulas=config.escape_formulas)
    except OSError as error:
        raise UsageError(f"--out={config.out} cannot be written: {error.strerror or error}") from error
    print(f"{len(samples.x)} samples of step {trained.step} written to {path}")
    if facts:
        print(json.dumps(facts, indent=2))


def write(
    path: Path, samples: Samples, *, spec: DatasetSpec, columns: int, seed: int = 0, escape_formulas: bool = False
) -> None:
    """Writes samples in the form that the file's suffix asks for, atomically."""
    if path.suffix == ".csv":
        write_text(path, to_csv(to_cells(samples.x, spec=spec, seed=seed, escape_formulas=escape_formulas)))
    elif path.suffix == ".txt":
        show(path.parent, path.stem, samples, spec=spec)
    elif path.suffix == ".png":
        save_grid(path, samples, spec=spec, columns=columns)
    else:
        arrays: dict[str, Any] = arrays_of(samples, spec=spec)
        write_atomically(path, lambda file: np.savez_compressed(file, **arrays))


def arrays_of(samples: Samples, *, spec: DatasetSpec) -> dict[str, np.ndarray]:
    """Returns the arrays of an .npz of samples, in the form of the data."""
    arrays = {"x": to_images(samples.x, spec=spec) if spec.kind == "continuous" else samples.x}
    if samples.probs is not None:
        arrays["probs"] = samples.probs
    if spec.palette is not None:
        arrays["palette"] = np.asarray(spec.palette, np.uint8)
    if spec.vocabulary is not None:
        arrays["vocabulary"] = np.asarray(spec.vocabulary)
    return arrays


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE)

if __name__ == "__main__":
    command.run(COMMAND)
