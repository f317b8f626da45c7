"""Colour quantisation: one palette for a whole data set, and images as indices into it.

The palette is chosen by k-means or by median cut (the paper's). Pixels take the nearest colour, or are dithered by
Floyd-Steinberg error diffusion (the paper's). Hjelm et al. 2018, https://arxiv.org/abs/1702.08431.
"""

import dataclasses

import numpy as np

from bgan_jax.data.source import Reading, Request, Rows

Palette = tuple[tuple[int, int, int], ...]

QUANTIZERS = ("kmeans", "median_cut")
DITHERS = ("none", "floyd_steinberg")

_SAMPLE = 2**16  # Largest number of pixels that k-means uses.


def quantize_reading(images: Reading, request: Request, *, sample: np.ndarray, num_colors: int) -> Reading:
    """Converts a reading of RGB images to a reading of palette indices.

    Args:
      images: a pass over the split.
      request: its quantizer and dither are read.
      sample: about a thousand images of the train split, ``[n, H, W, 3]``, from which the palette is chosen, whichever
        split is read.
      num_colors: colours of the palette, 2 to 256.

    Returns:
      The categorical reading.

    Raises:
      ValueError: an unknown quantizer or dither, or ``num_colors`` out of range.
    """
    quantizer = request.choice("quantizer", among=QUANTIZERS)
    dither = request.choice("dither", among=DITHERS)
    if not 2 <= num_colors <= 256:
        raise ValueError(f"palette={num_colors} must be between 2 and 256 colours")
    palette = fit_palette(sample, num_colors=num_colors, quantizer=quantizer)
    spec = dataclasses.replace(
        images.spec, kind="categorical", shape=images.spec.shape[:2], num_values=num_colors, palette=palette
    )
    chunks = (Rows(quantize(rows, palette=palette, dither=dither), labels) for rows, labels in images.chunks)
    return Reading(spec, chunks, images.skipped)


def fit_palette(images: np.ndarray, *, num_colors: int, quantizer: str = "kmeans") -> Palette:
    """Chooses one palette for all of the given images.

    Args:
      images: ``[n, H, W, 3]`` uint8.
      num_colors: how many colours.
      quantizer: ``"kmeans"`` (least squared error; deterministic) or ``"median_cut"`` (Pillow's adaptive palette).

    Returns:
      ``num_colors`` RGB triples, darkest first; the last is repeated if the images have fewer colours.

    Example:
      >>> fit_palette(np.array([[[[0, 0, 0], [9, 9, 9]]]], np.uint8), num_colors=2)
      ((0, 0, 0), (9, 9, 9))
    """
    colors = (_k_means if quantizer == "kmeans" else _median_cut)(images, num_colors)
    darkest_first = sorted({tuple(map(int, color)) for color in colors}, key=lambda c: (sum(c), c))
    return tuple((r, g, b) for r, g, b in darkest_first + darkest_first[-1:] * (num_colors - len(darkest_first)))


def quantize(images: np.ndarray, *, palette: Palette, dither: str = "none") -> np.ndarray:
    """Converts RGB images to indices into a palette.

    Args:
      images: ``[n, H, W, 3]`` uint8.
      palette: K RGB triples.
      dither: ``"none"`` (the nearest colour, of equal ones the first) or ``"floyd_steinberg"`` (Pillow's error
        diffusion).

    Returns:
      ``[n, H, W]`` uint8.

    Example:
      >>> quantize(np.array([[[[1, 1, 1], [8, 8, 8]]]], np.uint8), palette=((0, 0, 0), (9, 9, 9))).tolist()
      [[[0, 1]]]
    """
    return np.stack([_dithered(image, palette) if dither != "none" else _nearest(image, palette) for image in images])


def _nearest(pixels: np.ndarray, palette: Palette) -> np.ndarray:
    colors = np.asarray(palette, np.float32)
    # |x - c|^2 without |x|^2, which is the same for all colours. All values are integers below 2^24, hence exact.
    distances = (colors**2).sum(axis=1) - 2.0 * (pixels.astype(np.float32) @ colors.T)
    return distances.argmin(axis=-1).astype(np.uint8)


def _dithered(image: np.ndarray, palette: Palette) -> np.ndarray:
    from PIL import Image

    holder = Image.new("P", (1, 1))
    holder.putpalette(np.asarray(palette, np.uint8).tobytes())
    drawn = Image.fromarray(image).quantize(palette=holder, dither=Image.Dither.FLOYDSTEINBERG)
    indices = np.asarray(drawn, np.uint8)
    # Some versions of Pillow pad a palette to 256 colours with black; the paper's code maps those to colour 0 too.
    return np.where(indices < len(palette), indices, 0).astype(np.uint8)


def _median_cut(images: np.ndarray, num_colors: int) -> np.ndarray:
    from PIL import Image

    tall = Image.fromarray(np.ascontiguousarray(images.reshape(-1, *images.shape[2:])))
    adaptive = tall.convert("P", palette=Image.Palette.ADAPTIVE, colors=num_colors)
    colors = np.asarray(adaptive.getpalette(), np.uint8).reshape(-1, 3)
    return colors[np.unique(np.asarray(adaptive))]


def _k_means(images: np.ndarray, num_colors: int) -> np.ndarray:
    pixels = images.reshape(-1, 3)
    pixels = pixels[:: max(1, len(pixels) // _SAMPLE)]
    colors, counts = np.unique(pixels, axis=0, return_counts=True)
    if len(colors) <= num_colors:
        return colors
    points = colors.astype(np.float64)
    centers = points[_spread_seeds(points, counts, num_colors)]
    for _ in range(100):
        nearest = _squared_distances(points, centers).argmin(axis=1)
        mass = np.bincount(nearest, counts, minlength=num_colors)
        sums = np.stack([np.bincount(nearest, counts * points[:, c], minlength=num_colors) for c in range(3)], axis=1)
        # A centre without points stays where it is.
        moved = np.where(mass[:, None] > 0, sums / np.maximum(mass, 1.0)[:, None], centers)
        if np.abs(moved - centers).max() < 0.05:
            break
        centers = moved
    return np.rint(centers).astype(np.uint8)


def _spread_seeds(points: np.ndarray, counts: np.ndarray, num_colors: int) -> list[int]:
    """Chooses k-means seeds as k-means++ does, but always the point with the largest weight instead of a random one."""
    seeds = [int(counts.argmax())]
    distances = np.full(len(points), np.inf)
    while len(seeds) < num_colors:
        distances = np.minimum(distances, ((points - points[seeds[-1]]) ** 2).sum(axis=1))
        seeds.append(int((distances * counts).argmax()))
    return seeds


def _squared_distances(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    return (centers**2).sum(axis=1)[None, :] - 2.0 * points @ centers.T
