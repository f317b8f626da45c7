"""The classifier learns separable classes, is deterministic, and is restored exactly from its file."""

import jax
import numpy as np
import pytest

from bgan_jax.evaluation.classifier import accuracy, held_out_split, predict, train_classifier
from bgan_jax.evaluation.classifier_file import load_classifier, save_classifier

SIZE = 12
# One set of shapes for all tests: the step is compiled once.
SETTINGS = {"num_classes": 3, "width": 4, "num_features": 16}


def striped_images(seed, num_images):
    """Noisy binary stripes: horizontal, vertical and diagonal are the three classes."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, num_images)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    phase = generator.integers(0, 4, num_images)[:, None, None]
    position = np.stack([rows, columns, rows + columns])[labels]
    clean = (position + phase) % 4 < 2
    noise = generator.random(clean.shape) < 0.1
    return (clean ^ noise).astype(np.uint8)[..., None], labels


@pytest.fixture(scope="module")
def classifier():
    return train_classifier(jax.random.key(0), *striped_images(0, 600), steps=120, **SETTINGS)


def test_held_out_accuracy_is_high_on_separable_classes(classifier):
    images, labels = striped_images(1, 400)
    assert accuracy(predict(classifier, images).probs, labels) > 0.97


def test_labels_without_information_are_predicted_at_chance():
    images, _ = striped_images(0, 400)
    labels = np.random.default_rng(5).integers(0, 3, 400)
    blind = train_classifier(jax.random.key(0), images, labels, steps=60, **SETTINGS)
    held_out, held_out_labels = striped_images(2, 900)
    standard_error = np.sqrt(1 / 3 * 2 / 3 / 900)
    assert abs(accuracy(predict(blind, held_out).probs, held_out_labels) - 1 / 3) < 0.15 + 4 * standard_error


def test_same_key_same_classifier_and_other_key_another():
    images, labels = striped_images(0, 100)
    first, second, other = (
        train_classifier(key, images, labels, steps=5, **SETTINGS)
        for key in (jax.random.key(3), jax.random.key(3), jax.random.key(4))
    )
    jax.tree.map(np.testing.assert_array_equal, first.variables, second.variables)
    same = jax.tree.map(np.array_equal, first.variables["params"], other.variables["params"])
    assert not all(jax.tree.leaves(same))


def test_predictions_do_not_depend_on_the_batch_size(classifier):
    images, _ = striped_images(3, 50)
    whole = predict(classifier, images)
    parts = predict(classifier, images, batch_size=16)
    np.testing.assert_allclose(whole.probs, parts.probs, atol=1e-5)
    np.testing.assert_allclose(whole.features, parts.features, atol=1e-4)
    np.testing.assert_allclose(whole.probs.sum(axis=1), 1.0, atol=1e-5)


def test_predictions_do_not_depend_on_the_scale_of_the_pixels():
    images, labels = striped_images(0, 64)
    binary = train_classifier(jax.random.key(0), images, labels, steps=3, **SETTINGS)
    rescaled = images * np.float32(2) - 1
    centred = train_classifier(jax.random.key(0), rescaled, labels, steps=3, **SETTINGS)
    np.testing.assert_allclose(predict(binary, images).probs, predict(centred, rescaled).probs, atol=1e-3)


def test_a_saved_classifier_is_restored_exactly(classifier, tmp_path):
    path = tmp_path / "classifier.npz"
    save_classifier(path, classifier)
    restored = load_classifier(path)
    assert [file.name for file in tmp_path.iterdir()] == ["classifier.npz"]
    assert restored.network() == classifier.network()
    assert restored.image_shape == classifier.image_shape
    assert restored.num_training_images == classifier.num_training_images
    images, _ = striped_images(4, 20)
    np.testing.assert_array_equal(predict(classifier, images).probs, predict(restored, images).probs)


def test_broken_or_foreign_files_are_named(tmp_path):
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(ValueError, match=r"broken\.npz"):
        load_classifier(broken)
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, x=np.zeros(3))
    with pytest.raises(ValueError, match="format 1"):
        load_classifier(foreign)
    with pytest.raises(FileNotFoundError):
        load_classifier(tmp_path / "absent.npz")


def test_held_out_split_is_a_partition_with_equal_class_shares():
    labels = np.sort(np.random.default_rng(0).integers(0, 10, 2000))
    training, held_out = held_out_split(jax.random.key(1), labels, held_out_fraction=0.25)
    np.testing.assert_array_equal(np.sort(np.concatenate([training, held_out])), np.arange(2000))
    counts, held_out_counts = np.bincount(labels), np.bincount(labels[held_out])
    assert np.all(np.abs(held_out_counts - counts / 4) <= 0.5)
    again, _ = held_out_split(jax.random.key(1), labels, held_out_fraction=0.25)
    other, _ = held_out_split(jax.random.key(2), labels, held_out_fraction=0.25)
    np.testing.assert_array_equal(training, again)
    assert not np.array_equal(training, other)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((4, 8, 8)), np.zeros(4, int), r"\[N, H, W, C\]"),
        (np.zeros((4, 8, 8, 1)), np.zeros(3, int), "one per image"),
        (np.zeros((4, 8, 8, 1)), np.full(4, 3), r"\[0, 3\)"),
        (np.zeros((4, 8, 8, 1)), np.zeros(4), "integers"),
        (np.zeros((1, 8, 8, 1)), np.zeros(1, int), "batch_size"),
    ],
)
def test_bad_training_data_is_refused_in_one_line(images, labels, message):
    with pytest.raises(ValueError, match=message):
        train_classifier(jax.random.key(0), images, labels, num_classes=3, batch_size=2)


def test_images_of_another_shape_are_refused(classifier):
    with pytest.raises(ValueError, match="12, 12, 1"):
        predict(classifier, np.zeros((2, 28, 28, 1)))
