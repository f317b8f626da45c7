"""Adversarial classification from the outside, and the parts of it that have laws."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from bgan_jax.data import open_dataset
from bgan_jax.runtime.nonfinite import NonFiniteError
from experiments.adversarial_classification import command as adversarial_classification
from experiments.adversarial_classification import curves, systems, training
from experiments.adversarial_classification.labelled_images import (
    LabelledImages,
    Stream,
    as_rows,
    intensities,
    labelled_images,
    labelled_load,
)
from experiments.adversarial_classification.table import system_row, systems_table
from experiments.adversarial_classification.training import Curve
from experiments.harness.cli import flags
from experiments.harness.reports.report_page import write_own_page
from tests import launching
from tests.experiments.refusals import assert_refused, flag_of


def config(folder, *arguments):
    return flags.parse(
        adversarial_classification.Config, [f"--workdir={folder}", "--smoke", *arguments],
        smoke=adversarial_classification.SMOKE, presets=adversarial_classification.PRESETS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classification") / "run"
    return folder, adversarial_classification.main(config(folder))


def test_what_a_run_leaves_behind(finished):
    folder, result = finished
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "versions.json", "result.json", "result.md", "curves.png", "curves", "pictures",
    }  # fmt: skip
    assert json.loads((folder / "result.json").read_text()) == result
    assert len(list((folder / "curves").iterdir())) == 2 * 2
    assert Image.open(folder / "pictures" / "real.png").size == (2 * (8 * 17 - 1),) * 2
    assert 'alt="real examples"' in write_own_page(folder).read_text()
    picture = np.asarray(Image.open(folder / "curves.png").convert("RGB"))
    assert picture.shape[0] > 500 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50


def test_two_hosts_train_what_is_missing_as_one_does(finished, tmp_path):
    """Real processes on the loopback; process 0 says what is finished, and writes alone."""
    alone, _ = finished
    folder = tmp_path / "run"
    shutil.copytree(alone, folder)
    missing = curves.curve_file(folder, "cross_entropy", 1)
    missing.unlink()
    log = launching.run(folder, "--smoke", processes=2, module="experiments.adversarial_classification")
    assert log.count(", seed ") == log.count("cross_entropy, seed 1:") == 1
    found, wanted = (json.loads(path.read_text()) for path in (missing, curves.curve_file(alone, "cross_entropy", 1)))
    assert found["test_error"] == pytest.approx(wanted["test_error"], abs=1.0)


def test_every_system_has_its_errors_and_their_spread(finished):
    _, result = finished
    assert [row["system"] for row in result["rows"]] == ["cross_entropy", "gan/importance_sampling"]
    for row in result["rows"]:
        assert row["seeds"] == 2 and row["stopped"] == []
        assert 0 <= row["lowest_test_error"] <= row["test_error"] <= 100 and 0 <= row["train_error"] <= 100
        assert row["test_error_sd"] >= 0
    assert [row["paper_as_recalled"] for row in result["rows"]] == [26.6, 26.2]


def test_the_same_command_again_trains_nothing(finished, monkeypatch):
    folder, result = finished
    monkeypatch.setattr(curves, "train_system", None)
    again = adversarial_classification.main(config(folder))
    assert again["rows"] == result["rows"]


def test_what_is_missing_is_trained(finished, monkeypatch):
    folder, result = finished
    (folder / "curves/cross_entropy-seed1.json").unlink()
    trained = []

    def train_system(trainer, data, *, seed, **rest):
        trained.append(seed)
        raise NonFiniteError("stop here")

    monkeypatch.setattr(curves, "train_system", train_system)
    with pytest.raises(NonFiniteError):
        adversarial_classification.main(config(folder))
    assert trained == [1]


def test_the_table_quotes_the_paper_as_recalled(finished):
    folder, _ = finished
    lines = (folder / "result.md").read_text().splitlines()
    assert any("unverified" in line for line in lines)
    (head,) = [line for line in lines if line.startswith("| f |")]
    gan, kl = (next(line for line in lines if line.startswith(f"| {name} |")) for name in ("gan", "kl"))
    assert head.count("paper, as recalled") == 2 and head.count("|") == gan.count("|") == kl.count("|")
    assert [cell.strip() for cell in kl.split("|")[2:6]] == ["", "28.1", "", "28.0"]
    assert "±" in gan.split("|")[2]


def test_a_run_that_is_not_finite_is_counted_and_left_out():
    good = Curve(epochs=[1.0], test_error=[10.0], train_error=[5.0], seconds=1.0, stopped=None)
    bad = Curve(epochs=[], test_error=[], train_error=[], seconds=1.0, stopped="at step 3 these were not finite: bound")
    mixed = system_row("kl/exact", [good, bad])
    assert (mixed["test_error"], mixed["test_error_sd"], mixed["seeds"]) == (10.0, None, 1)
    lost = system_row("kl/exact", [bad])
    assert lost["test_error"] is None and "not finite" in systems_table([mixed, lost], protocol="")


def test_a_system_that_diverges_ends_early_with_its_reason(monkeypatch, tmp_path):
    def train(*arguments, start_step, **rest):
        raise NonFiniteError("at step 1 these were not finite: bound; this process saves no checkpoint")

    arguments = config(tmp_path / "run", "--systems=wasserstein_clipping,kl/exact")
    _, trainers, split, test = adversarial_classification.start(arguments)
    assert "critic" in trainers["wasserstein_clipping"].program.metric_names
    monkeypatch.setattr(training, "train", train)
    curve = training.train_system(
        trainers["kl/exact"], split, error=None, train_part=split, test=test, seed=0, epochs=1, measurements=2
    )
    assert curve.stopped == "at step 1 these were not finite: bound" and curve.test_error == []


def test_the_systems_are_the_papers_table_and_its_controls():
    assert len(systems.SYSTEMS) == 2 + 5 * 4 and set(systems.RECALLED) <= set(systems.SYSTEMS)
    assert systems.chosen("all") == systems.SYSTEMS
    assert systems.chosen("kl, exact")[:2] == ("gan/exact", "jensen_shannon/exact")
    assert len(systems.chosen("kl,exact")) == 4 + 4
    settings = adversarial_classification.Config(workdir="unused")
    for name in systems.SYSTEMS:
        made = adversarial_classification.system_for(settings, name)
        assert made.minibatches >= 1
        if name.endswith("/exact"):
            assert made.settings.num_samples is None
        elif "/" in name:
            assert made.settings.num_samples == settings.num_samples
            assert made.settings.divergence == name.partition("/")[0]


def test_the_full_preset_is_the_papers_size():
    full = flags.parse(
        adversarial_classification.Config, ["--preset=full"], presets=adversarial_classification.PRESETS
    )  # fmt: skip
    assert (full.dataset, full.reduction, full.width, full.epochs, full.critic_epochs, full.batch_size) == (
        "cifar10", 1, 64, 200, 600, 64,
    )  # fmt: skip


def test_pictures_are_filled_up_and_averaged():
    digits = open_dataset("mnist10k", split="test", binarization="none")
    small = labelled_images(digits, reduction=2)
    assert small.images.shape == (1000, 16, 16, 1)
    rows = digits.rows(np.arange(1000)).astype(float)
    # Two pixels of the edge on every side: a pixel of the result is the mean of a square of four.
    np.testing.assert_allclose(small.images[:, 1:15, 1:15, 0], rows.reshape(1000, 14, 2, 14, 2).mean((2, 4)), atol=0.51)
    assert small.labels.tolist() == digits.labels.tolist()


def test_bits_and_colours_of_a_palette_are_classified_by_their_pixels(tmp_path):
    x, y = np.random.default_rng(0).integers(0, 2, (40, 16, 16)).astype(np.uint8), np.arange(40) % 2
    np.savez(tmp_path / "bits.npz", x=x, y=y)
    palette = np.array([[255, 0, 0], [0, 9, 255]], np.uint8)
    np.savez(tmp_path / "colours.npz", x=x, y=y, palette=palette)
    name = f"npz:{tmp_path / 'bits.npz'}"
    bits, colours = (
        open_dataset(f"npz:{tmp_path / file}", split="all", cache_dir=tmp_path) for file in ("bits.npz", "colours.npz")
    )
    assert bits.spec.kind == "binary" and colours.spec.kind == "categorical"
    shown = labelled_images(bits, reduction=1)
    np.testing.assert_array_equal(intensities(shown.images), 2.0 * x[..., None] - 1.0)
    assert shown.labels.tolist() == y.tolist()
    np.testing.assert_array_equal(labelled_images(colours, reduction=1).images, palette[x])
    # The same as black and white intensities, which are not called bits.
    whites = open_dataset(name, split="all", cache_dir=tmp_path, binarization="none")
    assert whites.spec.kind == "continuous"
    of_bits, of_whites = (labelled_images(dataset, reduction=2).images for dataset in (bits, whites))
    np.testing.assert_array_equal(of_bits, of_whites)


def test_a_run_takes_bits(tmp_path):
    x = np.random.default_rng(0).integers(0, 2, (80, 8, 8)).astype(np.uint8)
    np.savez(tmp_path / "bits.npz", x=x, y=np.arange(80) % 2)
    arguments = ["--systems=cross_entropy", "--seeds=1", f"--dataset=npz:{tmp_path / 'bits.npz'}",
                 f"--cache_dir={tmp_path / 'cache'}"]  # fmt: skip
    _, trainers, train, test = adversarial_classification.start(config(tmp_path / "run", *arguments))
    assert set(trainers) == {"cross_entropy"}
    assert train.images.shape == (64, 16, 16, 1) and test.images.shape == (8, 16, 16, 1)


def test_a_part_of_a_split_keeps_the_balance_of_its_labels():
    split = LabelledImages(np.zeros((1000, 1, 1, 1), np.uint8), np.repeat(np.arange(10), 100).astype(np.int32))
    assert np.bincount(split.evenly_spaced(100).labels).tolist() == [10] * 10
    assert len(split.evenly_spaced(5000).labels) == 1000


def test_an_epoch_shows_every_image_once_with_its_label():
    images = np.arange(24, dtype=np.uint8).reshape(24, 1, 1, 1)
    stream = Stream(as_rows(LabelledImages(images, np.arange(24, dtype=np.int32) % 5)), np.uint32(2))
    load = labelled_load(num_examples=24, shape=(1, 1, 1), batch_size=4, minibatches=2)
    batches = [load(stream, None, np.asarray(step), np.arange(4)) for step in range(3)]
    shown = np.concatenate([np.asarray(batch.images).ravel() for batch in batches])
    shown = np.rint((shown + 1.0) * 127.5).astype(int)
    assert sorted(shown) == list(range(24))
    assert np.concatenate([np.asarray(batch.labels).ravel() for batch in batches]).tolist() == (shown % 5).tolist()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--systems=magic"], ["magic", "cross_entropy", "importance_sampling"]),
        (["--systems=,"], ["'all'"]),
        (["--dataset=austen32"], ["austen32", "text"]),
        (["--dataset=cifar11"], ["cifar11"]),
        (["--batch_size=100000", "--penalty_stride=1"], ["--batch_size=100000", "training images"]),
        (["--batch_size=12"], ["batch_size=12", "devices"]),
        (["--penalty_stride=3"], ["penalty_stride=3"]),
        (["--critic_clip=0"], ["critic_clip"]),
        (["--workdir="], ["--workdir"]),
    ],
    ids=flag_of,
)
def test_bad_flags(tmp_path, capsys, arguments, words):
    arguments = ["--smoke", *arguments]
    assert_refused(adversarial_classification, arguments, words=words, folder=tmp_path / "run", capsys=capsys)
