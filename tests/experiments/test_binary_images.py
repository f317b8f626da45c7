"""Images of two colours without labels: scored by distances and copies, under any name and of any shape."""

import json

import numpy as np
import pytest
from PIL import Image

from bgan_jax.data import Dataset, open_dataset
from experiments import binary_images, discrete_mnist
from experiments.harness.cli import flags
from experiments.harness.metrics import image_scores
from experiments.harness.metrics.classifier_score import num_turns, rotated
from experiments.harness.metrics.copies import warn_of_copies
from tests.experiments.refusals import assert_refused

TINY = ["--smoke", "--network=mlp", "--width=8", "--latent_dim=4", "--judged_samples=40", "--judge_steps=5",
        "--compilation_cache=false"]  # fmt: skip


def drawings(n, *, shape=(8, 6), seed=0):
    """Bits with a bright row whose place differs."""
    random = np.random.default_rng(seed)
    x = (random.random((n, *shape, 1)) < 0.1).astype(np.uint8)
    x[np.arange(n), random.integers(0, shape[0], n)] = 1
    return x


def trained(tmp_path, *arguments, experiment=binary_images):
    presets = getattr(experiment, "PRESETS", None)
    config = flags.parse(
        experiment.Config, [f"--workdir={tmp_path / 'run'}", f"--cache_dir={tmp_path / 'cache'}", *TINY, *arguments],
        smoke=experiment.SMOKE, **({"presets": presets} if presets else {}),
    )  # fmt: skip
    return experiment.main(config), tmp_path / "run"


@pytest.mark.parametrize("experiment", [binary_images, discrete_mnist], ids=["binary_images", "discrete_mnist"])
def test_bits_without_labels_train_and_are_measured(tmp_path, experiment, caplog):
    np.savez(tmp_path / "bits.npz", x=drawings(120))
    with caplog.at_level("INFO", logger="bgan_jax"):
        result, folder = trained(tmp_path, f"--dataset=npz:{tmp_path / 'bits.npz'}", experiment=experiment)
    assert set(result["samples"]) == {"frechet", "kernel", "kernel_standard_error"}
    assert set(result["floor"]) == set(result["samples"])
    assert "quarters" in result["protocol"] and "digit" not in caplog.text
    assert set(result["copies"]) == {"copied_share", "identical_share", "protocol"}
    assert json.loads((folder / "result.json").read_text()) == result
    real = np.asarray(Image.open(folder / "pictures" / "real.png"))
    assert set(np.unique(real)) >= {0, 255}


def test_data_of_another_kind_are_refused_before_anything_is_written(tmp_path, capsys):
    np.savez(tmp_path / "colours.npz", x=np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8))
    arguments = [f"--dataset=npz:{tmp_path / 'colours.npz'}", f"--cache_dir={tmp_path / 'cache'}", *TINY]
    words = ["--dataset", "colour images", "takes images of two colours"]
    assert_refused(binary_images, arguments, words=words, folder=tmp_path / "run", capsys=capsys)


@pytest.mark.parametrize(("shape", "turns"), [((3, 3, 1), 4), ((2, 3, 1), 2)])
def test_images_are_rotated_where_their_shape_allows_it(shape, turns):
    images = np.arange(2 * np.prod(shape)).reshape(2, *shape)
    rotations, labels = rotated(images)
    assert num_turns(shape) == turns
    assert rotations.shape == (2 * turns, *shape)
    assert labels.tolist() == np.repeat(np.arange(turns), 2).tolist()
    np.testing.assert_array_equal(rotations[2 * (turns // 2)], images[0, ::-1, ::-1])  # half a turn
    assert len(np.unique(rotations.reshape(2 * turns, -1), axis=0)) == 2 * turns


@pytest.mark.parametrize(("share", "usual", "warned"), [(0.05, 0.01, False), (0.2, 0.01, True), (0.2, 0.15, False)])
def test_many_copies_are_warned_of(caplog, share, usual, warned):
    with caplog.at_level("WARNING", logger="bgan_jax"):
        warn_of_copies(share, usual=usual)
    assert ("copy training examples" in caplog.text) == warned


def test_a_generator_that_repeats_its_data_is_named(tmp_path, caplog):
    np.savez(tmp_path / "bits.npz", x=drawings(200))
    name, cache = f"npz:{tmp_path / 'bits.npz'}", tmp_path / "cache"
    train = open_dataset(name, cache_dir=cache)
    held_out = open_dataset(name, split="test", cache_dir=cache)
    score = image_scores.image_scores(train, held_out, folder=cache, steps=2, num_samples=50)
    with caplog.at_level("WARNING", logger="bgan_jax"):
        result = score(train.rows(np.arange(50)))
    assert result["copies"]["identical_share"] == 1.0
    assert "100 % of the samples copy training examples" in caplog.text


@pytest.mark.parametrize("labels", [True, False])
def test_what_real_images_need_is_computed_once_for_all_seeds(tmp_path, monkeypatch, labels):
    bits = drawings(120)
    np.savez(tmp_path / "bits.npz", x=bits, **({"y": np.arange(120) % 2} if labels else {}))
    train, held_out = (open_dataset(f"npz:{tmp_path / 'bits.npz'}", split=split, cache_dir=tmp_path) for split in
                       ("train", "test"))  # fmt: skip

    def scores():
        return image_scores.image_scores(train, held_out, folder=tmp_path, steps=2, num_samples=50)

    samples = [drawings(50, seed=seed) for seed in (1, 2, 3)]
    alone = [scores()(x) for x in samples]
    score = scores()

    def refuse(*arguments, **options):
        raise AssertionError("real images are read again")

    monkeypatch.setattr(Dataset, "rows", refuse)
    assert [score(x) for x in samples] == alone
