"""Processes that find each other by the environment that a cluster manager sets, without any flag."""

import json
import os
import random
import socket
import subprocess
import sys

from tests.test_layers import ROOT

SCRIPT = """
import json, pathlib, sys, numpy as np
from bgan_jax.runtime import hosts
hosts.join(coordinator=None, num_processes=None, process_id=None)
import jax
mine = np.array([7 * (jax.process_index() + 1), -0.0], np.float32)
found = [jax.process_index(), jax.process_count(), hosts.from_first(mine).tolist()]
pathlib.Path(sys.argv[1]).write_text(json.dumps(found))
hosts.leave()
"""
# JAX derives the coordinator's port from the number of a Slurm job, and these are the ports that it may be.
FIRST_PORT, PORTS = 61440, 4096


def free_job_number():
    """A job number whose port nobody uses."""
    for number in random.sample(range(PORTS), 50):
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", FIRST_PORT + number))
            except OSError:
                continue
        return number
    raise OSError("50 ports of 50 are taken")


def test_tasks_of_srun_find_each_other(tmp_path):
    job = {
        "SLURM_JOB_ID": str(free_job_number()), "SLURM_STEP_NODELIST": "127.0.0.1", "SLURM_NTASKS": "2",
        "SLURM_STEP_NUM_NODES": "1", "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "2",
    }  # fmt: skip
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, tmp_path / f"{i}.json"], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **job, "SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)},
        )
        for i in range(2)
    ]  # fmt: skip
    try:
        results = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for i, (_, errors) in enumerate(results):
        assert processes[i].returncode == 0, errors
        # Not from the output: Gloo writes there from threads of its own, also in the middle of a line.
        assert json.loads((tmp_path / f"{i}.json").read_text()) == [i, 2, [7.0, -0.0]]
