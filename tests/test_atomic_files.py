"""A file is written as a whole or keeps its old content, and one function does it everywhere."""

import subprocess

import numpy as np
import pytest

from bgan_jax import atomic_files
from bgan_jax.atomic_files import write_atomically, write_text
from tests.test_layers import ROOT


def test_text_is_written_whole(tmp_path):
    write_text(tmp_path / "a", "one")
    write_text(tmp_path / "a", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "two"


def test_nothing_half_written_stays_on_a_full_disk(tmp_path, monkeypatch):
    write_text(tmp_path / "a", "one")

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_files.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_text(tmp_path / "a", "two")
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "one"


def test_a_writer_that_fails_leaves_the_old_content(tmp_path):
    write_atomically(tmp_path / "a.npz", lambda file: np.savez(file, x=np.arange(3)))

    def fail(file):
        file.write(b"half")
        raise KeyError("no such array")

    with pytest.raises(KeyError, match="no such array"):
        write_atomically(tmp_path / "a.npz", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["x"], np.arange(3))


def test_no_other_file_replaces_files_by_itself():
    listed = subprocess.run(
        ["git", "grep", "--untracked", "-l", r"os\.replace", "--", "bgan_jax", "experiments"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert listed.stdout.split() == ["bgan_jax/atomic_files.py"]
