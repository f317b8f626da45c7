"""A run in a bucket of a server on this machine that speaks Google's or Amazon's protocol, over HTTP.

Needs ``pip install gcsfs gcp-storage-emulator`` or ``pip install s3fs 'moto[server]'``, and is skipped without.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

from tests import launching
from tests.test_layers import ROOT

FLAGS = ("--network=mlp", "--width=8", "--latent_dim=4", "--batch_size=16", "--num_samples=3", "--steps=4")
OFTEN = ("--checkpoint_every=2", "--report_every=1", "--picture_every=2")


def google(port):
    command = ["gcp-storage-emulator", "start", "--host=127.0.0.1", f"--port={port}", "--in-memory"]
    # gcsfs asks for the kind of a bucket in a protocol that the emulator does not speak.
    environment = {
        "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "FSSPEC_GCS_TOKEN": "anon",
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
    }  # fmt: skip
    make = urllib.request.Request(
        f"http://127.0.0.1:{port}/storage/v1/b?project=p", data=json.dumps({"name": "bucket"}).encode(),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    return command, environment, make


def amazon(port):
    command = ["moto_server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    return command, environment, urllib.request.Request(f"http://127.0.0.1:{port}/bucket", method="PUT")


SERVERS = {
    "gs": (google, ("gcsfs", "gcp_storage_emulator")),
    "s3": (amazon, ("s3fs", "moto")),
}


@pytest.fixture(params=SERVERS)
def server(request, tmp_path):
    """The name of a bucket, and the variables by which processes find its server."""
    of, modules = SERVERS[request.param]
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    command, environment, make = of(launching.free_port())
    script = shutil.which(command[0], path=os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
    with open(tmp_path / "server.log", "wb") as log:
        process = subprocess.Popen([script, *command[1:]], stdout=log, stderr=subprocess.STDOUT)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(make, timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield f"{request.param}://bucket", environment
    finally:
        process.terminate()
        process.wait()


def run(environment, module, *arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300,
        env={**os.environ, **environment, "JAX_NUM_CPU_DEVICES": "1"},
    )  # fmt: skip
    assert done.returncode == code, done.stderr[-3000:]
    return done.stderr + done.stdout


def test_a_run_dies_continues_and_is_sampled_from(server, tmp_path):
    bucket, environment = server
    folder = f"--workdir={bucket}/runs/digits"
    log = run(environment, "tests.job", *FLAGS, *OFTEN, folder, "--fail_at=3", code=1)
    assert "injected after step 3" in log
    log = run(environment, "tests.job", *FLAGS, *OFTEN, folder)
    assert "continuing from step 2" in log and "the job ended at step 4" in log and "damaged" not in log
    log = run(environment, "experiments.sample", folder, "--num=3", f"--out={bucket}/samples.npz")
    assert f"3 samples of step 4 written to {bucket}/samples.npz" in log
    log = run(environment, "experiments.report", f"{bucket}/runs/digits", f"--out={tmp_path / 'page.html'}")
    assert (tmp_path / "page.html").read_text().count("data:image/png") >= 1
    log = run(environment, "tests.job", *FLAGS, *OFTEN, f"--workdir={bucket.replace('bucket', 'none')}/run", code=2)
    assert "error: --workdir" in log and "there is no bucket" in log
