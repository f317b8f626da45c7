"""n-gram statistics against a plain dictionary count, and the properties of their errors."""

import collections
import math

import jax
import numpy as np
import pytest

from bgan_jax.evaluation.ngrams import (
    ngram_bootstrap,
    ngram_counts,
    ngram_js_divergence,
    ngram_report,
    num_copied_lines,
)

NUM_SYMBOLS = 5


def markov_lines(seed, num_lines, *, length=12, stay=0.5):
    """Draws lines in which a symbol repeats with probability ``stay``."""
    generator = np.random.default_rng(seed)
    lines = generator.integers(0, NUM_SYMBOLS, (num_lines, length))
    for position in range(1, length):
        repeat = generator.random(num_lines) < stay
        lines[repeat, position] = lines[repeat, position - 1]
    return lines


def divergence(generated, reference, n, *, num_symbols=NUM_SYMBOLS):
    counted = [ngram_counts(lines, n=n, num_symbols=num_symbols) for lines in (generated, reference)]
    return ngram_js_divergence(generated=counted[0], reference=counted[1])


def divergence_by_dictionary(generated, reference, n):
    """Computes the divergence by its definition: counts of every window, KL of each set from the mean distribution."""

    def distribution(lines):
        counts = collections.Counter(
            tuple(line[start : start + n]) for line in lines.tolist() for start in range(len(line) - n + 1)
        )
        total = sum(counts.values())
        return {ngram: count / total for ngram, count in counts.items()}

    p, q = distribution(generated), distribution(reference)

    def kl_from_middle(a, b):
        return sum(prob * math.log(prob / ((prob + b.get(ngram, 0.0)) / 2)) for ngram, prob in a.items())

    return (kl_from_middle(p, q) + kl_from_middle(q, p)) / (2 * math.log(2))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_divergence_is_the_definition(n):
    generated, reference = markov_lines(0, 20, stay=0.2), markov_lines(1, 60)
    assert divergence(generated, reference, n) == pytest.approx(divergence_by_dictionary(generated, reference, n))


@pytest.mark.parametrize("n", [1, 3, 6])
def test_extremes(n):
    lines = markov_lines(0, 30)
    assert divergence(lines, np.tile(lines, (3, 1)), n) == pytest.approx(0.0, abs=1e-12)
    assert divergence(lines, lines + NUM_SYMBOLS, n, num_symbols=2 * NUM_SYMBOLS) == pytest.approx(1.0)


def test_hand_computed_case():
    # Bigrams of "aab": aa, ab. Of "abb": ab, bb. Half of each side is shared: JSD = 1/2.
    assert divergence(np.array([[0, 0, 1]]), np.array([[0, 1, 1]]), 2) == pytest.approx(0.5)


def test_counts_cover_every_window_and_no_other():
    lines = markov_lines(2, 10)
    for n in (1, 4, 12):
        assert ngram_counts(lines, n=n, num_symbols=NUM_SYMBOLS).counts.sum() == 10 * (12 - n + 1)


def test_names_of_symbols_do_not_matter():
    generated, reference = markov_lines(0, 20), markov_lines(1, 40)
    renamed = np.random.default_rng(0).permutation(NUM_SYMBOLS)
    assert divergence(renamed[generated], renamed[reference], 3) == pytest.approx(divergence(generated, reference, 3))


def test_longer_n_grams_are_further_apart():
    generated, reference = markov_lines(0, 50, stay=0.1), markov_lines(1, 200)
    values = [divergence(generated, reference, n) for n in range(1, 7)]
    assert values == sorted(values)


def test_a_resample_that_keeps_every_line_is_the_statistic_itself(monkeypatch):
    lines, reference = markov_lines(0, 15), ngram_counts(markov_lines(1, 60), n=4, num_symbols=NUM_SYMBOLS)

    class EveryLineOnce:
        def integers(self, high, *, size):
            assert high == size
            return np.arange(size)

    monkeypatch.setattr("bgan_jax.evaluation.ngrams.host_generator", lambda key: EveryLineOnce())
    resampled = ngram_bootstrap(jax.random.key(0), lines, reference=reference, num_replicates=1)
    of_lines = ngram_counts(lines, n=4, num_symbols=NUM_SYMBOLS)
    assert resampled[0] == pytest.approx(ngram_js_divergence(generated=of_lines, reference=reference))


def test_interval_covers_the_mean_of_the_statistic():
    training = markov_lines(100, 400)
    truth = np.mean([divergence(markov_lines(seed, 60, stay=0.3), training, 2) for seed in range(1000, 1400)])
    covered = 0
    for seed in range(100):
        report = ngram_report(
            jax.random.key(seed),
            generated=markov_lines(2000 + seed, 60, stay=0.3),
            training=training,
            held_out=training[:1],
            num_symbols=NUM_SYMBOLS,
            orders=(2,),
            num_replicates=100,
        )
        covered += report.divergences[0].low <= truth <= report.divergences[0].high
    # 95 +- 2.2 of 100 when exact; the bootstrap of a small sample is a little narrow.
    assert covered >= 84


def test_real_lines_score_the_floor():
    training = markov_lines(0, 500)
    reports = [
        ngram_report(
            jax.random.key(seed),
            generated=markov_lines(10 + seed, 60),
            training=training,
            held_out=markov_lines(1000 + seed, 60),
            num_symbols=NUM_SYMBOLS,
            orders=(3,),
            num_replicates=2,
        )
        for seed in range(60)
    ]
    gaps = [report.divergences[0].value - report.divergences[0].floor for report in reports]
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / np.sqrt(60)


def test_report_counts_what_it_used_and_what_was_copied():
    training = markov_lines(0, 50)
    generated = np.concatenate([training[:3], training[:1], markov_lines(7, 20) + 0])
    copied = num_copied_lines(generated, training)
    expected = sum(line in training.tolist() for line in generated.tolist())
    assert copied == expected >= 4
    report = ngram_report(
        jax.random.key(0),
        generated=generated,
        training=training,
        held_out=markov_lines(1, 10),
        num_symbols=NUM_SYMBOLS,
        num_replicates=5,
    )
    assert (report.num_generated, report.num_training, report.num_floor) == (24, 50, 10)
    assert report.num_copies == copied
    assert [entry.n for entry in report.divergences] == [1, 2, 3, 4, 5, 6]
    assert all(entry.low <= entry.value <= entry.high for entry in report.divergences)


def test_large_alphabets_fit_and_too_large_ones_are_refused():
    lines = np.random.default_rng(0).integers(0, 192, (20, 32))
    assert ngram_counts(lines, n=6, num_symbols=192).counts.sum() == 20 * 27
    assert np.array_equal(np.unique(lines), ngram_counts(lines, n=1, num_symbols=192).codes)
    with pytest.raises(ValueError, match="63 bits"):
        ngram_counts(lines, n=6, num_symbols=2048)


@pytest.mark.parametrize(
    ("lines", "n", "message"),
    [
        (np.zeros((2, 4), int), 5, r"L >= n = 5"),
        (np.zeros((2, 4), int), 0, "n = 0"),
        (np.zeros((0, 4), int), 1, "N >= 1"),
        (np.full((2, 4), NUM_SYMBOLS), 1, r"\[0, 5\)"),
        (np.zeros((2, 4)), 1, "integers"),
    ],
)
def test_bad_lines_are_refused(lines, n, message):
    with pytest.raises(ValueError, match=message):
        ngram_counts(lines, n=n, num_symbols=NUM_SYMBOLS)


def test_what_cannot_be_compared_is_refused():
    lines = markov_lines(0, 5)
    unigrams, bigrams = (ngram_counts(lines, n=n, num_symbols=NUM_SYMBOLS) for n in (1, 2))
    with pytest.raises(ValueError, match="cannot compare"):
        ngram_js_divergence(generated=unigrams, reference=bigrams)
    with pytest.raises(ValueError, match="one L"):
        num_copied_lines(lines, lines[:, 1:])
