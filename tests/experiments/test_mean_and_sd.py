"""Results of several seeds as one: what becomes a mean with its deviation, and what stays as it is."""

import statistics

from experiments.harness.metrics.mean_and_sd import combine_seeds, is_mean_and_sd, mean_and_sd, means
from experiments.harness.reports.tables import markdown_table, number_cell, plus_minus, result_table


def result(score, *, copied=0, shares=(0.25, 0.75), commit="abc"):
    return {
        "samples": {"images": 50, "score": score, "copied": copied, "shares": list(shares), "empty": None},
        "real": {"score": 9.5},
        "ngrams": [{"n": 1, "value": score / 10}, {"n": 2, "value": score / 20}],
        "lines": [f"a {score}", "b"],
        "seed": 1,
        "commit": commit,
    }


def test_numbers_become_mean_deviation_and_n():
    scores = (7.0, 7.5, 9.5)
    together = combine_seeds([result(score, copied=i) for i, score in enumerate(scores)])
    assert together["samples"]["score"] == {
        "mean": 8.0, "standard_deviation": round(statistics.stdev(scores), 5), "n": 3,
    }  # fmt: skip
    assert together["samples"]["copied"] == {"mean": 1.0, "standard_deviation": 1.0, "n": 3}
    assert together["samples"]["shares"] == {"mean": [0.25, 0.75], "standard_deviation": [0.0, 0.0], "n": 3}
    assert [entry["n"] for entry in together["ngrams"]] == [1, 2]
    assert together["ngrams"][1]["value"]["mean"] == 0.4


def test_what_was_measured_once_stays():
    together = combine_seeds([result(7.0), result(8.0)])
    assert together["real"] == {"score": 9.5} and together["seed"] == 1 and together["commit"] == "abc"
    assert together["samples"]["images"] == 50 and together["samples"]["empty"] is None
    assert together["lines"] == [["a 7.0", "b"], ["a 8.0", "b"]]
    assert combine_seeds([result(7.0, commit="abc"), result(8.0, commit="abd")])["commit"] == ["abc", "abd"]


def test_the_form_does_not_hang_on_the_values():
    """A fraction that happens to be the same for all seeds is a mean of n all the same."""
    one, other = result(7.0), result(7.0, copied=2)
    assert combine_seeds([one, other])["samples"]["score"] == {"mean": 7.0, "standard_deviation": 0.0, "n": 2}


def test_a_missing_number_is_not_averaged_away():
    assert combine_seeds([{"a": None, "b": 1.0}, {"a": 2.0, "b": 1.0}])["a"] == [None, 2.0]
    assert combine_seeds([{"a": True}, {"a": False}])["a"] == [True, False]


def test_the_table_has_a_row_for_every_number():
    text = result_table(combine_seeds([result(7.0), result(8.0)]))
    for words in (
        "| samples.score | 7.50 ± 0.71 (n = 2) |", "| samples.shares 2 | 0.7500 ± 0.0000 (n = 2) |",
        "| real.score | 9.5 |", "| ngrams 2.value | 0.375 ± 0.035 (n = 2) |", "| samples.images | 50 |", "commit: abc",
    ):  # fmt: skip
        assert words in text, (words, text)
    assert "lines" not in text


def test_cells_and_means():
    assert number_cell(0.5, ".2f") == "0.50" and not is_mean_and_sd({"mean": 1.0})
    assert means([result(7.0), result(8.0)])["samples"]["score"] == 7.5
    assert means([{"tiny": 1e-9}, {"tiny": 3e-9}]) == {"tiny": 2e-9}


def test_a_missing_number_or_one_that_is_not_finite_leaves_no_mean():
    assert mean_and_sd([1.0, 2.0, 6.0]) == (3.0, statistics.stdev([1.0, 2.0, 6.0]))
    assert mean_and_sd([1.0]) == (1.0, None)
    for values in ([], [1.0, None], [1.0, float("nan")], [float("inf"), 1.0]):
        assert mean_and_sd(values) == (None, None)
    assert mean_and_sd([1.0, 2.0]).rounded(2) == (1.5, 0.71) and mean_and_sd([]).rounded(2) == (None, None)


def test_numbers_in_cells_and_their_table():
    assert plus_minus(*mean_and_sd([None]), digits=2, missing="-") == "-"
    assert plus_minus(*mean_and_sd([0.5]), digits=3) == "0.500"
    assert markdown_table(["a"], [["1"], ["2"]]).splitlines() == ["| a |", "|---|", "| 1 |", "| 2 |"]
