"""Features by name: what each is, what is refused, and distances in them."""

import sys

import numpy as np
import pytest

from bgan_jax.data import open_dataset
from experiments import continuous_images
from experiments.harness.errors import UsageError
from experiments.harness.metrics.classifier_score import real_images
from experiments.harness.metrics.distances import distances, held_out_features, make_reference_metric
from experiments.harness.metrics.extractors import extractor_for, load_reference
from experiments.palette_images import command as palette_images
from experiments.pixel_descent import command as pixel_descent
from experiments.stability import command as stability
from tests.experiments.refusals import assert_refused

OWN = """
def means(images):
    return images.reshape(len(images), -1, images.shape[-1]).mean(axis=1)

def shape(images):
    return images

def broken(images):
    return means(images) * float("nan")

NUMBER = 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_features.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("own_features", None)
    extractor_for.cache_clear()


@pytest.fixture(scope="module")
def emoji():
    return open_dataset("emoji32", split="train"), open_dataset("emoji32", split="test")


def test_a_function_of_the_user_s_is_the_features(own, emoji):
    train, held_out = emoji
    extractor = extractor_for("own_features:means")
    reference, name = held_out_features(extractor, held_out)
    metric = make_reference_metric(
        train, extractor=extractor, reference=reference, reference_name=name, num_samples=300
    )
    assert "features: those of own_features:means" in metric.protocol and reference.shape == (len(held_out), 3)
    darker = (real_images(train, at_most=300) // 2).astype(np.uint8)
    assert distances(metric, darker)["frechet"] > 100 * metric.floor["frechet"]


@pytest.mark.parametrize("name", ["shape", "broken"])
def test_a_function_that_gives_something_else_is_named(own, name):
    with pytest.raises(
        UsageError, match=f"--features=own_features:{name} returned .* one row of finite numbers for each"
    ):
        extractor_for(f"own_features:{name}").extract(np.ones((2, 4, 4, 3), np.uint8))


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("resnet50", "is not an extractor; legal: judge, efficientnet_lite0"),
        ("inception:", "is not an extractor; legal"),
        ("inception:missing.pth", "No such file.*missing.pth"),
        ("efficientnet_lite0:missing.pth", "No such file.*missing.pth"),
        ("no_such_module:f", "No module named 'no_such_module'.*must be importable"),
        ("own_features:missing", "no attribute 'missing'"),
        ("own_features:NUMBER", "NUMBER is not a function of own_features"),
    ],
)
def test_what_cannot_be_extracted_by_is_refused(own, choice, words):
    with pytest.raises(UsageError, match=words):
        extractor_for(choice)


def test_grey_pictures_are_shown_as_colour_ones():
    try:
        extractor = extractor_for("efficientnet_lite0")
    except UsageError:
        pytest.skip("the weights' package is not installed")
    grey = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
    features = extractor.extract(grey)
    assert features.shape == (3, 1280)
    np.testing.assert_array_equal(features, extractor.extract(np.repeat(grey, 3, axis=-1)))


def test_features_computed_elsewhere_are_the_reference(own, emoji, tmp_path):
    train, held_out = emoji
    extractor = extractor_for("own_features:means")
    reference, _ = held_out_features(extractor, held_out)
    np.savez(tmp_path / "features.npz", features=reference)
    np.testing.assert_array_equal(load_reference(str(tmp_path / "features.npz")), reference)
    with pytest.raises(UsageError, match="features of other have 2 dimensions, and those of own_features:means, 3"):
        make_reference_metric(
            train, extractor=extractor, reference=reference[:, :2], reference_name="other", num_samples=10
        )


@pytest.mark.parametrize(
    "arrays", [{"other": np.ones((3, 2))}, {"features": np.ones(3)}, {"features": np.full((3, 2), np.nan)}, None]
)
def test_a_file_without_features_is_refused(arrays, tmp_path):
    path = tmp_path / "features.npz"
    if arrays is None:
        path.write_bytes(b"nothing")
    else:
        np.savez(path, **arrays)
    with pytest.raises(UsageError, match=r"--reference_features=.*features\.npz.*features"):
        load_reference(str(path))


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--features=nonsense", ["legal: judge"]),
        ("--reference_features=x.npz", ["--reference_features=x.npz acts only with --features other than judge"]),
    ],
)
@pytest.mark.parametrize("command", [continuous_images, palette_images, stability, pixel_descent])
def test_commands_refuse_before_they_write(command, flag, words, tmp_path, capsys):
    assert_refused(command, ["--smoke", flag], words=words, folder=tmp_path / "run", capsys=capsys)
