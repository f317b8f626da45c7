"""Processes that find each other by the environment that a cluster manager sets, without any flag."""

import json
import os
import random
import socket
import subprocess
import sys

from tests.test_layers import ROOT

SCRIPT = """
import json, numpy as np
from bgan_jax.runtime import hosts
hosts.join(coordinator=None, num_processes=None, process_id=None)
import jax
mine = np.array([7 * (jax.process_index() + 1), -0.0], np.float32)
print("found", json.dumps([jax.process_index(), jax.process_count(), hosts.from_first(mine).tolist()]), flush=True)
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


def test_tasks_of_srun_find_each_other():
    job = {
        "SLURM_JOB_ID": str(free_job_number()), "SLURM_STEP_NODELIST": "127.0.0.1", "SLURM_NTASKS": "2",
        "SLURM_STEP_NUM_NODES": "1", "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "2",
    }  # fmt: skip
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **job, "SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)},
        )
        for i in range(2)
    ]  # fmt: skip
    try:
        results = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for i, (output, errors) in enumerate(results):
        assert processes[i].returncode == 0, errors
        # Gloo writes to the same stream from threads of its own, before, behind, or in the middle of a line's end.
        _, marker, rest = output.partition("found ")
        assert marker and json.JSONDecoder().raw_decode(rest)[0] == [i, 2, [7.0, -0.0]]
