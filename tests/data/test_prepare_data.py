"""The command that prepares data sets."""

import pytest

from experiments import prepare_data
from experiments.harness.cli import command
from tests.data.fabrication import encoded, fabricate, smooth_images


def run(*arguments):
    with pytest.raises(SystemExit) as caught:
        command.run(prepare_data.COMMAND, arguments=list(arguments))
    return caught.value.code


def test_every_split_is_opened_and_reported(tmp_path, capsys, cache_dir):
    pytest.importorskip("tensorflow_datasets")
    examples = [
        {"image": encoded(image), "label": number} for number, image in enumerate(smooth_images(5, height=32, width=32))
    ]
    fabricate("imagenet_resized/32x32", {"train": examples, "validation": examples[:2]}, data_dir=tmp_path)
    assert run("imagenet32", f"--data_dir={tmp_path}") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("imagenet32")]
    assert lines[0].startswith("imagenet32 train: 5 continuous examples (32, 32, 3)")
    assert lines[1].startswith("imagenet32 validation: 2 ")
    assert len(list(cache_dir.iterdir())) == 2


def test_options_reach_the_data_set(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("\n".join(f"line number {number}" for number in range(20)))
    assert run(f"text:{tmp_path / 'mine.txt'}", "--length=6", "--long_lines=cut") == 0
    assert "train: 18 text examples (6,)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say which data set"),
        (("mnits",), "unknown dataset 'mnits'"),
        (("celeba64", "--data_dir=/nowhere"), "is not in /nowhere"),
        (("mnist10k", "--palette=16"), "takes no palette"),
        (("mnist10k", "--colour=red"), "colour"),
        (("images:faces", "--palette=1"), "palette"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(arguments, message, capsys):
    assert run(*arguments) == 2
    printed = capsys.readouterr().err.strip()
    assert message in printed
    assert len(printed.splitlines()) == 1


def test_help_lists_names_and_flags(capsys):
    assert run("--help") == 0
    printed = capsys.readouterr().out
    for part in ("celeba16", "lm1b_padded", "--data_dir", "--palette"):
        assert part in printed
