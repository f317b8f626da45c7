"""check_data prints what a data set is read as, in agreement with what training reads."""

import numpy as np
import pytest
from PIL import Image

from bgan_jax.data import open_dataset
from experiments import check_data
from experiments.harness.cli.command import run


def check(capsys, tmp_path, *arguments):
    """Runs the command; returns its exit code, output and errors."""
    with pytest.raises(SystemExit) as leaving:
        run(check_data.COMMAND, arguments=[f"--cache_dir={tmp_path / 'cache'}", *arguments])
    out, errors = capsys.readouterr()
    return leaving.value.code, out, errors


def picture_folder(folder, sizes=((8, 8),)):
    random = np.random.default_rng(0)
    for split, n in (("train", 20), ("test", 5)):
        for name in ("cats", "dogs"):
            (folder / split / name).mkdir(parents=True)
            for i in range(n):
                shape = (*sizes[i % len(sizes)], 3)
                image = Image.fromarray(random.integers(0, 256, shape, np.uint8))
                image.save(folder / split / name / f"{i}.png")
    (folder / "notes.txt").write_text("bought in May")
    return folder


def test_pictures(capsys, tmp_path):
    folder = picture_folder(tmp_path / "pets")
    code, out, errors = check(capsys, tmp_path, f"--dataset=images:{folder}", f"--sheet={tmp_path / 'sheet'}")
    assert code == 0, errors
    for words in (
        "files: 51", "pictures: 50", "formats: 1 (PNG: 50)", "modes: 1 (RGB: 50)", "sizes: 1 (8x8: 50)",
        "shape [8, 8, 3]", "examples: 40", "classes: 2 (cats: 20, dogs: 20)", "examples: 10",
        "classes: 2 (cats: 5, dogs: 5)", "not an image that Pillow can read: 1, such as",
    ):  # fmt: skip
        assert words in out, words
    assert Image.open(tmp_path / "sheet" / "real.png").size[0] > 8 * 8


def test_what_is_in_the_files_is_shown_also_where_they_are_refused(capsys, tmp_path):
    folder = picture_folder(tmp_path / "pets", sizes=((8, 8), (8, 9)))
    code, out, errors = check(capsys, tmp_path, f"images:{folder}", f"--sheet={tmp_path / 'sheet'}")
    assert code == 2 and "--resolution" in errors and errors.startswith("error: ")
    assert "sizes: 2 (8x8: 26, 9x8: 24)" in out
    assert not (tmp_path / "sheet").exists()


def test_arrays(capsys, tmp_path):
    x, y = np.zeros((30, 4, 4), np.uint8), np.repeat([1990, 2001, 2024], 10)
    x[::2] = 1
    np.savez(tmp_path / "a.npz", x=x, y=y, notes=np.array([{"an": "object"}], object))
    code, out, errors = check(capsys, tmp_path, f"--dataset=npz:{tmp_path / 'a.npz'}")
    assert code == 0, errors
    assert "x: uint8 [30, 4, 4], 0 to 1" in out and "y: int64 [30], 1990 to 2024" in out
    assert "bits" in out and "classes: 3 (1990: 9, 2001: 9, 2024: 9)" in out and "--sheet=FOLDER" in out


def test_text(capsys, tmp_path):
    (tmp_path / "t.txt").write_text("".join(f"line number {i:03d}\n" for i in range(60)))
    code, out, errors = check(capsys, tmp_path, f"--dataset=text:{tmp_path / 't.txt'}", "--length=8")
    assert code == 0, errors
    assert "lines: 60" in out and "characters of a line: 15 to 15, median 15" in out
    assert out.count("\n  'line num'") == 20  # the first 8 symbols of each; the 7 after them are dropped
    used, dropped = 60 * 8, 60 * 7
    assert f"characters: {used:,} used, {dropped:,} dropped" in out


@pytest.mark.parametrize("name", ["mnist10k", "emoji16", "austen32"])
def test_what_is_shown_of_the_data_sets_by_name_is_what_is_opened(capsys, tmp_path, name):
    code, out, errors = check(capsys, tmp_path, name)
    assert code == 0, errors
    for split, size in open_dataset(name).spec.splits.items():
        assert f"Split {split}:\n  examples: {size:,}" in out


@pytest.mark.parametrize("arguments", [(), ("--dataset=nothing",), ("--dataset=images:/does/not/exist",)])
def test_a_wrong_name_is_one_line(capsys, tmp_path, arguments):
    code, _, errors = check(capsys, tmp_path, *arguments)
    assert code == 2 and errors.startswith("error: ") and errors.count("\n") == 1
