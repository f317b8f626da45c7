"""Distances order pictures as they must, and the protocol goes with them."""

import dataclasses

import numpy as np
import pytest

from bgan_jax.data import open_dataset
from experiments.harness.metrics.classifier_score import real_images, rotated, train_or_load_classifier
from experiments.harness.metrics.distances import (
    classifier_extractor,
    distances,
    held_out_features,
    make_reference_metric,
)


@pytest.fixture(scope="module")
def emoji():
    return open_dataset("emoji32", split="train"), open_dataset("emoji32", split="test")


@pytest.fixture(scope="module")
def reference_metric(emoji, tmp_path_factory):
    train, held_out = emoji
    extractor = classifier_extractor(train, folder=tmp_path_factory.mktemp("classifiers"), steps=30)
    reference, name = held_out_features(extractor, held_out)
    return make_reference_metric(train, extractor=extractor, reference=reference, reference_name=name, num_samples=400)


def test_blurred_pictures_are_further_than_real_ones_and_noise_further_still(emoji, reference_metric):
    # Drawn, not cut off: the order of the set follows its groups.
    images = real_images(emoji[0])[np.random.default_rng(1).permutation(len(emoji[0]))[:400]]
    small = images.reshape(400, 8, 4, 8, 4, 3).mean((2, 4))
    blurred = np.repeat(np.repeat(small, 4, axis=1), 4, axis=2).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, images.shape, np.uint8)
    blurred_distances, noise_distances = distances(reference_metric, blurred), distances(reference_metric, noise)
    for name in ("frechet", "kernel"):
        assert reference_metric.floor[name] < blurred_distances[name] < noise_distances[name]


def test_another_number_of_pictures_is_refused(emoji, reference_metric):
    with pytest.raises(ValueError, match="got 399 images, and this metric takes 400"):
        distances(reference_metric, real_images(emoji[0])[:399])


def test_the_protocol_names_features_reference_and_counts(reference_metric):
    for word in ("400 samples", "376 real images", "emoji32, test split", "labels of emoji32, 30 steps, seed 0"):
        assert word in reference_metric.protocol


def test_pictures_without_labels_are_classified_by_their_rotation(emoji, tmp_path):
    dataset = emoji[0]
    unlabelled = dataclasses.replace(dataset, labels=None)
    classifier = train_or_load_classifier(unlabelled, folder=tmp_path, steps=3)
    assert classifier.num_classes == 4 and classifier.num_training_images == 4 * len(dataset)
    assert next(tmp_path.iterdir()).name.startswith("judge-continuous-quarters-")


def test_four_turns_are_none():
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 2), np.uint8)
    pictures, quarters = rotated(images)
    assert len(pictures) == len(quarters) == 12
    for picture, turns, original in zip(pictures, quarters, [*images] * 4, strict=True):
        np.testing.assert_array_equal(np.rot90(picture, 4 - turns), original)
