"""Under ``python -O``, which removes asserts, a run gives what it gives without."""

import json
import os
import subprocess
import sys

import numpy as np

from tests.test_layers import ROOT


def test_a_run_under_python_o_trains_and_leaves_a_pack_with_its_rows(tmp_path):
    images = np.random.default_rng(0).integers(0, 2, (40, 28, 28), np.uint8)
    np.savez(tmp_path / "mine.npz", images=images, labels=np.arange(40) % 2, unused=np.arange(3))
    arguments = ["--smoke", "--network=mlp", "--width=8", "--latent_dim=4", "--judge_steps=2"]
    environment = {"JAX_NUM_CPU_DEVICES": "1", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    done = subprocess.run(
        [
            sys.executable,
            "-O",
            "-m",
            "experiments.discrete_mnist",
            f"--workdir={tmp_path / 'run'}",
            f"--dataset=npz:{tmp_path / 'mine.npz'}",
            *arguments,
        ],
        env={**os.environ, **environment, "BGAN_JAX_CACHE": str(tmp_path / "cache")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads((tmp_path / "run" / "result.json").read_text())["steps"] > 0
    # What was left out is logged once, and is in the record of the data.
    assert done.stderr.count("skipped 1: 1 array that is not used (first: ") == 1
    record = json.loads((tmp_path / "run" / "dataset.json").read_text())
    assert record["reading"]["skipped"]["array that is not used"]["count"] == 1
    packs = {path.name.split("-")[1]: np.load(path / "rows.npy") for path in (tmp_path / "cache").glob("*npz-*")}
    sizes = {split: len(rows) for split, rows in packs.items()}
    assert sizes == {"train": 36, "test": 4}
    bits = np.unpackbits(packs["train"], axis=1)[:, :784].reshape(-1, 28, 28)
    np.testing.assert_array_equal(bits[:9], images[:9])
