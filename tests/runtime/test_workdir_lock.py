"""The lock of a run's folder: of two processes one works in it, and the lock of a dead one is taken over."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from bgan_jax.runtime import workdir, workdir_lock
from bgan_jax.runtime.workdir_lock import LOCK, LockedError, keeping_locks, lock
from tests.test_layers import ROOT

# Holds the folder until its standard input is closed; the module alone, since jax takes seconds to import.
HOLD = """
import sys
from pathlib import Path
from bgan_jax.runtime.workdir_lock import keeping_locks, lock
with keeping_locks():
    lock(Path(sys.argv[1]))
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds ``tmp_path``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_process_is_refused_with_the_first_ones_host_and_id(tmp_path, holder):
    with keeping_locks(), pytest.raises(LockedError) as refused:
        lock(tmp_path)
    message = str(refused.value)
    assert f"process {holder.pid} on host {socket.gethostname()}" in message and "--workdir=" in message
    with pytest.raises(ValueError, match=f"process {holder.pid}"):
        workdir.open_workdir(tmp_path, {"steps": 3})
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_it_is_released_at_the_end(tmp_path, holder):
    holder.communicate(timeout=60)
    assert list(tmp_path.iterdir()) == []
    with keeping_locks():
        lock(tmp_path)
        lock(tmp_path)  # the same process again
        assert json.loads((tmp_path / LOCK).read_text()) == {"host": socket.gethostname(), "pid": os.getpid()}
    assert list(tmp_path.iterdir()) == []


def test_a_killed_owners_lock_is_taken_over(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).exists()
    with keeping_locks():
        workdir.open_workdir(tmp_path, {"steps": 3})
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": 3}', '{"host": null, "pid": null}', "\0\xff"])
def test_a_damaged_record_is_not_in_the_way(tmp_path, content, monkeypatch):
    monkeypatch.setattr(workdir_lock, "DEAD_AFTER_SECONDS", 0.1)
    (tmp_path / LOCK).write_text(content, encoding="latin-1")
    lock(tmp_path)


def write_record(folder, *, host, pid):
    (folder / LOCK).write_text(json.dumps({"host": host, "pid": pid}))


def test_another_host_that_gives_no_sign_of_life_is_dead(tmp_path, monkeypatch):
    monkeypatch.setattr(workdir_lock, "DEAD_AFTER_SECONDS", 0.3)
    write_record(tmp_path, host="elsewhere", pid=7)
    lock(tmp_path)
    assert not (tmp_path / LOCK).exists()


@pytest.mark.parametrize("host", ["elsewhere", "here"])
def test_an_owner_that_still_updates_its_lock_is_alive_where_locks_do_not_reach(tmp_path, monkeypatch, host):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr(workdir_lock, "HEARTBEAT_SECONDS", 0.1)
    if host == "here":
        monkeypatch.setattr(workdir_lock.fcntl, "flock", no_locks)
    write_record(tmp_path, host=host if host == "elsewhere" else socket.gethostname(), pid=os.getpid())
    ended = threading.Event()

    def work():
        while not ended.wait(0.05):
            os.utime(tmp_path / LOCK)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with pytest.raises(LockedError, match=f"process {os.getpid()} on host"):
            lock(tmp_path)
    finally:
        ended.set()
        thread.join()


def test_a_dead_process_of_this_host_is_taken_over_where_there_are_no_locks(tmp_path, monkeypatch):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOSYS, "not implemented")

    monkeypatch.setattr(workdir_lock.fcntl, "flock", no_locks)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write_record(tmp_path, host=socket.gethostname(), pid=dead.pid)
    lock(tmp_path)


def test_the_owner_updates_the_time_of_its_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(workdir_lock, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(workdir_lock, "_heartbeat", None)
    with keeping_locks():
        lock(tmp_path)
        os.utime(tmp_path / LOCK, (0, 0))
        deadline = time.monotonic() + 20
        while (tmp_path / LOCK).stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (tmp_path / LOCK).stat().st_mtime > 0


def test_a_lock_that_the_user_has_deleted_is_another_ones(tmp_path):
    with keeping_locks():
        lock(tmp_path)
        (tmp_path / LOCK).unlink()
        write_record(tmp_path, host="elsewhere", pid=7)
    assert "elsewhere" in (tmp_path / LOCK).read_text()


def test_processes_that_start_at_once_take_the_lock_one_by_one(tmp_path):
    """Every process of a few that start together finds the folder free or is refused, and none is left behind."""
    code = HOLD.replace("sys.stdin.read()", "pass")
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert list(tmp_path.iterdir()) == []
