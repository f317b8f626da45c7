"""The experiment of tables, end to end: a run, its scores and pictures, rows of it, and what is refused."""

import csv
import json

import jax
import numpy as np
import pytest

from experiments import sample
from experiments.harness.errors import UsageError
from experiments.harness.runs import discrete
from experiments.harness.runs.trained_run import load_run
from experiments.table import command as table

OPTIONS = ["--smoke", "--compilation_cache=false", "--dataset=csv:{csv}", "--cache_dir={cache}"]


def write_table(path, rows=300):
    draws = np.random.default_rng(0)
    lines = ["who,group,=answer,amount,when,same"]
    for i in range(rows):
        group = draws.integers(0, 3)
        answer = ["yes", "no", ""][draws.integers(0, 3)] if group else "=1+1"
        amount = f"{draws.normal(10 * group, 1):.2f}"
        lines.append(f"name {i},{'abc'[group]},{answer},{amount},2024-{1 + group:02d}-{1 + i % 28:02d},one")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    write_table(folder / "mine.csv")
    options = [option.format(csv=folder / "mine.csv", cache=folder / "cache") for option in OPTIONS]
    result = table.main(table.COMMAND.parse([*options, f"--workdir={folder / 'run'}"]))
    return folder, result


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def drawn(folder, *arguments):
    out = folder / f"{len(list(folder.iterdir()))}.csv"
    sample.main(sample.COMMAND.parse([f"--workdir={folder / 'run'}", f"--out={out}", *arguments]))
    return rows_of(out)


def test_a_run_leaves_scores_a_picture_rows_and_the_schema(trained):
    folder, result = trained
    run = folder / "run"
    assert json.loads((run / "result.json").read_text()) == result
    assert (run / "pairs.png").stat().st_size > 10_000
    text = (run / "result.md").read_text()
    assert "Chow-Liu tree" in text and "Kept of the dependence" in text and "Worst pairs" in text
    assert result["real"]["pairs"] < result["independent"]["pairs"]
    assert result["label"] == "group"
    assert rows_of(run / "pictures" / "real.csv")[0] == ["group", "=answer", "amount", "when", "same"]
    columns = {column["name"]: column for column in json.loads((run / "dataset.json").read_text())["columns"]}
    assert columns["who"]["kind"] == "dropped" and columns["same"]["kind"] == "constant"
    assert columns["amount"]["kind"] == "number" and columns["when"]["kind"] == "date"


def test_samples_are_rows_of_the_table_s_own_columns_and_types(trained):
    folder, _ = trained
    rows = drawn(folder, "--num=50")
    assert rows[0] == ["group", "=answer", "amount", "when", "same"]
    assert len(rows) == 51
    for group, answer, amount, when, same in rows[1:]:
        assert group in "abc" and answer in ("yes", "no", "", "=1+1") and same == "one"
        assert len(amount.partition(".")[2]) == 2 and float(amount) < 40
        assert when.startswith("2024-0")
    assert drawn(folder, "--num=50") == rows


def test_a_condition_keeps_rows_that_meet_it(trained):
    folder, _ = trained
    rows = drawn(folder, "--num=20", "--where=group=b")
    assert len(rows) == 21 and {row[0] for row in rows[1:]} == {"b"}
    rows = drawn(folder, "--num=20", "--where=group=c, =answer=")
    assert {tuple(row[:2]) for row in rows[1:]} == {("c", "")}


def test_formulas_are_escaped_by_the_flag_only(trained):
    folder, _ = trained
    answers = {row[1] for row in drawn(folder, "--num=400")[1:]}
    escaped = {row[1] for row in drawn(folder, "--num=400", "--escape_formulas")[1:]}
    assert "=1+1" in answers
    assert escaped == {"'=1+1" if answer == "=1+1" else answer for answer in answers}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--where=group=z"], "the values of group are '[abc]', '[abc]', '[abc]'"),
        (["--where=colour=red"], "no learned column 'colour'; the columns are group, =answer, amount, when"),
        (["--where=amount=3"], "--columns=amount:category"),
        (["--out=rows.png"], r"shown in a \.csv"),
        (["--escape_formulas", "--out=rows.npz"], r"--escape_formulas is for --out=FILE\.csv"),
    ],
)
def test_wrong_flags_of_samples_are_refused(trained, arguments, words, tmp_path, monkeypatch):
    folder, _ = trained
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=words):
        sample.main(sample.COMMAND.parse([f"--workdir={folder / 'run'}", "--out=rows.csv", *arguments]))
    assert not list(tmp_path.iterdir())


def test_the_given_column_is_the_label_unless_a_run_is_older_or_says_none(trained):
    folder, _ = trained
    run = load_run(folder / "run")
    assert "embedding" in run.disc_variables["params"]
    amount = discrete.given_column(run.spec, "amount")
    assert discrete.given_column(run.spec, None) == (0, 3) and amount == (3 + 4, run.spec.column_sizes[2])
    older = {name: value for name, value in run.config.items() if name != "given_column"}
    for config in (older, {**run.config, "given_column": "none"}):
        networks, _ = discrete.players_for(config, run.spec, platform="cpu", axis_name=None)
        assert "embedding" not in jax.eval_shape(networks.disc.init, jax.random.key(0))["params"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--label=colour"], "no learned column of that name; choose one of group"),
        (["--given_column=colour"], "--given_column=colour: there is no learned column of that name"),
        (["--columns=colour:drop"], "no column 'colour'"),
        (["--dataset=mnist10k"], "this experiment takes a table: choose other data, such as commute or csv:FILE"),
    ],
)
def test_wrong_flags_are_refused_before_anything_is_written(trained, arguments, words, tmp_path):
    folder, _ = trained
    options = [option.format(csv=folder / "mine.csv", cache=folder / "cache") for option in OPTIONS]
    given = [option for option in options if option.partition("=")[0] not in {a.partition("=")[0] for a in arguments}]
    with pytest.raises(UsageError, match=words):
        table.main(table.COMMAND.parse([*given, *arguments, f"--workdir={tmp_path / 'run'}"]))
    assert not (tmp_path / "run" / "config.json").exists()


def test_samples_have_the_shares_of_the_training_rows_where_a_flag_asks_for_it(trained, tmp_path):
    folder, _ = trained
    options = [option.format(csv=folder / "mine.csv", cache=folder / "cache") for option in OPTIONS]
    table.main(table.COMMAND.parse([*options, f"--workdir={tmp_path}", "--match_shares"]))
    run = load_run(str(tmp_path))
    shares = np.exp(discrete.log_shares(run.spec))
    found = run.sample(jax.random.key(0), 2000).probs.mean(axis=0)
    np.testing.assert_allclose(found, shares, atol=0.05)
    assert np.abs(found - shares).mean() < 0.01
    without = load_run(str(folder / "run")).gen_variables["params"]["Dense_3"]["bias"]
    assert not np.array_equal(without, run.gen_variables["params"]["Dense_3"]["bias"])
