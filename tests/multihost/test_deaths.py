"""A failure on one host ends the job soon, with a message in the log; a signal saves the state and ends the job."""

import os
import signal
import time

from bgan_jax.runtime.metrics import read_metrics
from tests import launching
from tests.faults.injections import worker

ENDLESS = ("--steps=100000", "--checkpoint_every=1000000", "--report_every=1", "--pause=0.02")


def started(folder, *arguments):
    job = launching.launch(folder, *ENDLESS, *arguments, processes=2)
    job.until(lambda: len(read_metrics(folder / "metrics.jsonl")) >= 3)
    return job


def test_a_signal_to_one_host_saves_on_both_at_the_same_step(tmp_path):
    """SIGINT becomes SIGTERM, which JAX's runtime handles on all hosts."""
    launching.accept_interrupts()
    job = started(tmp_path / "run")
    job.signal(1, signal.SIGINT)
    assert job.wait(seconds=60) == [0, 128 + signal.SIGINT], job.log(0)
    assert "stopped by a signal to a process of the job" in job.log(0)
    (step,) = launching.checkpoint_steps(tmp_path / "run")
    assert all(f"the job ended at step {step}\n" in job.log(i) for i in (0, 1))


def test_an_exception_on_one_host_ends_the_job(tmp_path):
    job = launching.launch(tmp_path / "run", *ENDLESS, "--fail_at=5", "--fail_in=1", processes=2)
    job.wait_for(lambda: any(process.poll() is not None for process in job.processes))
    began = time.monotonic()
    assert job.wait(seconds=60) == [1, 1], job.log(0)
    assert time.monotonic() - began < 20
    assert "RuntimeError: injected after step 5" in job.log(1) and "Traceback" in job.log(1)
    assert "Traceback" in job.log(0)


def test_a_killed_host_ends_the_job(tmp_path):
    job = started(tmp_path / "run")
    job.signal(1, signal.SIGKILL)
    codes = job.wait(seconds=20)
    assert codes == [1, -signal.SIGKILL]
    assert "Traceback" in job.log(0)


def test_a_silent_host_ends_the_job(tmp_path):
    """The runtime ends the job by SIGABRT, which its parent turns into exit code 1."""
    job = started(tmp_path / "run", "--heartbeat_seconds=10")
    os.kill(worker(job.processes[1]), signal.SIGSTOP)
    try:
        assert job.processes[0].wait(60) == 1
    finally:
        job.kill()
    assert "most recent call first" in job.log(0) and "ended by SIGABRT" in job.log(0)
