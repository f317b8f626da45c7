"""Scores of tables: laws of distances, the tree against exact distributions, copies, classifiers."""

import numpy as np
import pytest

from bgan_jax.data import open_dataset
from bgan_jax.data.readers.generated_table import LAW, draw_cells, exact_pair
from bgan_jax.evaluation import table_forests
from bgan_jax.evaluation.table_copies import nearest_differences, table_copies
from bgan_jax.evaluation.table_models import chow_liu_tree, independent_columns
from bgan_jax.evaluation.table_pairs import (
    independent_shares,
    joint_shares,
    kept_dependence,
    mean_of_pairs,
    pair_distances,
)

SIZES = [len(factor.values) for factor in LAW]
NAMES = [factor.name for factor in LAW]


def rows_of(n, seed):
    return np.stack([cells.codes for cells in draw_cells(n, seed=seed)], axis=1)


ROWS, OTHERS = rows_of(20_000, 1), rows_of(20_000, 2)


def test_joint_shares_are_the_shares_of_the_rows():
    shares = joint_shares(ROWS[:50], SIZES)
    for i, j in ((0, 1), (3, 7), (2, 2)):
        expected = np.zeros((SIZES[i], SIZES[j]))
        np.add.at(expected, (ROWS[:50, i], ROWS[:50, j]), 1 / 50)
        first, second = np.sum(SIZES[:i]).astype(int), np.sum(SIZES[:j]).astype(int)
        np.testing.assert_allclose(shares[first : first + SIZES[i], second : second + SIZES[j]], expected, atol=1e-12)


def test_distances_are_a_metric_of_pairs_and_of_columns():
    tables = [
        joint_shares(rows, SIZES)
        for rows in (ROWS, OTHERS, independent_columns(ROWS)(np.random.default_rng(0), 20_000))
    ]
    one, two, three = (
        pair_distances(a, b, SIZES) for a, b in ((tables[0], tables[1]), (tables[0], tables[2]), (tables[1], tables[2]))
    )
    assert np.abs(pair_distances(tables[0], tables[0], SIZES)).max() == 0
    np.testing.assert_allclose(one, one.T)
    assert (one <= two + three + 1e-12).all()
    # A pair is at least as far as each of its columns.
    assert (two >= np.maximum(np.diag(two)[:, None], np.diag(two)[None]) - 1e-12).all()
    assert two.min() >= 0 and two.max() <= 1


def test_the_distance_from_independence_is_the_exact_one():
    shares = joint_shares(ROWS, SIZES)
    distances = pair_distances(shares, independent_shares(shares, SIZES), SIZES)
    for first, second in (("late", "mood"), ("season", "weather"), ("weather", "transport")):
        exact = exact_pair(first, second)
        apart = 0.5 * np.abs(exact - np.outer(exact.sum(1), exact.sum(0))).sum()
        found = distances[NAMES.index(first), NAMES.index(second)]
        assert found == pytest.approx(apart, abs=4 / np.sqrt(20_000))
    np.testing.assert_allclose(np.diag(distances), 0.0, atol=1e-12)


def test_the_tree_has_the_law_s_edges_and_draws_their_pairs():
    drawn = chow_liu_tree(ROWS, SIZES)(np.random.default_rng(0), 20_000)
    real = joint_shares(OTHERS, SIZES)
    distances = pair_distances(joint_shares(drawn, SIZES), real, SIZES)
    floor = pair_distances(joint_shares(ROWS, SIZES), real, SIZES)
    # The law is a tree but for the transport, which has two parents: the day is its weaker one.
    for first, second in (("season", "weather"), ("transport", "minutes"), ("minutes", "late"), ("late", "mood")):
        i, j = NAMES.index(first), NAMES.index(second)
        assert distances[i, j] < floor[i, j] + 0.02
    independent = pair_distances(independent_shares(joint_shares(ROWS, SIZES), SIZES), real, SIZES)
    shares = [mean_of_pairs(d) for d in (distances, floor, independent)]
    assert kept_dependence(samples=shares[0], floor=shares[1], ceiling=shares[2]) > 0.9


def test_kept_dependence_is_one_at_the_floor_and_zero_at_the_ceiling():
    assert kept_dependence(samples=0.1, floor=0.1, ceiling=0.3) == 1.0
    assert kept_dependence(samples=0.3, floor=0.1, ceiling=0.3) == 0.0
    assert np.isnan(kept_dependence(samples=0.1, floor=0.2, ceiling=0.2))


def test_copies_are_counted_and_distances_are_the_smallest():
    draws = np.random.default_rng(0)
    train, rows = draws.integers(0, 3, (300, 6)), draws.integers(0, 3, (100, 6))
    brute = np.min(np.sum(rows[:, None] != train[None], axis=2), axis=1)
    np.testing.assert_array_equal(nearest_differences(rows, train, [3] * 6), brute)
    assert table_copies(train[:50], train, [3] * 6).copied_share == 1.0
    assert table_copies(rows, train, [3] * 6).mean_distance == pytest.approx(brute.mean())


def test_classifiers_learn_what_is_in_the_rows_and_cannot_tell_real_rows_apart():
    pytest.importorskip("sklearn")
    independent = independent_columns(ROWS)(np.random.default_rng(0), 2000)
    label = NAMES.index("transport")
    real, without = (
        table_forests.accuracy_on_real(rows, OTHERS[:1000], label=label) for rows in (ROWS[:2000], independent)
    )
    assert real > without + 0.15
    same, apart = (table_forests.two_sample_accuracy(rows, OTHERS[:2000]) for rows in (ROWS[:2000], independent))
    assert abs(same - 0.5) < 4 * 0.5 / np.sqrt(2000)
    assert apart > 0.6


def test_the_field_s_own_reports_prefer_real_rows():
    pytest.importorskip("sdmetrics")
    from bgan_jax.data import to_cells
    from bgan_jax.evaluation.table_sdmetrics import sdmetrics_scores

    train, test = (open_dataset("commute", split=split) for split in ("train", "test"))
    rows, held_out = (split.rows(np.arange(len(split))) for split in (train, test))
    independent = independent_columns(rows)(np.random.default_rng(0), 2000)
    real, without = (
        sdmetrics_scores(to_cells(held_out, spec=test.spec), to_cells(table, spec=test.spec), test.spec.columns)
        for table in (rows[:2000], independent)
    )
    assert real["column_shapes"] > 0.95 and without["column_shapes"] > 0.95
    assert real["pair_trends"] > without["pair_trends"] + 0.05
    assert real["validity"] > 0.99 and real["structure"] == 1.0


def test_the_default_table_is_the_law_s():
    dataset = open_dataset("commute")
    names = [column.name for column in dataset.spec.columns]
    assert names == NAMES
