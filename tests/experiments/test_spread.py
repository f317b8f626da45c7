"""Results of several seeds as one: what becomes a mean with its deviation, and what stays as it is."""

import statistics

from experiments.harness.metrics.mean_and_sd import cell, is_spread, means, spread, table


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
    together = spread([result(score, copied=i) for i, score in enumerate(scores)])
    assert together["samples"]["score"] == {
        "mean": 8.0, "standard_deviation": round(statistics.stdev(scores), 5), "n": 3,
    }  # fmt: skip
    assert together["samples"]["copied"] == {"mean": 1.0, "standard_deviation": 1.0, "n": 3}
    assert together["samples"]["shares"] == {"mean": [0.25, 0.75], "standard_deviation": [0.0, 0.0], "n": 3}
    assert [entry["n"] for entry in together["ngrams"]] == [1, 2]
    assert together["ngrams"][1]["value"]["mean"] == 0.4


def test_what_was_measured_once_stays():
    together = spread([result(7.0), result(8.0)])
    assert together["real"] == {"score": 9.5} and together["seed"] == 1 and together["commit"] == "abc"
    assert together["samples"]["images"] == 50 and together["samples"]["empty"] is None
    assert together["lines"] == [["a 7.0", "b"], ["a 8.0", "b"]]
    assert spread([result(7.0, commit="abc"), result(8.0, commit="abd")])["commit"] == ["abc", "abd"]


def test_the_form_does_not_hang_on_the_values():
    """A fraction that happens to be the same for all seeds is a mean of n all the same."""
    one, other = result(7.0), result(7.0, copied=2)
    assert spread([one, other])["samples"]["score"] == {"mean": 7.0, "standard_deviation": 0.0, "n": 2}


def test_a_missing_number_is_not_averaged_away():
    assert spread([{"a": None, "b": 1.0}, {"a": 2.0, "b": 1.0}])["a"] == [None, 2.0]
    assert spread([{"a": True}, {"a": False}])["a"] == [True, False]


def test_the_table_has_a_row_for_every_number():
    text = table(spread([result(7.0), result(8.0)]))
    for words in (
        "| samples.score | 7.50 ± 0.71 (n = 2) |", "| samples.shares 2 | 0.7500 ± 0.0000 (n = 2) |",
        "| real.score | 9.5 |", "| ngrams 2.value | 0.375 ± 0.035 (n = 2) |", "| samples.images | 50 |", "commit: abc",
    ):  # fmt: skip
        assert words in text, (words, text)
    assert "lines" not in text


def test_cells_and_means():
    assert cell(0.5, ".2f") == "0.50" and not is_spread({"mean": 1.0})
    assert means([result(7.0), result(8.0)])["samples"]["score"] == 7.5
    assert means([{"tiny": 1e-9}, {"tiny": 3e-9}]) == {"tiny": 2e-9}
