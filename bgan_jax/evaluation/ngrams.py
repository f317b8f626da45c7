r"""n-gram statistics of generated text: the divergence of WGAN-GP's language experiment, with its errors.

A line is a row of symbols of fixed length; every window of n symbols counts, padding symbols included. Small samples
of either set bias the statistic upwards, so it is reported together with its *floor*: the same statistic of as many
held-out real lines. If a generator reaches the floor, n-gram counts cannot distinguish it from real text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np

from bgan_jax.evaluation.histograms import js_divergence_bits
from bgan_jax.evaluation.host_randomness import host_generator


class NgramCounts(NamedTuple):
    """The distinct n-grams of a set of lines and their counts.

    Attributes:
      codes: each distinct n-gram as one integer in base ``num_symbols``, ascending, ``[U]`` int64.
      counts: occurrences, ``[U]`` int64.
      n: symbols per n-gram.
      num_symbols: size of the alphabet.
    """

    codes: np.ndarray
    counts: np.ndarray
    n: int
    num_symbols: int


class NgramDivergence(NamedTuple):
    """The divergence of one n in a report.

    Attributes:
      n: symbols per n-gram.
      value: divergence of the generated lines from the training lines, in bits, [0, 1].
      standard_error: bootstrap over generated lines.
      low: lower end of the 95 % bootstrap interval.
      high: its upper end.
      floor: the same statistic for held-out real lines.
    """

    n: int
    value: float
    standard_error: float
    low: float
    high: float
    floor: float


class NgramReport(NamedTuple):
    """The divergences of one set of generated lines, and the counts they depend on.

    Attributes:
      divergences: one per n, from 1.
      num_generated: number of generated lines.
      num_training: number of training lines.
      num_floor: number of held-out lines in the floor; equal to ``num_generated`` unless there were fewer.
      num_copies: number of generated lines that occur in the training set.
    """

    divergences: tuple[NgramDivergence, ...]
    num_generated: int
    num_training: int
    num_floor: int
    num_copies: int


def ngram_counts(lines: np.ndarray, *, n: int, num_symbols: int) -> NgramCounts:
    """Counts every window of n symbols of every line.

    Args:
      lines: symbols, integers in ``[0, num_symbols)``, ``[N, L]``.
      n: symbols per n-gram, at most L.
      num_symbols: size V of the alphabet; V^n must fit 63 bits.

    Returns:
      The distinct n-grams and their counts, N (L - n + 1) in total.

    Raises:
      ValueError: the lines are invalid, or V^n is too large.

    Example:
      >>> bigrams = ngram_counts(np.array([[0, 1, 0, 1]]), n=2, num_symbols=2)
      >>> bigrams.codes.tolist(), bigrams.counts.tolist()
      ([1, 2], [2, 1])
    """
    codes, counts = np.unique(_window_codes(lines, n=n, num_symbols=num_symbols), return_counts=True)
    return NgramCounts(codes=codes, counts=counts, n=n, num_symbols=num_symbols)


def ngram_js_divergence(*, generated: NgramCounts, reference: NgramCounts) -> float:
    r"""Computes the Jensen-Shannon divergence of two n-gram distributions in bits, in [0, 1].

    The statistic of WGAN-GP's language model (Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028), n-gram for
    n-gram: no smoothing, each KL summed over its own support.

    Args:
      generated: counts of the generated lines.
      reference: counts of the training lines.

    Returns:
      Bits, in [0, 1].

    Raises:
      ValueError: the two have different n or alphabets.

    Example:
      >>> same = ngram_counts(np.array([[0, 1, 0]]), n=1, num_symbols=2)
      >>> ngram_js_divergence(generated=same, reference=same)
      0.0
    """
    if (generated.n, generated.num_symbols) != (reference.n, reference.num_symbols):
        raise ValueError(
            f"cannot compare {generated.n}-grams of {generated.num_symbols} symbols with {reference.n}-grams of "
            f"{reference.num_symbols}"
        )
    support = np.union1d(generated.codes, reference.codes)
    aligned = np.zeros((2, len(support)))
    for row, side in zip(aligned, (generated, reference), strict=True):
        row[np.searchsorted(support, side.codes)] = side.counts
    return js_divergence_bits(aligned[0], aligned[1])


def ngram_bootstrap(
    key: jax.Array,
    lines: np.ndarray,
    *,
    reference: NgramCounts,
    num_replicates: int = 200,
) -> np.ndarray:
    """Computes the divergences of bootstrap resamples of the generated lines.

    Whole lines are drawn with replacement, since the n-grams of one line depend on each other; the reference is fixed.
    Resamples repeat lines, so their *mean* is larger than the statistic; use their deviations from that mean.

    Args:
      key: PRNG key.
      lines: generated lines, ``[N, L]``.
      reference: counts of the training lines; they determine n and the alphabet.
      num_replicates: R.

    Returns:
      Bits, ``[R]``.

    Raises:
      ValueError: the lines contain symbols outside the alphabet.

    Example:
      >>> lines = np.array([[0, 1, 1], [1, 0, 1]])
      >>> reference = ngram_counts(lines, n=2, num_symbols=2)
      >>> ngram_bootstrap(jax.random.key(0), lines, reference=reference, num_replicates=5).shape
      (5,)
    """
    windows = _window_codes(lines, n=reference.n, num_symbols=reference.num_symbols)
    codes, positions = np.unique(windows, return_inverse=True)
    positions = positions.reshape(windows.shape)
    places = np.minimum(np.searchsorted(reference.codes, codes), len(reference.codes) - 1)
    known = reference.codes[places] == codes
    in_reference = np.where(known, reference.counts[places], 0)
    # n-grams that occur in no generated line form one extra bin: each contributes q log 2, and so does their sum.
    elsewhere = reference.counts.sum() - in_reference.sum()
    reference_bins = np.append(in_reference, elsewhere)
    resampler = host_generator(key)
    values = np.empty(num_replicates)
    for replicate in range(num_replicates):
        repeats = np.bincount(resampler.integers(len(lines), size=len(lines)), minlength=len(lines))
        weights = np.broadcast_to(repeats[:, None], positions.shape)
        counts = np.bincount(positions.ravel(), weights=weights.ravel(), minlength=len(codes))
        values[replicate] = js_divergence_bits(np.append(counts, 0), reference_bins)
    return values


def num_copied_lines(generated: np.ndarray, training: np.ndarray) -> int:
    """Counts the generated lines that occur, symbol for symbol, in the training set.

    Args:
      generated: ``[N, L]``; a line generated twice counts twice.
      training: ``[M, L]``.

    Returns:
      A number of lines, 0 to N.

    Raises:
      ValueError: the lines have different lengths.

    Example:
      >>> num_copied_lines(np.array([[1, 2], [3, 4], [1, 2]]), np.array([[1, 2], [5, 6]]))
      2
    """
    generated, training = np.asarray(generated), np.asarray(training)
    if generated.ndim != 2 or training.ndim != 2 or generated.shape[1] != training.shape[1]:
        raise ValueError(f"both must be [lines, L] with one L, got {list(generated.shape)} and {list(training.shape)}")
    known = {line.tobytes() for line in np.ascontiguousarray(training, np.int32)}
    return sum(line.tobytes() in known for line in np.ascontiguousarray(generated, np.int32))


def ngram_report(
    key: jax.Array,
    *,
    generated: np.ndarray,
    training: np.ndarray,
    held_out: np.ndarray,
    num_symbols: int,
    orders: Sequence[int] = (1, 2, 3, 4, 5, 6),
    num_replicates: int = 200,
) -> NgramReport:
    """Computes the divergence for each n with a bootstrap interval and its floor, and counts copied lines.

    The interval is the statistic plus the central 95 % of the resamples' deviations from their mean: it covers the
    statistic's mean *at this number of lines*, so reports with equal counts are comparable.

    Args:
      key: PRNG key of the bootstrap and of the choice of held-out lines.
      generated: generated lines, ``[N, L]``.
      training: training lines, ``[M, L]``; WGAN-GP's reference is all of them.
      held_out: real lines that are not in the training set, ``[K, L]``; N of them give the floor, or all if fewer.
      num_symbols: size of the alphabet.
      orders: the values of n.
      num_replicates: bootstrap resamples; at least 2.

    Returns:
      The report.

    Raises:
      ValueError: the lines or sizes are invalid.

    Example:
      >>> lines = np.random.default_rng(0).integers(0, 3, (40, 8))
      >>> report = ngram_report(
      ...     jax.random.key(0), generated=lines[:10], training=lines[10:30], held_out=lines[30:],
      ...     num_symbols=3, orders=(1, 2), num_replicates=20,
      ... )
      >>> [divergence.n for divergence in report.divergences], report.num_floor
      ([1, 2], 10)
    """
    if num_replicates < 2:
        raise ValueError(f"num_replicates must be at least 2, got {num_replicates}")
    floor_key, bootstrap_key = jax.random.split(key)
    chosen = host_generator(floor_key).permutation(len(held_out))[: len(generated)]
    floor_lines = np.asarray(held_out)[chosen]
    divergences = []
    for n in orders:
        reference = ngram_counts(training, n=n, num_symbols=num_symbols)
        of_generated = ngram_counts(generated, n=n, num_symbols=num_symbols)
        of_held_out = ngram_counts(floor_lines, n=n, num_symbols=num_symbols)
        value = ngram_js_divergence(generated=of_generated, reference=reference)
        order_key = jax.random.fold_in(bootstrap_key, n)
        resampled = ngram_bootstrap(order_key, generated, reference=reference, num_replicates=num_replicates)
        low, high = value + np.quantile(resampled - resampled.mean(), [0.025, 0.975])
        divergences.append(
            NgramDivergence(
                n=n,
                value=value,
                standard_error=float(resampled.std(ddof=1)),
                low=max(float(low), 0.0),
                high=min(float(high), 1.0),
                floor=ngram_js_divergence(generated=of_held_out, reference=reference),
            )
        )
    return NgramReport(
        divergences=tuple(divergences),
        num_generated=len(generated),
        num_training=len(training),
        num_floor=len(floor_lines),
        num_copies=num_copied_lines(generated, training),
    )


def _window_codes(lines: np.ndarray, *, n: int, num_symbols: int) -> np.ndarray:
    """Encodes every window as one integer in base ``num_symbols``, ``[N, L - n + 1]``."""
    lines = np.asarray(lines)
    if lines.ndim != 2 or lines.size == 0 or not 1 <= n <= lines.shape[1]:
        raise ValueError(f"lines must be [N, L] with N >= 1 and L >= n = {n} >= 1, got the shape {list(lines.shape)}")
    if not np.issubdtype(lines.dtype, np.integer) or lines.min() < 0 or lines.max() >= num_symbols:
        raise ValueError(
            f"lines must hold integers in [0, {num_symbols}), got {lines.dtype} in [{lines.min()}, {lines.max()}]"
        )
    if num_symbols**n >= 2**63:
        raise ValueError(
            f"{num_symbols}^{n} n-grams do not fit in 63 bits; relabel the symbols in use, or use a smaller n"
        )
    num_windows = lines.shape[1] - n + 1
    codes = np.zeros((len(lines), num_windows), np.int64)
    for offset in range(n):
        codes *= num_symbols
        codes += lines[:, offset : offset + num_windows]
    return codes
