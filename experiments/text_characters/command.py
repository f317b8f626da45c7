"""Trains a boundary-seeking GAN on text, character by character.

    python -m experiments.text_characters --workdir=runs/text
    python -m experiments.text_characters --workdir=runs/text_positions --weights=position
    python -m experiments.text_characters --workdir=runs/brown --dataset=text:sentences.txt.xz

Trains the paper's one-dimensional residual networks, small, on sentences of Jane Austen that ship with the package, 32
characters of each, and measures the samples: n-gram Jensen-Shannon divergence for n = 1 to 6 as WGAN-GP defines it,
with its held-out floor and a bootstrap interval; copies of training lines; and reverse perplexity, the bits per
character that a character model trained on samples alone needs for real text. Samples as text are in pictures/, five
lines of each in the log.

About 10 minutes of one CPU core. docs/results/text_characters.md has the measurements, and why these settings.

--weights=sequence is the paper's: one F and one weight per sentence. --weights=position gives every position its own F
and its own weights, normalised over the M samples at that position; it is worse. --preset=bw_char runs the authors'
settings, --preset=wgan_gp those of WGAN-GP on relaxed samples; neither has been run here at its size.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import Any

import jax

from bgan_jax.algorithms.estimators import PER_POSITION
from bgan_jax.atomic_files import write_json, write_text
from bgan_jax.data import to_strings
from bgan_jax.runtime import hosts, workdir
from bgan_jax.runtime.metrics import read_metrics
from bgan_jax.runtime.platform import Platform
from bgan_jax.sampling.sampler import Sampler
from experiments.harness.cli import flags
from experiments.harness.cli.command import Command
from experiments.harness.cli.shared_flags import PresetFlag
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.experiment import Experiment, Measure, Outcome
from experiments.harness.runs.run import run
from experiments.harness.runs.run_config import open_split
from experiments.harness.runs.seed_results import result_over_seeds
from experiments.harness.runs.start import start
from experiments.text_characters.figures import save_divergences
from experiments.text_characters.ngram_scores import Corpus, corpus_of, divergences, generate_lines, score_samples
from experiments.text_characters.table import lines_table

logger = logging.getLogger("bgan_jax")

TEXT_NETWORKS = ("characters_small", "characters_theano", "characters_wgan_gp")

# EXPERIMENTS of the paper: the authors' settings. They name 100 passes over a file that is not published; its size is
# not known, so the number of steps is WGAN-GP's.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "bw_char": {
        "dataset": "lm1b", "network": "characters_theano", "width": None, "divergence": "gan", "num_samples": 20,
        "disc_fakes_per_latent": 20, "estimator": "boundary_seeking_plain", "batch_size": 64,
        "learning_rate_gen": 1e-3, "learning_rate_disc": 1e-3, "penalty": 0.0,
        "learning_rate_half_life": None, "adam_b1": 0.5, "average_decay": 0.0, "steps": 200000,
        "picture_every": 5000, "checkpoint_every": 5000,
    },
    # Gulrajani et al. 2017.
    "wgan_gp": {
        "dataset": "lm1b_padded", "network": "characters_wgan_gp", "width": None, "estimator": "probabilities",
        "objective": "wasserstein", "penalty": 10.0, "penalty_form": "wgan_gp", "disc_steps": 10,
        "batch_size": 64, "learning_rate_gen": 1e-4, "learning_rate_disc": 1e-4, "learning_rate_half_life": None,
        "adam_b1": 0.5, "adam_b2": 0.9, "average_decay": 0.0, "steps": 200000, "picture_every": 5000,
        "checkpoint_every": 5000,
    },
}  # fmt: skip

SMOKE = {
    "steps": 4, "batch_size": 16, "num_samples": 3, "disc_fakes_per_latent": 1, "width": 4, "penalty_stride": 2,
    "report_every": 2, "checkpoint_every": 2, "picture_every": 2, "measured_lines": 64, "model_lines": 200,
    "model_steps": 3,
}  # fmt: skip


@flags.config(
    dataset=flags.override("austen32", legal="austen32, lm1b, lm1b_padded or text:PATH"),
    network=flags.override("characters_small", choices=TEXT_NETWORKS),
    steps=15000,
    batch_size=32,
    divergence="gan",
    learning_rate_gen=5e-3,
    learning_rate_disc=1e-3,
    learning_rate_half_life=8000,
    adam_b1=0.0,
    penalty=0.01,
    penalty_stride=2,
    average_decay=0.999,
    preset=flags.override(choices=tuple(PRESETS)),
)
class Config(PresetFlag, discrete.DiscreteConfig):
    """The flags of this experiment."""

    weights: str = flags.flag(
        "sequence", "What has an F and weights of its own: a sentence, or every position of it.", group="generator",
        common=True, choices=("sequence", "position"),
    )  # fmt: skip
    measured_lines: int = flags.flag(
        640, "Lines whose n-grams are counted; the number moves the divergence.", group="evaluation", minimum=2,
        may_change=True,
    )  # fmt: skip
    model_lines: int = flags.flag(
        10000,
        "Lines that the character model of the evaluation is trained on.",
        group="evaluation",
        minimum=2,
        may_change=True,
    )
    model_steps: int = flags.flag(
        600, "Training steps of that character model.", group="evaluation", minimum=1, may_change=True
    )


def with_weights(config: Config) -> Config:
    """Returns the config with the network that its weights need.

    Raises:
      UsageError: an estimator that has no meaning per position.
    """
    if config.weights == "sequence":
        return config
    if config.estimator not in PER_POSITION:
        raise UsageError(
            f"--weights=position has no --estimator={config.estimator}: it needs one F per sentence; use one of "
            f"{', '.join(PER_POSITION)}"
        )
    return dataclasses.replace(config, network=f"{config.network}_positions")


def prepare(config: Config, platform: Platform) -> Experiment:
    """Checks every flag and opens the data; nothing has been written yet.

    Raises:
      UsageError: a wrong flag, file or folder.
    """
    experiment = discrete.prepare(config, platform, kinds=["text"])
    try:
        open_split(config, "test")
    except (ValueError, FileNotFoundError) as error:
        raise UsageError(f"--dataset={config.dataset}: samples are compared with a test split: {error}") from error
    return experiment


def finish(outcome: Outcome, *, corpus: Corpus) -> dict[str, Any]:
    """Measures a trained generator and writes ``ngrams.png``, ``result.json`` and ``result.md``."""
    experiment, folder = outcome.experiment, outcome.folder
    config: Any = experiment.config
    logger.info("training the character model, on samples and on real lines")
    key = jax.random.key(config.seed + 2)
    scores = score_samples(key, corpus, outcome.sample, model_lines=config.model_lines, model_steps=config.model_steps)
    lines = to_strings(outcome.sample(jax.random.key(config.seed), 20).x, spec=experiment.dataset.spec)
    result = {
        **scores,
        "lines": list(lines),
        "weights": config.weights,
        "seed": config.seed,
        "steps": outcome.step,
        "training_seconds": round(outcome.seconds, 1),
        "commit": workdir.commit(),
    }
    write_json(folder / workdir.RESULT, result)
    write_text(folder / "result.md", lines_table(result))
    save_divergences(
        folder / "ngrams.png",
        read_metrics(folder / workdir.MEASUREMENTS),
        result,
        title=f"{experiment.title}, {config.weights}",
    )
    bits = result["reverse_bits_per_character"]
    logger.info(
        "reverse perplexity %.3f +- %.3f bits per character (real lines: %.3f); %d of %d lines are in the training set",
        bits["samples"]["value"], bits["samples"]["standard_error"], bits["real"]["value"],
        result["copies"]["copied"], result["copies"]["num_lines"],
    )  # fmt: skip
    return result


def make_measure(corpus: Corpus) -> Measure:
    """Returns the function that ``run`` calls with every sample file, to measure the n-grams of samples."""

    def measure(experiment: Experiment, step: int, sample: Sampler) -> dict[str, Any]:
        lines = generate_lines(jax.random.key(experiment.config.seed + 1), sample, corpus.num_lines)
        found = divergences(corpus, lines)
        beside = ", ".join(f"{value:.3f} ({floor:.3f})" for value, floor in zip(found, corpus.floor, strict=True))
        logger.info("step %d: n-gram divergence in bits, n = 1 to %d, (real lines): %s", step, len(found), beside)
        return {"ngram_divergence": [round(value, 4) for value in found]}

    return measure


def main(config: Config) -> dict[str, Any] | None:
    """Trains, samples, measures; the result goes to ``result.json`` and ``result.md``."""
    experiment, folder = start(with_weights(config), prepare)
    corpus = None
    if hosts.is_first():  # Only process 0 measures.
        corpus = corpus_of(experiment.dataset, open_split(config, "test"), num_lines=config.measured_lines)
    outcome = run(experiment, folder, measure=None if corpus is None else make_measure(corpus))
    if outcome.step < config.steps or corpus is None:
        return None
    result = result_over_seeds(outcome, functools.partial(finish, corpus=corpus))
    logger.info("samples, curves, ngrams.png, result.md and result.json are in %s", folder)
    return result


COMMAND = Command(main=main, config=Config, description=__doc__, smoke=SMOKE, presets=PRESETS)
