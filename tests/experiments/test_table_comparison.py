"""The comparison of table generators, end to end, and what is refused."""

import json
import re

import numpy as np
import pytest

from bgan_jax import data
from experiments.harness.errors import UsageError
from experiments.table_comparison import command as comparison
from experiments.table_comparison import ctgan_models

OPTIONS = ["--smoke", "--compilation_cache=false"]


@pytest.fixture
def small_table(tmp_path):
    """Eight columns of which the first says nearly all about the others."""
    draws = np.random.default_rng(0)
    first = draws.integers(0, 3, 600)
    others = [np.where(draws.random(600) < 0.1, draws.integers(0, 3, 600), (first + shift) % 3) for shift in range(7)]
    lines = ["a,b,c,d,e,f,g,h", *(",".join("xyz"[value] for value in row) for row in zip(first, *others, strict=True))]
    path = tmp_path / "small.csv"
    path.write_text("\n".join(lines) + "\n")
    return f"--dataset=csv:{path}"


@pytest.fixture
def readings(monkeypatch):
    """The splits that are read, in order."""
    splits, read = [], data.open_dataset

    def noting(name, *, split, **options):
        splits.append(split)
        return read(name, split=split, **options)

    monkeypatch.setattr(data, "open_dataset", noting)
    return splits


def test_trials_are_compared_kept_and_continued(tmp_path, small_table, readings):
    arguments = [*OPTIONS, f"--workdir={tmp_path / 'run'}", "--split=validation", small_table, "--judged_samples=400"]
    config = comparison.COMMAND.parse([*arguments, f"--cache_dir={tmp_path / 'cache'}"])
    result = comparison.main(config)
    by_name = {row["system"]: row for row in result["summary"]}
    assert set(by_name) == {"real training rows", "independent columns", "Chow-Liu tree", "boundary seeking"}
    assert by_name["real training rows"]["kept_dependence"] == 1.0
    assert by_name["independent columns"]["kept_dependence"] == 0.0
    assert by_name["Chow-Liu tree"]["kept_dependence"] > 0.6
    assert by_name["boundary seeking"]["steps"] >= 10
    assert 0.0 < by_name["real training rows"]["scores"]["copied_share"]["mean"] < 1.0
    text = (tmp_path / "run" / "result.md").read_text()
    assert "| Chow-Liu tree | 0 |" in text and "a fifth of the training rows" in text and "Worst pairs" in text
    assert (tmp_path / "run" / "pairs.png").stat().st_size > 10_000
    assert readings == ["train", "test"]  # Once, not once for each trial.
    trial = tmp_path / "run" / "trials" / "boundary_seeking-seed0.json"
    before = trial.read_bytes()
    assert comparison.main(config)["summary"] == json.loads(json.dumps(result["summary"]))
    assert trial.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--systems=tree,forest"], "--systems=tree,forest: unknown name 'forest'; legal: independent, tree"),
        (["--settings=lattice=3"], "--settings=lattice=3: .*lattice"),
        (["--settings=steps=0"], "--settings=steps=0: .*steps"),
        (["--label=colour"], "no learned column of that name"),
    ],
)
def test_wrong_flags_are_refused_before_anything_is_written(tmp_path, arguments, words):
    with pytest.raises(UsageError, match=words):
        comparison.main(comparison.COMMAND.parse([*OPTIONS, f"--workdir={tmp_path / 'run'}", *arguments]))
    assert not (tmp_path / "run" / "trials").exists()


def test_a_folder_of_other_things_is_refused_before_the_data_are_read(tmp_path, readings):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=re.escape(str(tmp_path))):
        comparison.main(comparison.COMMAND.parse([*OPTIONS, f"--workdir={tmp_path}"]))
    assert not readings


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(ctgan_models, "available", lambda: False)
    with pytest.raises(UsageError, match=r"ctgan and tvae need the package ctgan: pip install ctgan"):
        comparison.main(comparison.COMMAND.parse([f"--workdir={tmp_path / 'run'}"]))


def test_ctgan_and_tvae_draw_the_table_s_own_categories(tmp_path, small_table):
    pytest.importorskip("ctgan", reason="ctgan, with which the comparison compares, is not installed")
    arguments = [*OPTIONS, f"--workdir={tmp_path / 'run'}", "--systems=ctgan,tvae", "--seconds=1", small_table]
    result = comparison.main(comparison.COMMAND.parse([*arguments, f"--cache_dir={tmp_path / 'cache'}"]))
    assert {row["system"] for row in result["summary"]} == {
        "real training rows", "CTGAN", "TVAE", "TVAE, categories drawn",
    }  # fmt: skip
    assert all(row["scores"]["columns"]["mean"] < 0.6 for row in result["summary"])
