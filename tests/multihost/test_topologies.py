"""The same command on other numbers of processes and devices: the same parameters, by real processes on the loopback.

``python -m tests.faults --topologies`` runs the whole table; these are the ones that differ most. Adam's epsilon is far
above the rounding of gradients here. That gradients are averaged and not summed, which Adam would hide, is tested with
plain descent in ``tests/runtime/test_parallel.py``.
"""

import json

import numpy as np
import pytest

from tests import launching

FLAGS = ("--steps=20", "--checkpoint_every=10", "--adam_eps=1e-3")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One process, one device: the parameters after 20 steps."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    launching.run(folder, *FLAGS)
    step, leaves = launching.newest_state(folder)
    assert step == 20
    return leaves


def test_two_hosts_of_four_devices_equal_one_device(alone, tmp_path):
    log = launching.run(tmp_path / "run", *FLAGS, "--parallel=pmap", processes=2, devices=4)
    assert "== backend cpu (cpu), 2 processes, 8 devices, global batch 16, pmap ==" in log
    step, leaves = launching.newest_state(tmp_path / "run")
    assert step == 20
    assert launching.largest_difference(leaves, alone) < 1e-5

    # Only process 0 logs the run, and the others have written no files.
    other = (tmp_path / "run.log1").read_text()
    assert "step 20/20" in log and "steps/s" not in other and "==" not in other
    records = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [5, 10, 15, 20]
    assert np.isfinite([record["bound"] for record in records]).all()


def test_half_on_two_hosts_with_their_rows_of_the_data_and_half_on_one_device(alone, tmp_path):
    log = launching.run(tmp_path / "run", *FLAGS, "--steps=10", "--data_backend=streamed", processes=2, devices=4)
    assert "shard_map ==" in log
    log = launching.run(tmp_path / "run", *FLAGS)
    assert "continuing from step 10" in log
    assert launching.largest_difference(launching.newest_state(tmp_path / "run")[1], alone) < 1e-5


def test_hosts_with_other_flags_refuse_to_start_together(tmp_path):
    job = launching.launch(tmp_path / "run", *FLAGS, processes=2, each=(["--seed=0"], ["--seed=1"]))
    assert all(code != 0 for code in job.wait(seconds=60))
    assert "differ in --seed" in job.log(0) + job.log(1)
    assert not (tmp_path / "run").exists()
