"""Over-trained generators: which runs there are, a tiny sweep from flags to figures, and what is refused."""

import json

import numpy as np
import pytest
from PIL import Image

from experiments.harness.cli import flags
from experiments.stability import command as stability
from experiments.stability import results, sweep
from experiments.stability.sweep import Trial
from tests.experiments.refusals import assert_refused, flag_of
from tests.tiny_pixels import tiny_networks


def config(folder, *arguments):
    given = [f"--workdir={folder}", "--batch_size=8", "--steps=2", "--compilation_cache=false", *arguments]
    return flags.parse(stability.Config, given, smoke=stability.SMOKE)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stability") / "run"
    asked = config(folder, "--smoke", "--objectives=boundary_seeking", f"--cache_dir={folder}-cache")
    with tiny_networks("dcgan32_cortex"):
        result = stability.main(asked)
    return folder, result


def test_every_cell_is_a_run_and_every_figure_is_there(finished):
    folder, result = finished
    cell = folder / "cells" / "boundary_seeking-1to1-0.001-seed0"
    assert {path.name for path in (folder / "cells").iterdir()} == {cell.name}
    assert {"config.json", "metrics.jsonl", "measurements.jsonl", "result.json"} <= {
        path.name for path in cell.iterdir()
    }
    for name in ("curves.png", "map.png", "samples.png"):
        assert Image.open(folder / name).size[0] > 300
    assert json.loads((folder / "result.json").read_text()) == result
    row = result["cells"][0]
    assert row["frechet"] > result["floor"]["frechet"] > 0.0 and 0.0 <= row["accuracy"] <= 1.0
    assert "| boundary_seeking | 1:1 | 0.001 | 0 |" in (folder / "result.md").read_text()


def test_finished_cells_are_kept_and_diverged_ones_shown(finished, monkeypatch):
    folder, first = finished

    def diverges(*arguments, **facts):
        raise sweep.NonFiniteError("at step 1 these were not finite: bound")

    monkeypatch.setattr(sweep, "train_and_measure", diverges)
    result = stability.main(
        config(
            folder,
            "--smoke",
            "--objectives=boundary_seeking",
            f"--cache_dir={folder}-cache",
            "--learning_rates=1e-3,5e-3",
        )
    )
    assert result["cells"][0] == first["cells"][0]
    assert result["cells"][1]["diverged"] and result["cells"][1]["frechet"] is None
    assert "| 0.005 | 0 | - | - | - | - | - |" in (folder / "result.md").read_text()


def test_the_plan_holds_every_cell_once():
    plan = stability.sweep_of(
        config("unused", "--objectives=minimax,hinge", "--ratios=1:1,5:1", "--learning_rates=1e-3,1e-2", "--seeds=2")
    )
    assert [trial.seed for trial in plan.curves] == [0, 0, 1, 1]
    assert len(plan.map) == 8 and len(plan.trials) == len(set(plan.trials)) == 10
    assert Trial("hinge", 1e-3, "5:1", 0) in plan.curves and Trial("hinge", 1e-3, "5:1", 0) in plan.map
    run = stability.run_config(config("unused"), Trial("hinge", 1e-2, "5:2", 3))
    assert (run.gen_steps, run.disc_steps, run.seed, run.learning_rate_gen) == (5, 2, 3, 1e-2)
    assert run.penalty_form == "unweighted"


def test_the_course_of_a_run(tmp_path):
    lines = [
        {"step": 10, "real_accuracy": 0.8, "fake_accuracy": 0.6, "sample_logit": -1.0, "sample_logit_square": 5.0},
        {"step": 20, "real_accuracy": 0.5, "fake_accuracy": 0.5, "sample_logit": 2.0, "sample_logit_square": 4.0},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "measurements.jsonl").write_text('{"step": 20, "frechet": 7.5}\n')
    course = results.read_curves(tmp_path)
    np.testing.assert_allclose(course.accuracy, [0.7, 0.5])
    np.testing.assert_allclose(course.logit_deviation, [2.0, 0.0])
    assert course.measured_steps.tolist() == [20] and course.frechet.tolist() == [7.5]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--objectives=magic"], ["magic", "boundary_seeking"]),
        (["--objectives=,"], ["--objectives is empty"]),
        (["--ratios=5"], ["'5'", "5:1"]),
        (["--ratio=0:1"], ["'0:1'", "5:1"]),
        (["--learning_rates=fast"], ["--learning_rates=fast"]),
        (["--learning_rates=2"], ["--learning_rates=2"]),
        (["--dataset=mnist10k"], ["mnist10k", "two colours"]),
        (["--workdir="], ["--workdir"]),
    ],
    ids=flag_of,
)
def test_bad_flags(tmp_path, capsys, arguments, words):
    arguments = ["--batch_size=8", "--compilation_cache=false", *arguments]
    assert_refused(stability, arguments, words=words, folder=tmp_path / "run", capsys=capsys)
