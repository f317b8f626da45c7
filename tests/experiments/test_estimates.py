"""Sizes that no machine can honour are refused by an estimate, before anything is compiled."""

import pytest

from bgan_jax.algorithms.discrete import DiscreteSettings
from bgan_jax.runtime.platform import this_process
from experiments import continuous_images, discrete_mnist
from experiments.harness.runs import estimates
from tests.experiments.refusals import assert_refused

SMALL = ["--network=mlp", "--width=8", "--batch_size=16", "--penalty_stride=2", "--compilation_cache=false"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--num_samples=1000000000"], ["--num_samples=1000000000", "16,000,000,000 samples", "hours", "lower --num"]),
        (["--num_samples=20000000"], ["--num_samples=20000000", "16,777,216 samples per latent"]),
        (
            ["--num_samples=16000000", "--disc_fakes_per_latent=16000000"],
            ["at least", "GB of memory", "lower --batch_size or --disc_fakes_per_latent"],
        ),
        (["--num_samples=16000000", "--sample_chunk=8000000"], ["GB of memory", "--sample_chunk"]),
        (["--width=40000000"], ["GB of memory", "lower --width"]),
    ],
)
def test_what_cannot_work_is_refused(tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.setattr(estimates, "_memory_limit", lambda platform: 2**33)
    assert_refused(discrete_mnist, [*SMALL, *arguments], words=words, folder=tmp_path / "run", capsys=capsys)


def test_a_batch_that_does_not_fit(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(estimates, "_memory_limit", lambda platform: 2**20)
    arguments = ["--width=4", "--batch_size=64", "--compilation_cache=false"]
    words = ["GB of memory", "lower --batch_size"]
    assert_refused(continuous_images, arguments, words=words, folder=tmp_path / "run", capsys=capsys)


def test_the_memory_of_this_machine_is_known():
    assert estimates._memory_limit(this_process()) > 2**28


def test_the_divisors_of_a_large_number_are_listed_at_once():
    with pytest.raises(ValueError, match=r"one of \[1, 2, 4, 5, .*, 500000000, 1000000000\]"):
        DiscreteSettings(num_samples=10**9, sample_chunk=7)
