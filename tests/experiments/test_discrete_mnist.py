"""The main job as a process: its command, the files that it writes, the flags that it refuses."""

import json
import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from PIL import Image

from bgan_jax.runtime.metrics import read_metrics
from experiments import discrete_mnist
from experiments.harness.cli import flags
from experiments.harness.runs.trained_run import load_sampler
from tests import launching
from tests.experiments.refusals import assert_refused, flag_of
from tests.launching import AS_USERS_GET_IT, newest_state
from tests.test_layers import ROOT

TINY = ["--smoke", "--judged_samples=50", "--judge_steps=5", "--report_every=1"]
# Compiles sooner; and by default Adam moves a whole step for a gradient of 1e-8, which magnifies rounding.
SMALL = [*TINY, "--network=mlp", "--width=8", "--adam_eps=1e-3"]


def config(tmp_path, *arguments):
    # The tests' process has eight devices.
    return flags.parse(
        discrete_mnist.Config,
        [f"--workdir={tmp_path / 'run'}", *TINY, *arguments],
        smoke=discrete_mnist.SMOKE,
        presets=discrete_mnist.PRESETS,
    )


def command(*arguments, module="experiments.discrete_mnist", **environment):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        env={**os.environ, "JAX_NUM_CPU_DEVICES": "1", **environment},
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("main") / "run"
    done = command(f"--workdir={folder}", *TINY, BGAN_JAX_CACHE=str(folder.parent / "cache"))
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def test_a_run_compiled_with_all_optimisations(tmp_path, monkeypatch):
    for name, value in AS_USERS_GET_IT.items():
        monkeypatch.setenv(name, value)
    log = launching.run(tmp_path / "run", "--steps=2", "--width=8")
    assert "the job ended at step 2" in log


def test_the_log_can_be_followed(finished):
    log = finished[1]
    assert "backend cpu" in log and "1 device" in log and "global batch 16" in log
    assert "step 4/4" in log and "nats" in log and "ESS" in log and "steps/s" in log and "left" in log


def test_what_a_run_leaves_behind(finished):
    folder, log = finished
    left = {path.name for path in folder.iterdir()} - {"warnings.jsonl"}  # there when four steps gave cause
    assert left == {
        "config.json", "dataset.json", "versions.json", "metrics.jsonl", "curves.png", "result.json", "report.html",
        "checkpoints", "pictures",
    }  # fmt: skip
    assert json.loads((folder / "config.json").read_text())["num_samples"] == 3
    assert json.loads((folder / "versions.json").read_text())["packages"]["jax"]
    assert [record["step"] for record in read_metrics(folder / "metrics.jsonl")] == [1, 2, 3, 4]
    assert {path.name for path in (folder / "pictures").iterdir()} == {
        "real.png", "samples_0000002.png", "samples_0000004.png",
    }  # fmt: skip
    assert Image.open(folder / "pictures" / "samples_0000004.png").size[0] > 2 * 8 * 28
    result = json.loads((folder / "result.json").read_text())
    assert result["samples"]["num_images"] == 50 and result["held_out"]["num_images"] == 1000
    np.testing.assert_allclose(sum(result["held_out"]["class_shares"].values()), 1.0, atol=1e-3)
    assert set(result["held_out"]["class_shares"]) == set("0123456789")
    # Five training steps do not make a classifier, and the log says so.
    assert result["held_out"]["judge_accuracy"] < 0.5
    assert set(result["samples"]) == {"num_images"}
    assert "names only" in log and "classifier score" not in log
    assert 0 <= result["copies"]["copied_share"] <= 1


def test_sampling_from_the_run(finished, tmp_path):
    folder = finished[0]
    done = command(f"--workdir={folder}", "--num=7", f"--out={tmp_path / 's.npz'}", module="experiments.sample")
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "s.npz") as file:
        x, probs = file["x"], file["probs"]
    assert x.shape == (7, 28, 28, 1) and x.dtype == np.uint8 and set(np.unique(x)) <= {0, 1}
    assert probs.shape == x.shape and probs.min() >= 0 and probs.max() <= 1
    sample, spec, step = load_sampler(str(folder))
    assert spec.name == "mnist10k" and step == 4
    np.testing.assert_array_equal(sample(jax.random.key(0), 7).x, x)
    np.testing.assert_array_equal(sample(jax.random.key(0), 3).x, x[:3])


@pytest.fixture(scope="module")
def one_device(finished, tmp_path_factory):
    folder = tmp_path_factory.mktemp("one") / "run"
    done = command(f"--workdir={folder}", *SMALL, BGAN_JAX_CACHE=str(finished[0].parent / "cache"))
    assert done.returncode == 0, done.stderr
    return folder


def test_two_halves_equal_the_whole(finished, one_device, tmp_path):
    folder = tmp_path / "halves"
    for steps in (2, 4):
        done = command(
            f"--workdir={folder}", *SMALL, f"--steps={steps}", BGAN_JAX_CACHE=str(finished[0].parent / "cache")
        )
        assert done.returncode == 0, done.stderr
    assert "continuing from step 2" in done.stderr
    (step_a, a), (step_b, b) = newest_state(folder), newest_state(one_device)
    assert step_a == step_b == 4
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left, right)
    metrics = [
        [
            {k: v for k, v in record.items() if k != "steps_per_second"}
            for record in read_metrics(path / "metrics.jsonl")
        ]
        for path in (folder, one_device)
    ]
    assert metrics[0] == metrics[1]


@pytest.mark.exhaustive  # Runs of tests/multihost and of several seeds always do.
def test_eight_devices_equal_one(finished, one_device, tmp_path):
    folder = tmp_path / "eight"
    done = command(
        f"--workdir={folder}",
        *SMALL,
        "--parallel=shard_map",
        "--data_backend=streamed",
        JAX_NUM_CPU_DEVICES="8",
        BGAN_JAX_CACHE=str(finished[0].parent / "cache"),
    )
    assert done.returncode == 0 and "8 devices" in done.stderr, done.stderr
    for left, right in zip(newest_state(folder)[1], newest_state(one_device)[1], strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--divergence=jensen"], ["divergence", "jensen_shannon", "reverse_kl"]),
        (["--network=resnet"], ["network", "dcgan28_small"]),
        (["--dataset=mnist5k"], ["mnist5k", "mnist10k"]),
        (["--num_samples=1"], ["num_samples", "at least 2"]),
        (["--disc_fakes_per_latent=4"], ["disc_fakes_per_latent", "num_samples=3"]),
        (["--sample_chunk=2"], ["sample_chunk", "[1, 3]"]),
        (["--batch_size=12"], ["batch_size=12", "8 devices", "8 or 16"]),
        (["--steps=0"], ["steps"]),
        (["--penalty=-1"], ["penalty"]),
        (["--workdir="], ["--workdir"]),
        (["--workdir=/dev/null/run"], ["--workdir", "/dev/null is not a folder"]),
        (["--cache_dir=/dev/null/cache"], ["--cache_dir", "/dev/null is not a folder"]),
        (["--process_id=1"], ["--coordinator", "all three"]),
    ],
    ids=flag_of,
)
def test_bad_flags(tmp_path, capsys, arguments, words):
    arguments = [*TINY, "--compilation_cache=false", *arguments]
    assert_refused(discrete_mnist, arguments, words=words, folder=tmp_path / "run", capsys=capsys)


def test_a_workdir_of_another_run_is_refused(finished, capsys):
    words = ["--seed: 0 there, 1 now"]
    assert_refused(discrete_mnist, [*TINY, "--seed=1"], words=words, folder=finished[0], capsys=capsys)


def test_fewer_steps_than_are_finished_are_refused(finished, capsys):
    words = ["--steps=3", "less than the 4 steps"]
    assert_refused(discrete_mnist, [*TINY, "--steps=3"], words=words, folder=finished[0], capsys=capsys)


def test_a_nonfinite_loss_stops_the_run(tmp_path):
    done = command(
        f"--workdir={tmp_path / 'run'}", *SMALL, "--learning_rate_disc=1e30", "--steps=50", "--divergence=pearson_chi2"
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: at step ") and "not finite" in last and "checkpoint" in last


def test_sigterm_saves_and_leaves(finished, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.discrete_mnist", f"--workdir={tmp_path / 'run'}", *SMALL, "--steps=100000",
         "--checkpoint_every=1000000", "--picture_every=0"],
        stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "JAX_NUM_CPU_DEVICES": "1", "BGAN_JAX_CACHE": str(finished[0].parent / "cache")},
    )  # fmt: skip
    metrics = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not read_metrics(metrics) and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    step, _ = newest_state(tmp_path / "run")
    assert f"stopped by SIGTERM at step {step} of 100000; its state is saved; rerun the same command" in log
    assert "Traceback" not in log
