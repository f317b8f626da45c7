"""Evaluation metrics of generated lines: n-grams, copies, and what a character model learns from them.

Every number has a floor beside it: the same statistic of real lines, held out where the statistic compares with the
training lines, and from the training split where it is learned from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax.data import Dataset
from bgan_jax.evaluation.character_model import BitsPerCharacter, reverse_bits_per_character
from bgan_jax.evaluation.ngrams import (
    NgramCounts,
    NgramReport,
    ngram_counts,
    ngram_js_divergence,
    ngram_report,
    num_copied_lines,
)
from bgan_jax.sampling.sampler import Sampler
from experiments.harness.metrics.copies import warn_of_copies

# As many lines as the language model of WGAN-GP reads.
MOST_TRAINING_LINES = 10_000_000
MOST_HELD_OUT_LINES = 20_000
ORDERS = (1, 2, 3, 4, 5, 6)


class Corpus(NamedTuple):
    """Real lines, with their n-gram counts.

    Attributes:
      training: lines that the generator learns from, ``[M, L]``.
      held_out: others, ``[K, L]``.
      num_symbols: size of the alphabet.
      orders: the n that fit the alphabet and the length.
      references: n-grams of the training lines, one for each n.
      floor: divergence of ``num_lines`` held-out lines from the training lines, in bits, one for each n.
      num_lines: lines of a measurement.
    """

    training: np.ndarray
    held_out: np.ndarray
    num_symbols: int
    orders: tuple[int, ...]
    references: tuple[NgramCounts, ...]
    floor: tuple[float, ...]
    num_lines: int


def corpus_of(train: Dataset, held_out: Dataset, *, num_lines: int) -> Corpus:
    """Reads both splits, counts the training lines' n-grams, and finds the floor.

    Args:
      train: the split to learn from.
      held_out: another split.
      num_lines: lines of a measurement.

    Returns:
      The corpus.
    """
    num_symbols, (length,) = train.spec.num_values, train.spec.shape
    orders = tuple(n for n in ORDERS if n <= length and num_symbols**n < 2**63)
    training = _some_rows(train, MOST_TRAINING_LINES)
    references = tuple(ngram_counts(training, n=n, num_symbols=num_symbols) for n in orders)
    corpus = Corpus(
        training=training,
        held_out=_some_rows(held_out, MOST_HELD_OUT_LINES),
        num_symbols=num_symbols,
        orders=orders,
        references=references,
        floor=(),
        num_lines=num_lines,
    )
    real = np.random.default_rng(0).permutation(len(corpus.held_out))[:num_lines]
    return corpus._replace(floor=divergences(corpus, corpus.held_out[real]))


def _some_rows(dataset: Dataset, most: int) -> np.ndarray:
    """Returns all rows, or ``most`` of them drawn at random."""
    if len(dataset) <= most:
        return dataset.rows(np.arange(len(dataset)))
    return dataset.rows(np.sort(np.random.default_rng(0).choice(len(dataset), most, replace=False)))


def divergences(corpus: Corpus, lines: np.ndarray) -> tuple[float, ...]:
    """Computes the n-gram Jensen-Shannon divergence of lines from the training lines, in bits, one for each n."""
    return tuple(
        ngram_js_divergence(generated=ngram_counts(lines, n=n, num_symbols=corpus.num_symbols), reference=reference)
        for n, reference in zip(corpus.orders, corpus.references, strict=True)
    )


def generate_lines(key: jax.Array, sample: Sampler, num_lines: int, *, at_once: int = 2000) -> np.ndarray:
    """Generates lines ``[num_lines, L]`` in parts, because samples come with probabilities, V times as large."""
    parts = []
    for index, first in enumerate(range(0, num_lines, at_once)):
        parts.append(sample(jax.random.fold_in(key, index), min(at_once, num_lines - first)).x)
    return np.concatenate(parts)


def score_samples(
    key: jax.Array, corpus: Corpus, sample: Sampler, *, model_lines: int, model_steps: int
) -> dict[str, Any]:
    """Measures a generator's lines: n-grams, copies, and reverse perplexity, with the protocol.

    Args:
      key: PRNG key of samples, bootstrap and character model.
      corpus: the real lines.
      sample: the generator's sampler.
      model_lines: lines that the character model learns from, and that are looked up in the training lines.
      model_steps: its training steps.

    Returns:
      JSON values.
    """
    sample_key, report_key, model_key = jax.random.split(key, 3)
    lines = generate_lines(sample_key, sample, max(corpus.num_lines, model_lines))
    report = ngram_report(
        report_key,
        generated=lines[: corpus.num_lines],
        training=corpus.training,
        held_out=corpus.held_out,
        num_symbols=corpus.num_symbols,
        orders=corpus.orders,
    )
    # Both models read as many lines, and the same number of times.
    model_lines = min(model_lines, len(corpus.training))
    some = np.random.default_rng(0).permutation(len(corpus.training))[:model_lines]
    of_samples, of_real = (
        reverse_bits_per_character(
            model_key,
            generated=read,
            held_out=corpus.held_out,
            num_symbols=corpus.num_symbols,
            steps=model_steps,
            batch_size=min(128, model_lines),
        )
        for read in (lines[:model_lines], corpus.training[some])
    )
    copied, held_out_copied = (
        num_copied_lines(lines, corpus.training),
        num_copied_lines(corpus.held_out, corpus.training),
    )
    warn_of_copies(copied / len(lines), usual=held_out_copied / len(corpus.held_out))
    return {
        "ngrams": _ngrams(report),
        "reverse_bits_per_character": {"samples": _bits(of_samples), "real": _bits(of_real)},
        "copies": {
            "num_lines": len(lines),
            "copied": copied,
            "distinct": len(np.unique(lines, axis=0)),
            "held_out_lines": len(corpus.held_out),
            "held_out_copied": held_out_copied,
        },
        "protocol": (
            f"n-gram Jensen-Shannon divergence, base 2, of {report.num_generated} generated lines from "
            f"{report.num_training} training lines, all windows, no smoothing, 95 % bootstrap interval over lines; "
            f"floor: {report.num_floor} held-out lines. Reverse perplexity: bits per character of "
            f"{of_real.num_lines} held-out lines under a causal convolutional model that was trained for {model_steps} "
            f"steps on {model_lines} generated lines, beside the same model of as many training lines"
        ),
    }


def _ngrams(report: NgramReport) -> list[dict[str, float]]:
    return [
        {name: value if name == "n" else round(value, 4) for name, value in entry._asdict().items()}
        for entry in report.divergences
    ]


def _bits(bits: BitsPerCharacter) -> dict[str, float]:
    return {
        "value": round(bits.value, 4),
        "standard_error": round(bits.standard_error, 4),
        "perplexity": round(2.0**bits.value, 3),
    }
