"""Palettes: few colours are reproduced exactly, many with small errors."""

import numpy as np
import pytest

from bgan_jax.data.palette import DITHERS, QUANTIZERS, fit_palette, quantize
from tests.data.fabrication import smooth_images


@pytest.mark.parametrize("quantizer", QUANTIZERS)
@pytest.mark.parametrize("dither", DITHERS)
def test_images_of_few_colours_are_reproduced_exactly(quantizer, dither):
    colors = np.array([[10, 20, 30], [200, 0, 0], [0, 0, 250], [255, 255, 255]], np.uint8)
    images = colors[np.random.default_rng(0).integers(0, 4, (5, 8, 8))]
    palette = fit_palette(images, num_colors=4, quantizer=quantizer)
    drawn = np.asarray(palette, np.uint8)[quantize(images, palette=palette, dither=dither)]
    np.testing.assert_array_equal(drawn, images)


def test_missing_colours_repeat_the_last():
    assert fit_palette(np.zeros((1, 2, 2, 3), np.uint8), num_colors=3) == ((0, 0, 0),) * 3


def test_no_colour_but_the_nearest_is_taken_without_dither():
    images = smooth_images(4, height=16, width=16)
    palette = fit_palette(images, num_colors=7)
    distances = ((images[..., None, :].astype(int) - np.asarray(palette)) ** 2).sum(-1)
    np.testing.assert_array_equal(quantize(images, palette=palette), distances.argmin(-1))


def test_dither_keeps_the_mean_colour_better():
    images = np.full((1, 32, 32, 3), 100, np.uint8)
    palette = ((0, 0, 0), (255, 255, 255))
    means = {dither: np.asarray(palette)[quantize(images, palette=palette, dither=dither)].mean() for dither in DITHERS}
    assert means["none"] == 0
    assert abs(means["floyd_steinberg"] - 100) < 5


def test_k_means_has_less_error_than_median_cut():
    images = smooth_images(30, height=16, width=16)

    def error(quantizer):
        palette = np.asarray(fit_palette(images, num_colors=16, quantizer=quantizer))
        return ((palette[quantize(images, palette=tuple(map(tuple, palette)))] - images.astype(int)) ** 2).mean()

    assert error("kmeans") < 0.8 * error("median_cut")


def test_palettes_are_the_same_every_time():
    images = smooth_images(10, height=16, width=16)
    assert fit_palette(images, num_colors=16) == fit_palette(images.copy(), num_colors=16)
