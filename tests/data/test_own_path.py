"""The path of the user's own data: what cannot be read is one line that names it, before anything is read."""

import os
import stat

import numpy as np
import pytest

from bgan_jax.data import BadDataError, DatasetNotFoundError, open_dataset
from bgan_jax.data.catalogue import OWN


def refusal(name, *, error=BadDataError):
    with pytest.raises(error) as caught:
        open_dataset(name)
    assert "\n" not in str(caught.value)
    str(caught.value).encode("utf-8")
    return str(caught.value)


@pytest.mark.parametrize("kind", OWN)
def test_what_is_no_readable_file(tmp_path, kind, monkeypatch):
    assert f"{tmp_path / 'gone'} does not exist; correct the path" in refusal(
        f"{kind}:{tmp_path / 'gone'}", error=DatasetNotFoundError
    )
    assert r"caf\xe9: the name is not UTF-8" in refusal(f"{kind}:{tmp_path / os.fsdecode(b'caf' + bytes([0xE9]))}")
    os.mkfifo(tmp_path / "pipe")
    assert "pipe is neither a file nor a folder" in refusal(f"{kind}:{tmp_path / 'pipe'}")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert "circle cannot be read" in refusal(f"{kind}:{tmp_path / 'circle'}")
    assert "cannot be read" in refusal(f"{kind}:{tmp_path}/zero\0byte")
    (tmp_path / "closed").write_bytes(b"x")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # A superuser may read all files.
    assert f"no permission to read {tmp_path / 'closed'}" in refusal(f"{kind}:{tmp_path / 'closed'}")


@pytest.mark.parametrize("kind", ["npz", "text"])
def test_a_folder_in_place_of_a_file(tmp_path, kind):
    assert f"{tmp_path} is a folder; give a file" in refusal(f"{kind}:{tmp_path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="a superuser may read all files")
def test_files_without_permission_in_a_folder_are_skipped(tmp_path):
    (tmp_path / "closed.png").write_bytes(b"x")
    (tmp_path / "closed.png").chmod(stat.S_IWUSR)
    assert "no permission to read it" in refusal(f"images:{tmp_path}")


def test_fewer_than_ten_examples_have_no_test_split(tmp_path):
    np.savez(tmp_path / "few.npz", images=np.zeros((9, 4, 4), np.uint8))
    with pytest.raises(BadDataError, match=r"few.npz: split 'test' .* no examples; every tenth .* at least 10"):
        open_dataset(f"npz:{tmp_path / 'few.npz'}", split="test")
