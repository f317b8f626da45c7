"""Feature extractors of distances: a classifier of our own, a published network, or a function of the user.

An extractor takes images as uint8 ``[N, H, W, 1 or 3]`` and returns ``[N, D]``. Its name goes into every result.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from bgan_jax.evaluation.efficientnet import efficientnet_features, load_efficientnet, weights_file
from bgan_jax.evaluation.inception import inception_features, load_inception
from experiments.harness.errors import UsageError

CLASSIFIER = "judge"
LEGAL = "judge, efficientnet_lite0[:FILE], inception:FILE or MODULE:FUNCTION"
BATCH = 50  # Images per compiled call.
EFFICIENTNET_SIDE = 64  # Smallest side of its input, in pixels: its last maps are 32 times smaller.


class Extractor(NamedTuple):
    """A function from images to features.

    Attributes:
      name: for the protocol.
      extract: ``[N, H, W, C]`` uint8 to ``[N, D]``.
    """

    name: str
    extract: Callable[[np.ndarray], np.ndarray]


@functools.cache
def extractor_for(choice: str) -> Extractor | None:
    """Returns the extractor that ``--features`` names.

    Args:
      choice: ``"judge"``; ``"efficientnet_lite0"`` with the package's weights, or ``"efficientnet_lite0:FILE"``;
        ``"inception:FILE"``; or ``"MODULE:FUNCTION"``, a function of the user from uint8 images ``[N, H, W, C]`` to
        features ``[N, D]``.

    Returns:
      The extractor; ``None`` for the classifier, which has to be trained on the real images first.

    Raises:
      UsageError: an unknown extractor, or its file cannot be read.
    """
    kind, _, rest = choice.partition(":")
    try:
        if choice == CLASSIFIER:
            return None
        if kind == "efficientnet_lite0":
            return _efficientnet(rest or None)
        if kind == "inception" and rest:
            return _inception(rest)
        if kind and rest:
            return _users_own(kind, rest)
    except (FileNotFoundError, ValueError) as error:
        raise UsageError(f"--features={choice}: {error}") from error
    raise UsageError(f"--features={choice} is not an extractor; legal: {LEGAL}")


def _efficientnet(path: str | None) -> Extractor:
    layers = load_efficientnet(path or weights_file())

    def features(pixels: jax.Array) -> jax.Array:
        side = max(pixels.shape[1], EFFICIENTNET_SIDE)
        pixels = jax.image.resize(pixels, (pixels.shape[0], side, side, 3), "bilinear", antialias=False)
        return efficientnet_features(layers, pixels)

    return Extractor(
        name=f"the 1280 pooled ones of EfficientNet-Lite0, ImageNet, pictures at {EFFICIENTNET_SIDE} pixels or more",
        extract=functools.partial(_in_batches, jax.jit(features)),
    )


def _inception(path: str) -> Extractor:
    layers = load_inception(path)
    return Extractor(
        name=f"the 2048 pooled ones of the Inception weights in {Path(path).name}: with these the distance is FID",
        extract=functools.partial(_in_batches, jax.jit(lambda pixels: inception_features(layers, pixels))),
    )


def _users_own(module: str, name: str) -> Extractor:
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{error}; the module must be importable from the folder of the command") from error
    if not callable(function):
        raise ValueError(f"{name} is not a function of {module}")

    def extract(images: np.ndarray) -> np.ndarray:
        features = np.asarray(function(images), np.float32)
        if features.ndim != 2 or len(features) != len(images) or not np.isfinite(features).all():
            raise UsageError(
                f"--features={module}:{name} returned {list(features.shape)} for {len(images)} images; it must return "
                "one row of finite numbers for each"
            )
        return features

    return Extractor(name=f"those of {module}:{name}", extract=extract)


def _in_batches(features: Any, images: np.ndarray) -> np.ndarray:
    """Computes features of uint8 images, grey ones as colour, by compiled calls of one size."""
    found = []
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        padded = np.concatenate([batch, np.repeat(batch[-1:], BATCH - len(batch), axis=0)])
        pixels = np.broadcast_to(padded.astype(np.float32) / 127.5 - 1.0, (*padded.shape[:3], 3))
        found.append(np.asarray(features(pixels))[: len(batch)])
    return np.concatenate(found)


def load_reference(path: str) -> np.ndarray:
    """Loads features ``[m, D]`` that were extracted elsewhere: the array ``features`` of an npz file.

    Raises:
      UsageError: the file is missing, or does not hold such an array.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            features = np.asarray(arrays["features"], np.float32)
    except (OSError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise UsageError(
            f"--reference_features={path}: {error}; an npz file is needed whose array 'features' is [images, D]"
        ) from error
    if features.ndim != 2 or len(features) < 2 or not np.isfinite(features).all():
        raise UsageError(
            f"--reference_features={path}: 'features' is {list(features.shape)}; at least two rows of finite numbers "
            "are needed, [images, D]"
        )
    return features
