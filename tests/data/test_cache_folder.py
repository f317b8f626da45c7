"""The cache is never needed: where it cannot be written, a temporary folder takes its place, and one line says so."""

import errno
import logging
import os
import pathlib
import pwd

import numpy as np
import pytest

from bgan_jax.data import cache, cache_folder, open_dataset
from bgan_jax.data.cache_folder import default_cache_dir


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder that takes the cache's place."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(cache_folder.tempfile, "gettempdir", lambda: str(folder))
    monkeypatch.setattr(cache_folder.tempfile, "tempdir", str(folder))
    monkeypatch.setattr(cache_folder, "_replaced", {})
    return folder


@pytest.fixture
def name(tmp_path):
    np.savez(tmp_path / "bits.npz", images=np.eye(8, dtype=np.uint8)[None].repeat(30, 0) * 255)
    return f"npz:{tmp_path / 'bits.npz'}"


def nobody(user):
    raise KeyError(user)


def unwritable_folders(tmp_path):
    (tmp_path / "file").write_text("in the way")
    return [
        {"BGAN_JAX_CACHE": str(tmp_path / "file" / "cache")},
        {"BGAN_JAX_CACHE": "", "XDG_CACHE_HOME": str(tmp_path / "file")},
        {"BGAN_JAX_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/dev/null/nowhere"},
        {"BGAN_JAX_CACHE": "", "XDG_CACHE_HOME": "", "HOME": None},
        {"BGAN_JAX_CACHE": "~/mine", "HOME": None},
    ]


@pytest.mark.parametrize("case", range(5))
def test_a_temporary_folder_takes_its_place_and_one_line_says_so(tmp_path, monkeypatch, caplog, temporary, case):
    for variable, value in unwritable_folders(tmp_path)[case].items():
        monkeypatch.setenv(variable, value) if value is not None else monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)  # a user id without an entry
    with caplog.at_level(logging.WARNING):
        folder = default_cache_dir()
        assert default_cache_dir() == folder
    assert folder == temporary / f"bgan_jax_{os.getuid()}" and folder.stat().st_mode & 0o777 == 0o700
    assert len(caplog.records) == 1 and f"{folder} is used instead" in caplog.text


def test_a_name_that_another_user_has_taken_is_not_used(tmp_path, monkeypatch, temporary):
    (tmp_path / "theirs").mkdir()
    (temporary / f"bgan_jax_{os.getuid()}").symlink_to(tmp_path / "theirs")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BGAN_JAX_CACHE", str(tmp_path / "file"))
    folder = default_cache_dir()
    assert folder.parent == temporary and folder.is_dir() and not folder.is_symlink()


def test_data_are_packed_there(tmp_path, monkeypatch, caplog, temporary, name):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BGAN_JAX_CACHE", str(tmp_path / "file"))
    assert len(open_dataset(name, split="all")) == 30
    (pack,) = (temporary / f"bgan_jax_{os.getuid()}").iterdir()
    assert (pack / "rows.npy").exists()


def test_a_full_disk_is_left_for_the_temporary_folder(tmp_path, monkeypatch, temporary, name):
    write = cache._write

    def fill(source, folder):
        write(source, folder)
        if temporary not in folder.parents:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache, "_write", fill)
    assert len(open_dataset(name, split="all")) == 30
    assert len(list((temporary / f"bgan_jax_{os.getuid()}").iterdir())) == 1
    assert list(pathlib.Path(os.environ["BGAN_JAX_CACHE"]).iterdir()) == []
    with pytest.raises(ValueError, match=r"cannot write packed data under .* \(No space left"):
        open_dataset(name, split="all", cache_dir=tmp_path / "chosen")
