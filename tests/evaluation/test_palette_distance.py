"""Colour statistics of palette images: extremes, hand-computed cases, and which changes each of them detects."""

import jax
import numpy as np
import pytest

from bgan_jax.evaluation.palette_distance import (
    independent_pixels,
    neighbor_pair_distance,
    palette_histogram,
    palette_histogram_distance,
    pixel_marginal_distance,
)

COLORS = 4


def random_images(seed, num_images):
    return np.random.default_rng(seed).integers(0, COLORS, (num_images, 5, 6)).astype(np.uint8)


def test_histogram_counts_every_pixel():
    images = random_images(0, 7)
    shares = palette_histogram(images, num_colors=COLORS)
    np.testing.assert_allclose(shares, [(images == color).mean() for color in range(COLORS)])


def test_identical_sets_are_at_zero_and_disjoint_ones_at_one():
    images = random_images(0, 7)
    for distance in (palette_histogram_distance, pixel_marginal_distance, neighbor_pair_distance):
        assert distance(generated=images, reference=images, num_colors=COLORS) == 0.0
        apart = distance(generated=images % 2, reference=images % 2 + 2, num_colors=COLORS)
        assert apart == pytest.approx(1.0)


def test_moved_pixels_are_detected_by_the_marginals_only():
    images = np.zeros((4, 5, 6), np.uint8)
    images[:, 0] = 1
    moved = images[:, ::-1]
    assert palette_histogram_distance(generated=moved, reference=images, num_colors=COLORS) == 0.0
    # Two rows of five differ, with total variation 1 in each of their pixels.
    assert pixel_marginal_distance(generated=moved, reference=images, num_colors=COLORS) == pytest.approx(2 / 5)


def test_shuffling_each_pixel_among_the_images_is_detected_by_the_pairs_only():
    generator = np.random.default_rng(0)
    images = np.broadcast_to(generator.integers(0, COLORS, (500, 1, 1)), (500, 5, 6))
    shuffled = generator.permuted(images, axis=0)
    for distance in (palette_histogram_distance, pixel_marginal_distance):
        assert distance(generated=shuffled, reference=images, num_colors=COLORS) < 1e-9
    assert neighbor_pair_distance(generated=shuffled, reference=images, num_colors=COLORS) > 0.4


def test_independent_pixels_keep_every_pixels_colours_and_nothing_else():
    images = np.repeat(np.arange(2, dtype=np.uint8), 10)[:, None, None] * np.ones((1, 4, 3), np.uint8)
    images[:, 0, 0] = 3
    drawn = independent_pixels(jax.random.key(0), images, num_images=4000)
    assert drawn.shape == (4000, 4, 3) and drawn.dtype == np.uint8 and (drawn[:, 0, 0] == 3).all()
    fair = drawn.reshape(4000, -1)[:, 1:]
    # Eleven fair coins: 4,000 throws of each, and no two of them alike. Five standard errors.
    assert np.abs(fair.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(4000)
    assert np.abs(np.corrcoef(fair, rowvar=False) - np.eye(11)).max() < 5 / np.sqrt(4000)


def test_pairs_of_many_colours_do_not_overflow():
    images = np.full((1, 2, 2), 255, np.uint8)
    assert neighbor_pair_distance(generated=images, reference=images - 1, num_colors=256) == 1.0


def test_horizontal_and_vertical_pairs_are_distinguished():
    stripes = np.broadcast_to(np.array([0, 1]), (1, 4, 2))
    assert neighbor_pair_distance(generated=stripes.swapaxes(1, 2), reference=stripes, num_colors=2) > 0.5


def test_a_missing_colour_has_its_closed_form():
    # Real: half and half. Generated: one colour. The JSD of (1, 0) and (1/2, 1/2) in bits.
    expected = 0.5 * np.log2(4 / 3) + 0.5 * (0.5 * np.log2(2 / 3) + 0.5)
    real = np.array([[[0, 1]]])
    assert palette_histogram_distance(generated=real * 0, reference=real, num_colors=2) == pytest.approx(expected)


def test_order_of_images_and_names_of_colours_do_not_matter():
    first, second = random_images(0, 8), random_images(1, 9)
    names = np.array([2, 0, 3, 1])
    for distance in (palette_histogram_distance, pixel_marginal_distance, neighbor_pair_distance):
        plain = distance(generated=first, reference=second, num_colors=COLORS)
        renamed = distance(generated=names[first[::-1]], reference=names[second], num_colors=COLORS)
        assert renamed == pytest.approx(plain)


@pytest.mark.parametrize(
    "images", [np.full((1, 2, 2), 4), np.full((1, 2, 2), -1), np.zeros((1, 2, 2)), np.zeros((0, 2), int)]
)
def test_what_is_not_a_palette_image_is_refused(images):
    with pytest.raises(ValueError, match="palette indices"):
        palette_histogram(images, num_colors=COLORS)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        pixel_marginal_distance(generated=random_images(0, 2)[:, :4], reference=random_images(0, 2), num_colors=COLORS)
