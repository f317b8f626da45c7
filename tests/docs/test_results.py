"""Kept results: their content, their pages, and that they contain no paths of a machine."""

import base64
import doctest
import importlib.util
import io
import json
import re
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image

from experiments.harness.cli.catalogue import command_files
from tests.test_layers import ROOT

DOCS = ROOT / "docs"


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # doctest and dataclasses look it up there
    spec.loader.exec_module(module)
    return module


keep_result, site_pages, fill_readme = load("keep_result"), load("site_pages"), load("fill_readme")
execute_notebooks = load("execute_notebooks")
KEPT = sorted((DOCS / "results").glob("*.md"))
COMMANDS = set(command_files())


def make_run(folder, *, seed=0, score=7.5, name="discrete_mnist", table=None, **config):
    folder.mkdir()
    write = lambda file, value: (folder / file).write_text(json.dumps(value))  # noqa: E731
    write("config.json", {"dataset": "mnist10k", "seed": seed, "steps": 300, "workdir": str(folder), **config})
    command = f"/home/me/code/experiments/{name}.py --workdir={folder} --data_dir=/data/x --seed {seed} --divergence=kl"
    versions = {"commit": "0123abcdef", "python": "3.11.7", "packages": {"jax": "0.10.2"}, "command": command}
    write("versions.json", versions | {"machine": "Linux x86_64, 2 cores", "backend": "cpu", "devices": ["cpu"]})
    shares = [0.1, round(0.2 + seed / 100, 2)]
    result = {"score": score, "shares": shares, "rows": [{"a": 1}], "protocol": "by images:/home/me/it.tar, n/M"}
    write("result.json", result | {"seed": seed, "training_seconds": 90.0, "commit": "0123abcdef"})
    if table:
        (folder / "result.md").write_text(table)
    return folder


def keep(folder, *arguments):
    keep_result.main([str(argument) for argument in arguments], folder=folder)
    return {path.stem: path.read_text() for path in (folder / "results").glob("*.md")}


def test_a_run_without_a_table_gets_one_from_its_numbers(tmp_path):
    kept = keep(tmp_path, make_run(tmp_path / "a", seed=3), "--note=On a busy machine.")
    line, _, rest = kept["discrete_mnist"].partition("\n\n")
    assert line == (
        "`python -m experiments.discrete_mnist --workdir=runs/discrete_mnist --seed=3 --divergence=kl` at 0123abc; "
        "seed 3; 90 s; Linux x86_64, 2 cores, no accelerator; Python 3.11.7, jax 0.10.2. On a busy machine."
    )
    assert rest == (
        "| result | value |\n|---|---|\n| score | 7.5 |\n| shares | 0.1, 0.23 |\n\nby images:it.tar, n/M\n"
    )  # fmt: skip


def test_a_command_of_several_files_has_the_name_of_its_folder(tmp_path):
    kept = keep(tmp_path, make_run(tmp_path / "a", name="toy2d/__main__"))
    assert kept["toy2d"].startswith("`python -m experiments.toy2d --workdir=runs/toy2d --seed=0")


def test_a_table_of_the_run_s_own_is_kept_below_the_page_s_headings(tmp_path):
    run = make_run(tmp_path / "a", table="# Ours\n\n| x |\n|---|\n| of ../data/y.tar |\n\n## Parts\n")
    rest = keep(tmp_path, run)["discrete_mnist"].partition("\n\n")[2]
    assert rest == "### Ours\n\n| x |\n|---|\n| of y.tar |\n\n#### Parts\n\nby images:it.tar, n/M\n"


def test_seeds_become_mean_and_deviation(tmp_path):
    runs = [make_run(tmp_path / f"s{seed}", seed=seed, score=7.0 + seed) for seed in (0, 1)]
    text = keep(tmp_path, *runs)["discrete_mnist"]
    assert "| score | 7.50 ± 0.71 (n = 2) |" in text and "seeds 0, 1; 90 s, 90 s;" in text
    assert "--seed" not in text


def test_measurements_that_were_written_by_hand_stay(tmp_path):
    keep(tmp_path, make_run(tmp_path / "a"))
    page = tmp_path / "results" / "discrete_mnist.md"
    own = f"\n{keep_result.EARLIER}\n\nOn another machine 7.\n"
    page.write_text(page.read_text() + own)
    text = keep(tmp_path, make_run(tmp_path / "b", seed=1))["discrete_mnist"]
    assert "; seed 1;" in text and "; seed 0;" not in text and text.endswith("n/M\n" + own)


@pytest.mark.parametrize(
    ("config", "message"),
    [({"smoke": True}, "a --smoke run"), ({"dataset": "images:/home/me/faces"}, "leave out --picture")],
    ids=["smoke", "faces"],
)
def test_what_must_not_be_kept_is_refused_before_anything_is_written(tmp_path, config, message):
    run = make_run(tmp_path / "a", **config)
    with pytest.raises(SystemExit, match=message):
        keep(tmp_path, run, "--picture=x.png")
    assert not (tmp_path / "results").exists()


def test_a_picture_of_statistics_is_kept_whatever_the_data(tmp_path):
    run = make_run(tmp_path / "a", dataset="csv:/home/me/patients.csv")
    Image.new("RGB", (20, 20)).save(tmp_path / "pairs.png")
    keep(tmp_path, run, f"--picture={tmp_path / 'pairs.png'}")
    assert (tmp_path / "pictures" / "discrete_mnist.png").exists()


def test_runs_that_do_not_belong_together_or_have_no_result_are_refused(tmp_path):
    runs = [make_run(tmp_path / name, name=name) for name in ("toy2d", "estimators")]
    with pytest.raises(SystemExit, match=r"runs of estimators, toy2d; give those of one"):
        keep(tmp_path, *runs)
    (runs[0] / "result.json").unlink()
    with pytest.raises(SystemExit, match="toy2d is not finished"):
        keep(tmp_path, runs[0])


def test_a_page_shows_the_result_and_its_picture(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (500, 1500, 3)).astype(np.uint8)
    Image.fromarray(np.kron(noise[::50, ::50], np.ones((50, 50, 1), np.uint8))).save(tmp_path / "curves.png")
    keep(tmp_path, make_run(tmp_path / "a"), f"--picture={tmp_path / 'curves.png'}")
    assert Image.open(tmp_path / "pictures" / "discrete_mnist.png").size == (960, 320)
    page = site_pages.page_of("discrete_mnist", docs=tmp_path)
    after = page.partition("## Last result\n\n")[2]
    assert re.match(r"`python -m .*\n\n!\[.*\]\(\.\./pictures/discrete_mnist\.png\)\n\n\| result \|", after)
    assert "Last result" not in site_pages.page_of("toy2d", docs=tmp_path)


def test_the_examples_of_these_files_run():
    for module in (keep_result, site_pages, fill_readme, execute_notebooks):
        failed, tried = doctest.testmod(module)
        assert not failed and tried


def test_of_a_notebook_s_outputs_printed_lines_and_pictures_are_kept():
    file = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(file, "PNG")
    picture = {"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": "<Figure>"}
    printed = {"output_type": "stream", "name": "stdout", "text": f"in {tempfile.gettempdir()}/tmp1/x"}
    outputs = [printed, {"output_type": "stream", "name": "stderr", "text": "warning"},
               {"output_type": "display_data", "data": picture, "metadata": {"a": 1}}]  # fmt: skip
    kept = [output for output in outputs if execute_notebooks.keep(output)]
    assert kept[0]["text"] == "in FOLDER/x" and list(kept[1]["data"]) == ["image/png"] and len(kept) == 2
    assert Image.open(io.BytesIO(base64.b64decode(kept[1]["data"]["image/png"]))).size == (30, 20)


def test_readme_has_the_numbers_of_the_pages():
    readme = fill_readme.README.read_text(encoding="utf-8")
    assert readme == fill_readme.filled_readme(), "run python docs/fill_readme.py"
    assert len(fill_readme.RESULTS) == 6 and "{" not in fill_readme.table()


def test_numbers_of_an_earlier_version_stay_on_their_page():
    page = (DOCS / "results" / "palette_images.md").read_text(encoding="utf-8")
    old, new = (re.sub(r"` at \w{7};", f"` at {commit};", page, count=1) for commit in ("586aebd", "0123456"))
    assert "Fréchet" not in fill_readme.row("palette_images", old)
    assert re.search(r"Fréchet distance \d+\.\d+; other real emoji \d", fill_readme.row("palette_images", new))


@pytest.mark.parametrize(("row", "column"), [("distance", None), ("score", "here")])
def test_a_number_that_no_page_has_is_refused(row, column):
    page = "| result | value |\n|---|---|\n| score | 7.5 |\n"
    assert fill_readme.cell(page, "score", None) == fill_readme.cell(page, "score", "value") == "7.5"
    with pytest.raises(ValueError, match="no table of the page has the row"):
        fill_readme.cell(page, row, column)


def test_results_are_kept_of_experiments_only_and_pages_show_them():
    assert {path.stem for path in KEPT} <= COMMANDS and len(KEPT) >= 6
    for path in KEPT:
        page = site_pages.page_of(path.stem)
        assert path.read_text(encoding="utf-8").strip().splitlines()[-1] in page


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_kept_result_names_its_command_and_no_folder_of_a_machine(path):
    text = path.read_text(encoding="utf-8")
    assert text == keep_result.without_paths(text)
    line = text.partition("\n")[0]
    if path.stem != "benchmark":  # which writes its own
        assert re.match(rf"`python -m experiments\.{path.stem} --workdir=runs/{path.stem}.*` at [0-9a-f]{{7}}", line)
        assert re.search(r"; seeds? \d", line) and "jax" in line
    assert "|---" in text or "| ---" in text


@pytest.mark.parametrize("path", sorted((DOCS / "pictures").glob("*.png")), ids=lambda path: path.stem)
def test_pictures_are_small(path):
    assert path.stat().st_size <= keep_result.BYTES and Image.open(path).width <= keep_result.WIDTH
