"""A command that is refused, whenever that is, leaves no folder behind, which would block the corrected command."""

import jax
import numpy as np
import pytest

from bgan_jax.runtime import workdir
from experiments.harness.cli import command, flags
from experiments.harness.cli.catalogue import command_files, load_command
from experiments.harness.cli.command import Command
from experiments.harness.cli.shared_flags import SmokeFlag, WorkdirFlag
from experiments.harness.errors import UsageError
from experiments.harness.runs.folders import open_folder


def npz(path, *, number, shape, labels=False):
    generator = np.random.default_rng(0)
    classes = {"labels": np.arange(number) % 2} if labels else {}
    np.savez(path, images=generator.integers(0, 256, (number, *shape), dtype=np.uint8), **classes)
    return f"npz:{path}"


def data_sets(folder):
    return {
        "few bits": npz(folder / "bits.npz", number=24, shape=(28, 28, 1)),
        "few": npz(folder / "few.npz", number=24, shape=(32, 32, 3)),
        "few large": npz(folder / "large.npz", number=24, shape=(64, 64, 3)),
        "few grey": npz(folder / "grey.npz", number=12, shape=(28, 28, 1), labels=True),
    }


CASES = [
    ("discrete_mnist", "few", [], "--palette=16"),
    ("binary_images", "few bits", ["--binarization=threshold", "--network=mlp"], "at least 4 of each"),
    ("discrete_mnist", "few", ["--palette=4"], ""),
    ("continuous_images", "few", [], "at least 4 of each"),
    ("palette_images", "few", ["--palette=4"], "at least 4 of each"),
    ("high_resolution", "few large", [], "at least 4 of each"),
    ("stability", "few", [], "at least 4 of each"),
    ("pixel_descent", "few", [], "at least 4 of each"),
    ("adversarial_classification", "few grey", ["--examples=16"], "--batch_size=16 is more than"),
    ("divergence_table", "few grey", [], "--"),
]


@pytest.mark.parametrize(
    ("name", "dataset", "arguments", "words"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES]
)
def test_what_the_measurement_needs_is_checked_first(tmp_path, capsys, name, dataset, arguments, words):
    chosen = data_sets(tmp_path)[dataset]
    folder = tmp_path / "runs" / "of" / "mine"
    with pytest.raises(SystemExit) as leaving:
        command.run(
            load_command(name),
            arguments=["--smoke", f"--workdir={folder}", f"--cache_dir={tmp_path / 'cache'}", f"--dataset={chosen}",
                       "--compilation_cache=false", *arguments],
        )  # fmt: skip
    message = capsys.readouterr().err
    assert leaving.value.code == 2 and words in message and "\nerror: " in f"\n{message}", message
    assert not (tmp_path / "runs").exists()


@flags.config()
class Config(SmokeFlag, WorkdirFlag):
    """A command that is refused late."""

    writes: str = flags.flag("", "File that it writes before.")


def refused_late(config):
    folder = open_folder(config)
    if config.writes:
        (folder / config.writes).write_text("precious")
    raise UsageError("too late")


@pytest.mark.parametrize("writes", ["", "result.json", "pictures/a.png"])
@pytest.mark.parametrize("existed", ["nothing", "an empty folder", "a run"])
def test_a_late_refusal_removes_what_the_command_has_made_and_nothing_else(tmp_path, capsys, writes, existed):
    folder = tmp_path / "a" / "b"
    if existed != "nothing":
        folder.mkdir(parents=True)
    config = Config(workdir=str(folder), writes=writes)
    if existed == "a run":
        workdir.open_workdir(str(folder), vars(config))
    with pytest.raises(SystemExit):
        command.run(Command(refused_late, Config, ""), arguments=[f"--workdir={folder}", f"--writes={writes}"])
    assert capsys.readouterr().err.endswith("error: too late\n")
    if writes:
        assert (folder / writes).read_text() == "precious"
    assert (tmp_path / "a").exists() == bool(writes or existed != "nothing")
    assert (folder / workdir.CONFIG).exists() == bool(writes or existed != "nothing")
    assert not (folder / workdir.LOCK).exists()


def test_a_smoke_run_needs_no_workdir(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(command.tempfile, "gettempdir", lambda: str(tmp_path))
    with pytest.raises(SystemExit), caplog.at_level("INFO", logger="bgan_jax"):
        command.run(Command(open_folder, Config, ""), arguments=["--smoke"])
    (made,) = tmp_path.iterdir()
    assert (made / workdir.CONFIG).exists() and f"the results go to {made}" in caplog.text


@pytest.mark.parametrize("name", command_files())
def test_a_smoke_run_needs_no_flag(name):
    """Where a workdir is written. Commands that read a run or a data set need its name."""
    made = load_command(name).parse(["--smoke"]) if load_command(name).smoke else None
    reads = {"sample", "report", "failures", "prepare_data", "check_data"}
    assert (made is None or not isinstance(made, WorkdirFlag)) == (name in reads | {"benchmark"})


def test_a_command_of_compiled_programs_is_refused_where_nothing_is_compiled(tmp_path, capsys):
    with jax.disable_jit(), pytest.raises(SystemExit) as leaving:
        command.run(Command(open_folder, Config, ""), arguments=[f"--workdir={tmp_path / 'run'}"])
    assert leaving.value.code == 2 and "error: JAX_DISABLE_JIT=1 is set" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
