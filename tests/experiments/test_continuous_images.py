"""Continuous pictures from the outside: a tiny run, what it leaves, what is refused, and samples of it later."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from bgan_jax.runtime.metrics import read_metrics
from experiments import continuous_images, load_sampler
from experiments.harness.runs.sample_pictures import record_measurement
from tests.experiments.refusals import assert_refused, flag_of
from tests.experiments.test_discrete_mnist import command

TINY = ["--smoke", "--width=2", "--batch_size=8", "--report_every=1"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images") / "run"
    done = command(
        f"--workdir={folder}",
        *TINY,
        module="experiments.continuous_images",
        # No cache folder can be written, which a run does not need.
        BGAN_JAX_CACHE="", XDG_CACHE_HOME="", XDG_CONFIG_HOME="", HOME="/dev/null/nowhere", TMPDIR=str(folder.parent),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done.stderr


def test_what_a_run_leaves_behind(finished):
    folder, log = finished
    left = {path.name for path in folder.iterdir()}
    assert left >= {
        "config.json", "metrics.jsonl", "measurements.jsonl", "curves.png", "result.json", "checkpoints", "pictures",
    }  # fmt: skip
    assert {path.name for path in (folder / "pictures").iterdir()} == {
        "samples_0000002.png", "samples_0000004.png", "real.png",
    }  # fmt: skip
    assert Image.open(folder / "pictures" / "samples_0000004.png").mode == "RGB"
    result = json.loads((folder / "result.json").read_text())
    assert result["samples"]["frechet"] > result["floor"]["frechet"] > 0.0
    assert "100 samples from 376 real images (emoji32, test split)" in result["protocol"]
    assert [record["step"] for record in read_metrics(folder / "measurements.jsonl")] == [2, 4]
    assert "Frechet distance" in log and "step 4/4" in log
    assert log.count("cannot be written") == log.count("/dev/null/nowhere") == 1, log


def test_its_samples_can_be_had_later(finished):
    sample, spec, step = load_sampler(str(finished[0]))
    samples = sample(jax.random.key(0), 5)
    assert step == 4 and spec.kind == "continuous" and samples.probs is None
    assert samples.x.shape == (5, 32, 32, 3) and samples.x.dtype == np.float32 and np.abs(samples.x).max() <= 1.0
    np.testing.assert_array_equal(sample(jax.random.key(0), 3).x, samples.x[:3])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--objective=proxy"], ["objective", "non_saturating"]),
        (["--objective=wasserstein"], ["gradient_norm", "wgan_gp"]),
        (["--dataset=mnist10k"], ["mnist10k", "two colours", "give --binarization=none"]),
        (["--network=resnet64"], ["resnet64", "(64, 64"]),
        (["--compute_dtype=float16"], ["compute_dtype", "bfloat16"]),
    ],
    ids=flag_of,
)
def test_what_is_refused(tmp_path, capsys, arguments, words):
    arguments = [*TINY, "--compilation_cache=false", *arguments]
    assert_refused(continuous_images, arguments, words=words, folder=tmp_path / "run", capsys=capsys)


def test_measurements_of_steps_that_are_taken_again_go(tmp_path):
    path = tmp_path / "measurements.jsonl"
    for step, value in ((2, 1.0), (4, 2.0), (6, 3.0), (4, 5.0)):
        record_measurement(path, {"step": step, "frechet": value})
    assert read_metrics(path) == [{"step": 2, "frechet": 1.0}, {"step": 4, "frechet": 5.0}]
