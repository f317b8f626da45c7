"""A run whose folder is in a bucket: it trains, dies, continues, is sampled from and reported as on a disk.

The bucket is in memory and takes the place of ``s3://``; the same runs over HTTP, with Google's and Amazon's protocols,
are in ``tests/experiments/test_bucket_servers.py``, where their packages are installed.
"""

import json
import threading
from pathlib import Path

import jax
import numpy as np
import pytest

from bgan_jax import paths
from bgan_jax.paths import path_of
from bgan_jax.runtime import metrics, workdir, workdir_lock
from bgan_jax.runtime.checkpoints import saved_steps
from bgan_jax.runtime.metrics import read_metrics
from bgan_jax.runtime.process import signals
from bgan_jax.runtime.workdir_lock import LOCK, LockedError, keeping_locks, lock
from experiments import load_sampler, report, sample
from experiments.harness.cli import flags
from experiments.harness.errors import UsageError
from experiments.harness.reports.run_log import leaving_a_report
from tests import bucket as in_memory
from tests import job, launching

FLAGS = (*job.SMALL, "--width=8", "--latent_dim=4", "--steps=4", "--checkpoint_every=2", "--report_every=1")


def train(folder, *arguments):
    config = flags.parse(job.Config, [*FLAGS, f"--workdir={folder}", *arguments])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signals, "finishing_steps", signals.finishing_steps)  # The job wraps it.
        with keeping_locks(), leaving_a_report(config):
            job.main(config)


@pytest.fixture(scope="module")
def bucket():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workdir_lock, "PATIENCE_SECONDS", 0.1)
        yield from in_memory.made(patch)


@pytest.fixture(scope="module")
def folder(bucket, tmp_path_factory):
    """A run that died after step 3 of 4, and was started again."""
    run = f"{bucket}/runs/digits"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics.LineObject, "close", lambda self: None)  # It had no time to write what was left.
        with pytest.raises(RuntimeError, match="injected after step 3"):
            train(run, "--fail_at=3")
    assert saved_steps(path_of(run) / "checkpoints") == [2]
    assert [record["step"] for record in read_metrics(path_of(run) / "metrics.jsonl")] == [1, 2]
    train(run)
    return run


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """The same run on a disk, without interruption."""
    place = tmp_path_factory.mktemp("quiet") / "run"
    train(place)
    return place


def test_a_run_that_died_ends_as_one_on_a_disk(folder, quiet):
    (step, leaves), (_, expected) = launching.newest_state(path_of(folder)), launching.newest_state(quiet)
    assert step == 4 and all(np.array_equal(a, b) for a, b in zip(leaves, expected, strict=True))
    here, there = read_metrics(path_of(folder) / "metrics.jsonl"), read_metrics(quiet / "metrics.jsonl")
    for records in (here, there):
        for record in records:
            del record["steps_per_second"]
    assert here == there and [record["step"] for record in here] == [1, 2, 3, 4]


def test_the_bucket_has_what_a_disk_has(folder, quiet):
    """And no local folder takes its name."""
    names = {path.name for path in path_of(folder).iterdir()}
    assert {path.name for path in quiet.iterdir()} - {"pictures"} <= names and LOCK not in names
    assert path_of(f"{folder}/report.html").read_text().startswith("<!doctype html>")
    assert not Path("s3:").exists()


def test_it_is_sampled_from_and_reported(folder, bucket):
    sample.main(flags.parse(sample.Config, [f"--workdir={folder}", "--num=3", f"--out={bucket}/samples.npz"]))
    with path_of(f"{bucket}/samples.npz").open("rb") as file:
        assert np.load(file)["x"].shape == (3, 28, 28, 1)
    report.main(flags.parse(report.Config, [folder, f"--out={bucket}/new/page.html"], positional="workdirs"))
    assert "digits" in path_of(f"{bucket}/new/page.html").read_text()


def test_lines_are_written_again_by_and_by(bucket, monkeypatch, caplog):
    path = path_of(f"{bucket}/lines/a.jsonl")
    lines = metrics.open_lines(path)
    lines.write("1")
    assert not path.exists()
    lines.flush()
    monkeypatch.setattr(metrics, "OBJECT_EVERY_SECONDS", 0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "write_object", full)
        lines.write("2")
        lines.write("3")
    assert path.read_bytes() == b"1\n" and caplog.text.count("could not be written (full); the run continues") == 1
    lines.close()
    assert path.read_bytes() == b"1\n2\n3\n"
    monkeypatch.undo()
    again = metrics.open_lines(path)
    again.write("4")
    again.close()
    assert path.read_bytes() == b"1\n2\n3\n4\n"


def full(path, content):
    raise OSError("full")


def copy_of(folder, name):
    store = in_memory.InMemory()
    place = f"{folder.rpartition('/')[0]}/{name}"
    store.copy(folder, place, recursive=True)
    return place


@pytest.mark.parametrize("damage", ["without its last object", "truncated"])
def test_the_newest_checkpoint_is_not_taken_where_it_is_not_whole(folder, damage, caplog):
    run = copy_of(folder, damage.replace(" ", "_"))
    newest = path_of(run) / "checkpoints" / "4"
    if damage == "truncated":
        content = (newest / "state" / "bytes").read_bytes()
        (newest / "state" / "bytes").write_bytes(content[:-5])
    else:
        (newest / "commit_success.txt").unlink()
    sampler, _, step = load_sampler(run)
    assert step == 2 and sampler(jax.random.key(0), 2).x.shape == (2, 28, 28, 1)
    assert ("is damaged and is skipped" in caplog.text) == (damage == "truncated")


def test_a_folder_that_another_process_works_in_is_refused(bucket, monkeypatch):
    monkeypatch.setattr(workdir_lock, "HEARTBEAT_SECONDS", 0.1)
    path, ended = path_of(f"{bucket}/busy/{LOCK}"), threading.Event()

    def work():
        beats = 0
        while not ended.wait(0.01):
            beats += 1
            path.write_bytes(json.dumps({"host": "elsewhere", "pid": 7, "beats": beats}).encode())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        while not path.exists():
            pass
        with pytest.raises(LockedError, match=r"s3://bucket/busy is in use by process 7 on host elsewhere"):
            workdir.open_workdir(f"{bucket}/busy", {"steps": 3})
    finally:
        ended.set()
        thread.join()
    # Without beats it is dead.
    monkeypatch.setattr(workdir_lock, "DEAD_AFTER_SECONDS", 0.2)
    with keeping_locks():
        lock(path.parent)
        assert workdir_lock.holds(path.parent) and json.loads(path.read_bytes())["host"] != "elsewhere"
    assert not path.exists()


def test_of_two_that_begin_at_once_one_is_refused(bucket, monkeypatch):
    path = path_of(f"{bucket}/contested/{LOCK}")
    later = json.dumps({"host": "elsewhere", "pid": 7}).encode()
    monkeypatch.setattr(workdir_lock.time, "sleep", lambda seconds: path.write_bytes(later))
    with pytest.raises(LockedError, match="process 7 on host elsewhere"):
        lock(path.parent)
    assert path.read_bytes() == later


def test_an_owner_beats_until_another_takes_over(bucket):
    path = path_of(f"{bucket}/taken/{LOCK}")
    held = workdir_lock._LockedObject(path)
    held.beat()
    first = path.read_bytes()
    held.beat()
    assert path.read_bytes() != first
    path.write_bytes(b"{}")
    held.beat()
    held.release()
    assert path.read_bytes() == b"{}"


def test_a_refused_run_leaves_no_object(bucket):
    before = set(in_memory.InMemory.store)
    with pytest.raises(UsageError, match="no bucket s3://other"):
        train("s3://other/run")
    assert set(in_memory.InMemory.store) == before


def test_tensorboard_is_refused(bucket):
    with pytest.raises(UsageError, match=r"--tensorboard writes local files, and --workdir=s3://bucket/run is in"):
        train(f"{bucket}/run", "--tensorboard")


def test_without_its_package_a_bucket_is_refused_in_one_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "_is_installed", lambda module: False)
    for scheme, package in (("gs", "gcsfs and google.cloud.storage"), ("s3", "s3fs")):
        for config, arguments in ((job.Config, [f"--workdir={scheme}://b/run"]), (report.Config, [f"a,{scheme}://b"])):
            positional = "workdirs" if config is report.Config else None
            with pytest.raises(Exception, match=f"needs {package}, not installed here: pip install 'bgan_jax"):
                flags.parse(config, arguments, positional=positional)
    assert not list(tmp_path.iterdir())
