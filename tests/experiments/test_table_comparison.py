"""The comparison of table generators, end to end, and what is refused."""

import json

import pytest

from experiments.harness.errors import UsageError
from experiments.table_comparison import command as comparison
from experiments.table_comparison import ctgan_models

OPTIONS = ["--smoke", "--compilation_cache=false"]


def test_trials_are_compared_kept_and_continued(tmp_path):
    config = comparison.COMMAND.parse([*OPTIONS, f"--workdir={tmp_path / 'run'}", "--split=validation"])
    result = comparison.main(config)
    by_name = {row["system"]: row for row in result["summary"]}
    assert set(by_name) == {"real training rows", "independent columns", "Chow-Liu tree", "boundary seeking"}
    assert by_name["real training rows"]["kept_dependence"] == 1.0
    assert by_name["independent columns"]["kept_dependence"] == 0.0
    assert by_name["Chow-Liu tree"]["kept_dependence"] > 0.6
    assert by_name["boundary seeking"]["steps"] >= 10
    text = (tmp_path / "run" / "result.md").read_text()
    assert "| Chow-Liu tree | 0 |" in text and "a fifth of the training rows" in text
    trial = tmp_path / "run" / "trials" / "boundary_seeking-seed0.json"
    before = trial.read_bytes()
    assert comparison.main(config)["summary"] == json.loads(json.dumps(result["summary"]))
    assert trial.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--systems=tree,forest"], "--systems=tree,forest: legal are independent, tree"),
        (["--settings=lattice=3"], "--settings=lattice=3: .*lattice"),
        (["--settings=steps=0"], "--settings=steps=0: .*steps"),
        (["--label=colour"], "no learned column of that name"),
    ],
)
def test_wrong_flags_are_refused_before_anything_is_written(tmp_path, arguments, words):
    with pytest.raises(UsageError, match=words):
        comparison.main(comparison.COMMAND.parse([*OPTIONS, f"--workdir={tmp_path / 'run'}", *arguments]))
    assert not (tmp_path / "run" / "trials").exists()


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(ctgan_models, "available", lambda: False)
    with pytest.raises(UsageError, match=r"ctgan and tvae need the package ctgan: pip install ctgan"):
        comparison.main(comparison.COMMAND.parse([f"--workdir={tmp_path / 'run'}"]))


def test_ctgan_and_tvae_draw_the_table_s_own_categories(tmp_path):
    pytest.importorskip("ctgan")
    arguments = [*OPTIONS, f"--workdir={tmp_path / 'run'}", "--systems=ctgan,tvae", "--seconds=1"]
    result = comparison.main(comparison.COMMAND.parse(arguments))
    assert {row["system"] for row in result["summary"]} == {
        "real training rows", "CTGAN", "TVAE", "TVAE, categories drawn",
    }  # fmt: skip
    assert all(row["scores"]["columns"]["mean"] < 0.6 for row in result["summary"])
