import json

import pytest

from bgan_jax.runtime import workdir


def test_a_new_run_and_its_continuation(tmp_path):
    folder = workdir.open_workdir(tmp_path / "run", {"steps": 3, "seed": 0})
    assert workdir.read_config(folder) == {"steps": 3, "seed": 0}
    workdir.open_workdir(folder, {"steps": 9, "seed": 0}, may_change=frozenset({"steps"}))
    assert workdir.read_config(folder)["steps"] == 9


def test_another_config_is_refused_and_nothing_is_overwritten(tmp_path):
    folder = workdir.open_workdir(tmp_path, {"steps": 3, "seed": 0, "divergence": "gan"})
    before = (folder / workdir.CONFIG).read_bytes()
    with pytest.raises(ValueError, match=r"--divergence: 'gan' there, 'kl' now, --seed: 0 there, 1 now"):
        workdir.open_workdir(folder, {"steps": 3, "seed": 1, "divergence": "kl"})
    assert (folder / workdir.CONFIG).read_bytes() == before


ADJUSTABLE = frozenset({"rate", "penalty"})


def test_a_change_of_flags_is_asked_for_recorded_and_from_then_on_the_runs_own(tmp_path, caplog):
    folder = workdir.open_workdir(tmp_path, {"rate": 1.0, "penalty": 2.0, "seed": 0}, adjustable=ADJUSTABLE)
    slower = {"rate": 0.5, "penalty": 2.0, "seed": 0}
    before = (folder / workdir.CONFIG).read_bytes()
    with pytest.raises(ValueError, match=r"--rate: 1.0 there, 0.5 now.* add --resume=changed to continue with"):
        workdir.open_workdir(folder, slower, adjustable=ADJUSTABLE)
    with pytest.raises(ValueError, match=r"\(--seed cannot change during a run\) or choose another folder"):
        workdir.open_workdir(folder, {**slower, "seed": 1}, resume="changed", adjustable=ADJUSTABLE)
    assert (folder / workdir.CONFIG).read_bytes() == before and not (folder / workdir.HISTORY).exists()
    workdir.open_workdir(folder, slower, resume="changed", adjustable=ADJUSTABLE, finished_steps=500)
    assert workdir.read_config(folder) == slower
    assert "from step 500 on: --rate=0.5 (was 1.0)" in caplog.text
    workdir.open_workdir(folder, slower, adjustable=ADJUSTABLE)
    workdir.open_workdir(
        folder, {**slower, "penalty": 0.0}, resume="changed", adjustable=ADJUSTABLE, finished_steps=800
    )
    lines = [json.loads(line) for line in (folder / workdir.HISTORY).read_text().splitlines()]
    assert [(line["step"], line["changes"]) for line in lines] == [
        (500, {"rate": {"from": 1.0, "to": 0.5}}), (800, {"penalty": {"from": 2.0, "to": 0.0}}),
    ]  # fmt: skip


def test_a_run_whose_flags_cannot_be_changed_is_not_offered_it(tmp_path):
    folder = workdir.open_workdir(tmp_path, {"rate": 1.0})
    with pytest.raises(ValueError, match="give the same flags to continue it, or choose another folder"):
        workdir.open_workdir(folder, {"rate": 0.5})


def test_resume_must_and_never(tmp_path):
    with pytest.raises(ValueError, match="holds no run"):
        workdir.open_workdir(tmp_path / "new", {}, resume="must")
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match=r"--resume=changed, but --workdir=.* holds no run"):
        workdir.open_workdir(tmp_path / "new", {}, resume="changed")
    workdir.open_workdir(tmp_path / "new", {}, resume="never")
    with pytest.raises(ValueError, match="already holds a run"):
        workdir.open_workdir(tmp_path / "new", {}, resume="never")
    with pytest.raises(ValueError, match="legal: auto, must, never"):
        workdir.open_workdir(tmp_path / "new", {}, resume="maybe")


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match=r"thesis\.tex"):
        workdir.open_workdir(tmp_path, {})
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be written"):
        workdir.open_workdir(tmp_path / "file" / "run", {})


def test_it_is_refused_before_anything_is_made(tmp_path):
    (tmp_path / "file").write_text("")
    for path, words in (
        (tmp_path / "file" / "a" / "run", "file is not a folder"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(ValueError, match=f"cannot be written: .*{words}"):
            workdir.check_workdir(str(path), {"steps": 3})
    workdir.check_workdir(str(tmp_path / "a" / "b"), {"steps": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_damaged_config_is_named(tmp_path):
    (tmp_path / workdir.CONFIG).write_text('{"steps": ')
    with pytest.raises(ValueError, match="is not JSON"):
        workdir.open_workdir(tmp_path, {"steps": 3})
    with pytest.raises(ValueError, match="is not JSON"):
        workdir.read_config(tmp_path)
    with pytest.raises(ValueError, match="holds no run"):
        workdir.read_config(tmp_path / "nowhere")


def test_versions_name_packages_and_devices():
    found = workdir.versions()
    assert found["packages"]["jax"] and found["backend"] == "cpu" and len(found["devices"]) == 8
    json.dumps(found)


def test_the_temporary_files_of_a_killed_process_are_removed(tmp_path):
    folder = workdir.open_workdir(tmp_path / "run", {"steps": 3})
    (folder / ".metrics.jsonl.123.tmp").write_text("half")
    workdir.open_workdir(folder, {"steps": 3})
    assert {path.name for path in folder.iterdir()} == {workdir.CONFIG, workdir.PICTURES}
