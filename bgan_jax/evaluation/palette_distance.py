r"""Distances between colour statistics of generated and real palette images.

They are statistics of single pixels and of pairs of neighbours, so all three can be small although the images show
nothing. They detect the most common failures of a categorical generator: colours that are never used, pixels that
never change, and the noise of pixels that are drawn independently of one another.
"""

from __future__ import annotations

import jax
import numpy as np

from bgan_jax.evaluation.histograms import js_divergence_bits
from bgan_jax.evaluation.host_randomness import host_generator


def palette_histogram(images: np.ndarray, *, num_colors: int) -> np.ndarray:
    """Computes the share of each colour over all pixels of all images.

    Args:
      images: palette indices in ``[0, num_colors)``, ``[N, ...]``.
      num_colors: size K of the palette.

    Returns:
      Fractions that sum to 1, ``[K]``.

    Raises:
      ValueError: there are no pixels, or an index is out of range.

    Example:
      >>> palette_histogram(np.array([[[0, 1], [1, 1]]]), num_colors=3).tolist()
      [0.25, 0.75, 0.0]
    """
    images = _checked(images, num_colors)
    return np.bincount(images.ravel(), minlength=num_colors) / images.size


def palette_histogram_distance(*, generated: np.ndarray, reference: np.ndarray, num_colors: int) -> float:
    """Computes the Jensen-Shannon divergence, in bits, of the colour shares of two sets of images.

    Args:
      generated: palette indices, ``[N, ...]``.
      reference: palette indices of real images, ``[M, ...]``.
      num_colors: size of the palette.

    Returns:
      Bits, in [0, 1].

    Raises:
      ValueError: an index is out of range.

    Example:
      >>> zeros = np.zeros((1, 2, 2), int)
      >>> palette_histogram_distance(generated=zeros, reference=zeros + 1, num_colors=2)
      1.0
    """
    return js_divergence_bits(
        palette_histogram(generated, num_colors=num_colors), palette_histogram(reference, num_colors=num_colors)
    )


def pixel_marginal_distance(*, generated: np.ndarray, reference: np.ndarray, num_colors: int) -> float:
    r"""Computes the total variation distance of the colour distributions of each pixel, averaged over pixels.

    Finite sets of one distribution have a distance of the order of :math:`\sqrt{K / N}`: compare with the distance of
    as many held-out real images.

    Args:
      generated: palette indices, ``[N, H, W]``.
      reference: palette indices of real images, ``[M, H, W]``.
      num_colors: size of the palette; 2 for binary images.

    Returns:
      A number in [0, 1].

    Raises:
      ValueError: the images' shapes differ, or an index is out of range.

    Example:
      >>> images = np.array([[[0, 1]], [[1, 1]]])
      >>> pixel_marginal_distance(generated=images[:1], reference=images, num_colors=2)
      0.25
    """
    generated, reference = _checked(generated, num_colors), _checked(reference, num_colors)
    if generated.shape[1:] != reference.shape[1:]:
        raise ValueError(f"images must have one shape, got {list(generated.shape[1:])} and {list(reference.shape[1:])}")
    distance = 0.0
    # One colour at a time: the one-hot encoding of all images would be K times their size.
    for color in range(num_colors):
        distance += np.abs((generated == color).mean(axis=0) - (reference == color).mean(axis=0)).mean() / 2
    return float(distance)


def neighbor_pair_distance(*, generated: np.ndarray, reference: np.ndarray, num_colors: int) -> float:
    """Computes the Jensen-Shannon divergence, in bits, of the colour pairs of horizontal and vertical neighbours.

    It is the 2-gram divergence of images. Real images have areas of one colour, so most pairs are of equal colours;
    pixels drawn independently give unequal pairs.

    Args:
      generated: palette indices, ``[N, H, W]``.
      reference: palette indices of real images, ``[M, H, W]``.
      num_colors: size K of the palette; there are 2 K^2 kinds of pairs.

    Returns:
      Bits, in [0, 1].

    Raises:
      ValueError: an index is out of range, or images have a single pixel.

    Example:
      >>> area, speckle = np.zeros((1, 2, 2), int), np.array([[[0, 1], [1, 0]]])
      >>> neighbor_pair_distance(generated=speckle, reference=area, num_colors=2)
      1.0
    """
    return js_divergence_bits(_pair_counts(generated, num_colors), _pair_counts(reference, num_colors))


def independent_pixels(key: jax.Array, images: np.ndarray, *, num_images: int) -> np.ndarray:
    """Draws every pixel of an image from another real image: the pixel marginals are right, and pixels are independent.

    This is the optimum of a generator without latents. On the scale of a distance it is the opposite of real images.

    Args:
      key: PRNG key.
      images: real images, ``[N, H, W]``.
      num_images: number of images to make.

    Returns:
      ``[num_images, H, W]``, the dtype of ``images``.

    Example:
      >>> independent_pixels(jax.random.key(0), np.arange(8).reshape(2, 2, 2), num_images=5).shape
      (5, 2, 2)
    """
    _, height, width = images.shape
    sources = host_generator(key).integers(0, len(images), (num_images, height, width))
    return images[sources, np.arange(height)[None, :, None], np.arange(width)[None, None, :]]


def _pair_counts(images: np.ndarray, num_colors: int) -> np.ndarray:
    # K * K would overflow the uint8 of the data.
    images = _checked(images, num_colors).astype(np.int32)
    pairs = [
        images[:, :, :-1] * num_colors + images[:, :, 1:],
        images[:, :-1] * num_colors + images[:, 1:] + num_colors**2,
    ]
    return np.bincount(np.concatenate([part.ravel() for part in pairs]), minlength=2 * num_colors**2)


def _checked(images: np.ndarray, num_colors: int) -> np.ndarray:
    images = np.asarray(images)
    if (
        images.size == 0
        or not np.issubdtype(images.dtype, np.integer)
        or images.min() < 0
        or images.max() >= num_colors
    ):
        raise ValueError(f"images must hold palette indices, integers in [0, {num_colors}), and at least one pixel")
    return images
