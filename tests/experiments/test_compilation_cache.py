"""The cache of compiled programs is never needed: where the user's own folder cannot be written, it is off."""

import os
import subprocess
import sys

import jax
import pytest

from experiments.harness.cli.compilation_cache import disable_unwritable_compilation_cache
from tests.test_layers import ROOT


@pytest.fixture
def jax_settings():
    names = ("jax_compilation_cache_dir", "jax_enable_compilation_cache")
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_a_run_finishes_without_it(tmp_path):
    (tmp_path / "file").write_text("")
    place = str(tmp_path / "file" / "cache")
    done = subprocess.run(
        [sys.executable, "-m", "experiments.toy2d", "--smoke", "--objectives=minimax", "--steps=2", "--seeds=1",
         f"--workdir={tmp_path / 'run'}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_COMPILATION_CACHE_DIR": place},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reason = f"{tmp_path / 'file'} is not a folder"
    (line,) = (line for line in done.stderr.splitlines() if place in line)
    assert line == f"JAX_COMPILATION_CACHE_DIR={place} cannot be written ({reason}): compiled programs are not kept"
    assert "UserWarning" not in done.stderr and (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize("place", [None, "", "gs://bucket/cache", "new/folder"])
def test_other_places_stay_as_they_are(tmp_path, monkeypatch, caplog, jax_settings, place):
    monkeypatch.chdir(tmp_path)
    jax.config.update("jax_enable_compilation_cache", True)
    jax.config.update("jax_compilation_cache_dir", place)
    disable_unwritable_compilation_cache()
    assert jax.config.jax_enable_compilation_cache and jax.config.jax_compilation_cache_dir == place
    assert not caplog.records and not list(tmp_path.iterdir())
