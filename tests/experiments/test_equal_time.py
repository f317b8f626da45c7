"""Systems trained for the same time: from flags to figures, what is kept, what is refused, and the clock."""

import json
import math

import numpy as np
import pytest
from PIL import Image

from experiments.equal_time import command as equal_time
from experiments.equal_time import trials
from experiments.equal_time.results import summarize, table
from experiments.equal_time.systems import SYSTEMS
from experiments.harness.cli import flags
from experiments.harness.errors import UsageError
from experiments.harness.runs.timed_training import Stopwatch

MLP = ["--network=mlp", "--width=8"]


def config(folder, *arguments):
    given = [f"--workdir={folder}", "--smoke", "--compilation_cache=false", *arguments]
    return flags.parse(equal_time.Config, given, smoke=equal_time.SMOKE)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("equal_time") / "run"
    asked = config(folder, *MLP, "--systems=boundary_seeking_controlled", f"--cache_dir={folder}-cache")
    return folder, equal_time.main(asked)


def test_what_a_run_leaves_behind(finished):
    folder, result = finished
    assert json.loads((folder / "result.json").read_text()) == result
    trial = result["trials"][0]
    assert [mark["seconds"] for mark in trial["marks"]] == [0.1, 0.2] and trial["diverged"] is None
    assert trial["marks"][0]["steps"] < trial["marks"][1]["steps"]
    assert 1.0 <= trial["marks"][1]["classifier_score"] < result["held_out_score"]
    assert {"effective_sample_size", "linear_correlation"} <= set(trial["marks"][1])
    for name in ("scores.png", "samples.png", "trials/boundary_seeking_controlled-seed0-steps1.png"):
        assert Image.open(folder / name).size[0] > 200
    assert "| boundary seeking, control variate | 1 | 1." in (folder / "result.md").read_text()


def test_finished_trials_are_kept_and_diverged_ones_shown(finished, monkeypatch):
    folder, first = finished

    def diverges(*arguments, **facts):
        raise trials.NonFiniteError("at step 1 these were not finite: bound")

    monkeypatch.setattr(trials, "train_for", diverges)
    result = equal_time.main(
        config(folder, *MLP, "--systems=boundary_seeking_controlled,relaxed", f"--cache_dir={folder}-cache")
    )
    assert result["trials"][0] == first["trials"][0]
    assert result["trials"][1]["diverged"] and result["trials"][1]["marks"] == []
    assert "| relaxed, non-saturating | 1 | - | - | - | - | 1 of 1 |" in (folder / "result.md").read_text()


def test_every_system_is_a_run_that_its_flags_allow():
    for name in SYSTEMS:
        run = equal_time.run_config(config("unused"), trials.Trial(name, 3))
        assert (run.seed, run.batch_size, run.network) == (3, 32, "dcgan28_tiny")
    assert equal_time.run_config(config("unused"), trials.Trial("relaxed_wgan_gp", 0)).penalty_form == "wgan_gp"


def test_marks_double_up_to_the_seconds():
    assert equal_time.marks_of(config("unused", "--seconds=120", "--marks=4")) == [15.0, 30.0, 60.0, 120.0]


def test_an_unknown_system_is_refused_with_the_legal_ones(tmp_path):
    for systems, words in (("gumble", "unknown name 'gumble'; legal: boundary_seeking"), (",", "is empty")):
        with pytest.raises(UsageError, match=words):
            equal_time.main(config(tmp_path / "run", f"--systems={systems}"))
    assert not (tmp_path / "run").exists()


def test_a_classifier_that_knows_too_little_is_refused_before_anything_is_written(tmp_path):
    asked = config(tmp_path / "run", *MLP, "--systems=relaxed", "--judge_steps=1", f"--cache_dir={tmp_path / 'cache'}")
    with pytest.raises(UsageError, match=r"--judge_steps=1: the classifier does not know the classes; give more"):
        equal_time.main(asked)
    assert not (tmp_path / "run").exists()


def test_a_stopwatch_leaves_out_its_pauses():
    now = iter([10.0, 13.0, 20.0, 20.0, 21.0])
    watch = Stopwatch(lambda: next(now))
    watch.pause()  # At 13, after 3 s; its new beginning is read at 20, and forgotten by resume.
    watch.resume()
    assert watch.seconds() == pytest.approx(4.0)


def test_the_summary_is_the_mean_over_seeds_that_reached_a_mark():
    def trial(seed, scores):
        marks = [
            {"seconds": 2.0**i, "steps": 10 * i, "classifier_score": score, "smallest_share": 0.1}
            for i, score in enumerate(scores)
        ]
        return {
            "system": "relaxed",
            "seed": seed,
            "factor": 2.0,
            "marks": marks,
            "diverged": None if len(scores) == 2 else "at 1",
        }

    summary = summarize([trial(0, [2.0, 4.0]), trial(1, [4.0, 6.0]), trial(2, [1.0])], systems=["relaxed"])
    (row,) = summary
    assert (row["seeds"], row["diverged"]) == (3, 1)
    assert [mark["classifier_score"] for mark in row["marks"]] == [3.0, 5.0]
    np.testing.assert_allclose([mark["classifier_score_sd"] for mark in row["marks"]], math.sqrt(2), rtol=1e-3)
    assert "5.00 ± 1.41" in table(summary, {"relaxed": []}, real_score=9.7)


def test_every_system_takes_the_step_sizes_that_were_best_at_a_seed_of_their_own(finished, monkeypatch):
    folder, _ = finished
    asked = []
    best = {"relaxed": 0.5, "reinforce": 2.0}

    def pretend(prepare, trial, *, marks, **facts):
        asked.append((*trial, marks[-1]))
        score = 9.0 - abs(trial.factor - best[trial.system])
        mark = {"seconds": marks[-1], "steps": 10, "classifier_score": score, "smallest_share": 0.1}
        diverged = trial.factor == 1.0
        return {**trial._asdict(), "marks": [] if diverged else [mark], "diverged": "at 1" if diverged else None}

    monkeypatch.setattr(equal_time, "run_trial", pretend)
    chosen = config(
        f"{folder}-search", *MLP, "--systems=relaxed,reinforce", f"--cache_dir={folder}-cache", "--seeds=2",
        "--step_size_factors=0.5,1,2", "--search_seconds=3", "--seconds=8",
    )  # fmt: skip
    result = equal_time.main(chosen)
    assert {trial[:3] for trial in asked[6:]} == {(name, seed, best[name]) for name in best for seed in (0, 1)}
    assert {trial[1:] for trial in asked[:6]} == {(trials.SEARCH_SEED, factor, 3.0) for factor in (0.5, 1.0, 2.0)}
    assert [row["factor"] for row in result["summary"]] == [0.5, 2.0]
    text = (folder.parent / f"{folder.name}-search" / "result.md").read_text()
    assert "| relaxed, non-saturating | 9.00 | diverged | 7.50 |" in text


def test_step_sizes_are_the_runs_own_times_the_factor():
    once, twice = (
        equal_time.run_config(config("unused"), trials.Trial("reinforce", 0, factor)) for factor in (1.0, 2.0)
    )
    assert twice.learning_rate_gen == 2 * once.learning_rate_gen
    assert twice.learning_rate_disc == 2 * once.learning_rate_disc


def test_factors_that_are_not_numbers_above_0_are_refused(tmp_path):
    for factors in ("", "1,two", "0,1", "-1", "nan", "inf"):
        with pytest.raises(UsageError, match="--step_size_factors="):
            equal_time.main(config(tmp_path / "run", f"--step_size_factors={factors}"))
    assert not (tmp_path / "run").exists()
