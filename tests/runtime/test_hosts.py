"""The parts of joining hosts that one process can test; real processes are in tests/multihost."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from bgan_jax.runtime import hosts
from tests.test_layers import ROOT


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"coordinator": "a:1"}, "all three or none"),
        ({"process_id": 0, "num_processes": 2}, "all three or none"),
        ({"coordinator": "a:1", "num_processes": 2, "process_id": 2}, "must be below --num_processes=2"),
    ],
)
def test_what_is_refused(given, message):
    arguments = {"coordinator": None, "num_processes": None, "process_id": None, **given}
    with pytest.raises(ValueError, match=message):
        hosts.join(**arguments)


@pytest.mark.parametrize(
    ("environment", "described"),
    [
        ({}, False),
        ({"SLURM_NTASKS": "4", "SLURM_STEP_NODELIST": "n[1-4]"}, True),
        ({"SLURM_NTASKS": "1", "SLURM_STEP_NODELIST": "n1"}, False),
        ({"SLURM_NTASKS": "4"}, False),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, True),
        ({"TPU_WORKER_HOSTNAMES": "localhost"}, False),
        ({"TPU_WORKER_HOSTNAMES": "a,b"}, True),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": "0"}, True),
    ],
)
def test_clusters_are_detected_by_their_environment(environment, described):
    assert hosts._described_by_cluster(environment) is described


def test_a_job_that_jax_cannot_find_names_the_flags_to_give():
    """Open MPI 5 does not give the first process's address. In a new process, since JAX has started in this one."""
    program = """
from bgan_jax.runtime import hosts
hosts.join(coordinator=None, num_processes=None, process_id=None)
"""
    environment = {**os.environ, "OMPI_COMM_WORLD_SIZE": "2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120, env=environment
    )
    assert done.returncode == 1
    assert re.search(r"ValueError: .*could not find the others .*; give --coordinator", done.stderr), done.stderr


def test_one_process_alone_changes_nothing():
    tree = {"a": np.array([-0.0, 1.0], np.float32), "b": np.uint8(3)}
    assert not hosts.several() and hosts.from_first(tree) is tree
    assert hosts.on_first(lambda: 7) == 7
    hosts.check_same({"seed": 1})
    hosts.leave()
    with pytest.raises(OSError, match="no"):
        hosts.on_first(lambda: (_ for _ in ()).throw(OSError("no")))
