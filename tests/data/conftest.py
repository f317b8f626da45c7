"""Every test has its own cache folder."""

import pytest


@pytest.fixture(autouse=True)
def cache_dir(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("BGAN_JAX_CACHE", str(folder))
    return folder
