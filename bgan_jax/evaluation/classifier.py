r"""A small convolutional classifier of real, labelled images, for evaluating generated ones.

It is trained once per data set, saved in one file (``classifier_file.py``) and used for two purposes: its class
probabilities give the classifier score (``classifier_score.py``), and its penultimate features give Frechet and
kernel distances. Neither may be called Inception score or FID: those names refer to one network trained on ImageNet.

Do not evaluate the images that the classifier was trained on: it is overconfident on them, and the score of real
images, with which that of generated ones is compared, would be too high. ``held_out_split`` makes the two parts.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from bgan_jax.evaluation.host_randomness import host_generator


class ClassifierNetwork(nn.Module):
    """The classifier's network: three convolutions, two of them strided, and one dense layer.

    Attributes:
      num_classes: classes K.
      width: feature maps of the first convolution; the others have twice as many.
      num_features: width of the penultimate layer, which gives the features of distances.
    """

    num_classes: int
    width: int = 16
    num_features: int = 128

    @nn.compact
    def __call__(self, pixels: jax.Array, *, train: bool) -> tuple[jax.Array, jax.Array]:
        """Maps standardised pixels ``[N, H, W, C]`` to logits ``[N, K]`` and features ``[N, num_features]``."""
        normalize = functools.partial(nn.BatchNorm, use_running_average=not train, momentum=0.9)
        hidden = pixels
        for maps, size, stride in ((self.width, 5, 2), (2 * self.width, 3, 2), (2 * self.width, 3, 1)):
            hidden = nn.Conv(maps, (size, size), strides=stride, use_bias=False)(hidden)
            hidden = nn.relu(normalize()(hidden))
        hidden = hidden.reshape(hidden.shape[0], -1)
        features = nn.relu(normalize()(nn.Dense(self.num_features, use_bias=False)(hidden)))
        return nn.Dense(self.num_classes)(features), features


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A trained classifier: its arrays and static sizes.

    Attributes:
      variables: the network's Flax variables (parameters and batch statistics), numpy float32.
      pixel_mean: mean of the training pixels per channel, ``[C]``.
      pixel_scale: their standard deviation per channel, ``[C]``.
      image_shape: ``(H, W, C)``.
      num_classes: classes K.
      width: ``ClassifierNetwork.width``.
      num_features: width of the penultimate layer.
      num_training_images: number of images it was trained on.
    """

    variables: Mapping[str, Any]
    pixel_mean: np.ndarray
    pixel_scale: np.ndarray
    image_shape: tuple[int, int, int]
    num_classes: int
    width: int
    num_features: int
    num_training_images: int

    def network(self) -> ClassifierNetwork:
        """Returns the Flax module of these variables."""
        return ClassifierNetwork(num_classes=self.num_classes, width=self.width, num_features=self.num_features)


class Predictions(NamedTuple):
    """The classifier's outputs for N images.

    Attributes:
      probs: p(y|x), ``[N, K]`` float32, rows sum to 1.
      features: penultimate activations, ``[N, num_features]`` float32.
    """

    probs: Any
    features: Any


def held_out_split(
    key: jax.Array, labels: np.ndarray, *, held_out_fraction: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Splits example indices into a training part and a held-out part, with the same fraction of every class.

    Data files are often sorted by class, so "the last thousand" would hold out a single class.

    Args:
      key: PRNG key; the same key gives the same split.
      labels: integer class of every image, ``[N]``.
      held_out_fraction: fraction of every class that is held out, strictly between 0 and 1; rounded per class to at
        least one image.

    Returns:
      ``(training, held_out)``: two sorted, disjoint integer arrays that together contain every index.

    Raises:
      ValueError: the fraction is not in (0, 1).

    Example:
      >>> training, held_out = held_out_split(jax.random.key(0), np.repeat([0, 1], 10), held_out_fraction=0.2)
      >>> len(training), len(held_out)
      (16, 4)
    """
    if not 0.0 < held_out_fraction < 1.0:
        raise ValueError(f"held_out_fraction must lie strictly between 0 and 1, not {held_out_fraction}")
    labels = np.asarray(labels)
    generator = host_generator(key)
    held_out = []
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        held_out.append(members[: max(1, round(held_out_fraction * len(members)))])
    chosen = np.zeros(len(labels), bool)
    chosen[np.concatenate(held_out)] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def train_classifier(
    key: jax.Array,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    num_classes: int,
    steps: int = 2000,
    batch_size: int | None = None,
    learning_rate: float = 8e-3,
    max_shift: int = 2,
    width: int = 16,
    num_features: int = 128,
    progress: Callable[[int, float], None] | None = None,
) -> Classifier:
    r"""Trains a classifier by cross-entropy with AdamW under a one-cycle learning rate.

    Uses a Python loop of compiled steps: convolutions trained inside ``lax.scan`` are 13-24 times slower on
    CPU. Each image is shifted at random by up to ``max_shift`` pixels along each axis, and its border is repeated.
    Deterministic: the same key, data and device give the same classifier.

    Args:
      key: PRNG key of the initial parameters, of the order of the images and of the shifts.
      images: real images, ``[N, H, W, C]``; any real dtype and scale (pixels are standardised per channel).
      labels: their classes, integers in ``[0, num_classes)``, ``[N]``.
      num_classes: classes K.
      steps: optimiser steps; the default is fourteen epochs of 9,000 digits.
      batch_size: images per step, at most N; by default 64, or N if that is less.
      learning_rate: peak of the one-cycle schedule.
      max_shift: largest shift in pixels; 0 turns shifts off.
      width: feature maps of the first convolution.
      num_features: width of the penultimate layer.
      progress: called as ``progress(step, loss in nats)`` at intervals and after the last step.

    Returns:
      The trained classifier, its arrays on the host.

    Raises:
      ValueError: shapes, labels or sizes are invalid, or the loss is not finite.

    Example:
      >>> images, labels = np.zeros((32, 8, 8, 3), np.uint8), np.arange(32) % 2
      >>> images[labels == 1, 2:6, 2:6] = 1
      >>> sizes = dict(num_classes=2, steps=20, batch_size=16, width=4)
      >>> classifier = train_classifier(jax.random.key(0), images, labels, **sizes)
      >>> float(accuracy(predict(classifier, images).probs, labels))
      1.0
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if batch_size is None:
        batch_size = max(min(64, len(images)), 1)
    _check_training_data(images, labels, num_classes=num_classes, batch_size=batch_size)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    pixel_mean = images.mean(axis=(0, 1, 2), dtype=np.float64).astype(np.float32)
    pixel_scale = np.maximum(images.std(axis=(0, 1, 2), dtype=np.float64), 1e-6).astype(np.float32)
    network = ClassifierNetwork(num_classes=num_classes, width=width, num_features=num_features)
    init_key, order_key, shift_key = jax.random.split(key, 3)
    state = _init(init_key, images[:1], network=network)
    loss = jnp.inf
    for index, rows in enumerate(_batches(order_key, len(images), batch_size=batch_size, steps=steps)):
        state, loss = _train_step(
            jax.random.fold_in(shift_key, index),
            state,
            _Batch(pixels=images[rows], labels=labels[rows].astype(np.int32)),
            _one_cycle(index, steps=steps, peak=learning_rate),
            pixel_mean,
            pixel_scale,
            network=network,
            max_shift=max_shift,
        )
        if progress is not None and (index + 1) % 100 == 0 and index + 1 < steps:
            progress(index + 1, float(loss))
    if not np.isfinite(float(loss)):
        raise ValueError(f"the loss is {float(loss)} after {steps} steps; lower learning_rate, now {learning_rate}")
    if progress is not None:
        progress(steps, float(loss))
    return Classifier(
        variables=jax.tree.map(np.asarray, state.variables),
        pixel_mean=pixel_mean,
        pixel_scale=pixel_scale,
        image_shape=images.shape[1:],
        num_classes=num_classes,
        width=width,
        num_features=num_features,
        num_training_images=len(images),
    )


def predict(classifier: Classifier, images: np.ndarray, *, batch_size: int = 1000) -> Predictions:
    """Computes class probabilities and features of images, in compiled batches of one size.

    Args:
      classifier: the trained classifier.
      images: ``[N, H, W, C]`` in the scale of its training images, N >= 1.
      batch_size: images per compiled call; the last batch is padded, so one shape is compiled.

    Returns:
      Probabilities ``[N, K]`` and features ``[N, num_features]``, numpy float32.

    Raises:
      ValueError: the images have another shape than the training images, or there are none.

    Example:
      >>> images, labels = np.zeros((32, 8, 8, 3), np.uint8), np.arange(32) % 2
      >>> sizes = dict(num_classes=2, steps=1, batch_size=16, width=4)
      >>> classifier = train_classifier(jax.random.key(0), images, labels, **sizes)
      >>> predict(classifier, images).features.shape
      (32, 128)
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1:] != classifier.image_shape or len(images) == 0:
        raise ValueError(
            f"images must be [N, {', '.join(map(str, classifier.image_shape))}] with N >= 1, "
            f"the shape this classifier was trained on; got {list(images.shape)}"
        )
    batch_size = min(batch_size, len(images))
    probs, features = [], []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        missing = batch_size - len(batch)
        padded = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0)), mode="edge") if missing else batch
        predicted = _apply(
            classifier.variables,
            padded,
            classifier.pixel_mean,
            classifier.pixel_scale,
            network=classifier.network(),
        )
        probs.append(np.asarray(predicted.probs)[: len(batch)])
        features.append(np.asarray(predicted.features)[: len(batch)])
    return Predictions(probs=np.concatenate(probs), features=np.concatenate(features))


def accuracy(probs: np.ndarray, labels: np.ndarray) -> float:
    """Computes the fraction of images whose most probable class is their label.

    Args:
      probs: p(y|x), ``[N, K]``.
      labels: true classes, ``[N]``.

    Returns:
      A fraction in [0, 1].

    Example:
      >>> accuracy(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 1]))
      0.5
    """
    return float(np.mean(np.argmax(np.asarray(probs), axis=1) == np.asarray(labels)))


class _State(NamedTuple):
    variables: Any
    optimizer: optax.OptState


class _Batch(NamedTuple):
    pixels: Any
    labels: Any


def _descent() -> optax.GradientTransformation:
    """Returns AdamW without its learning rate, an argument of the step: one compiled step serves every schedule."""
    return optax.chain(optax.scale_by_adam(), optax.add_decayed_weights(1e-3))


def _one_cycle(index: int, *, steps: int, peak: float) -> float:
    """Returns the learning rate of a step: a cosine up to the peak over the first fifth, then one to almost zero."""
    rise = max(0.2 * steps, 1.0)
    if index < rise:
        low, high, way = peak / 25, peak, 1 - index / rise
    else:
        low, high, way = peak / 25e4, peak, (index - rise) / max(steps - rise, 1.0)
    return low + (high - low) * (1 + math.cos(math.pi * way)) / 2


@functools.partial(jax.jit, static_argnames="network")
def _init(key: jax.Array, images: jax.Array, *, network: ClassifierNetwork) -> _State:
    variables = network.init(key, jnp.zeros(images.shape), train=False)
    return _State(variables=variables, optimizer=_descent().init(variables["params"]))


@functools.partial(jax.jit, static_argnames=("network", "max_shift"))
def _train_step(
    key: jax.Array,
    state: _State,
    batch: _Batch,
    learning_rate: float,
    pixel_mean: jax.Array,
    pixel_scale: jax.Array,
    *,
    network: ClassifierNetwork,
    max_shift: int,
) -> tuple[_State, jax.Array]:
    pixels = _standardize(_shift(key, batch.pixels, max_shift=max_shift), pixel_mean, pixel_scale)
    params = state.variables["params"]

    def cross_entropy(params: Any) -> tuple[jax.Array, Any]:
        variables = {**state.variables, "params": params}
        (logits, _), changed = network.apply(variables, pixels, train=True, mutable=["batch_stats"])
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels).mean(), changed

    (loss, changed), gradient = jax.value_and_grad(cross_entropy, has_aux=True)(params)
    with jax.numpy_dtype_promotion("standard"):  # optax combines floats and integers
        direction, optimizer_state = _descent().update(gradient, state.optimizer, params)
    params = jax.tree.map(lambda value, change: value - learning_rate * change, params, direction)
    return _State(variables={"params": params, **changed}, optimizer=optimizer_state), loss


@functools.partial(jax.jit, static_argnames="network")
def _apply(
    variables: Any, images: jax.Array, pixel_mean: jax.Array, pixel_scale: jax.Array, *, network: ClassifierNetwork
) -> Predictions:
    standardized = _standardize(images, pixel_mean, pixel_scale)
    logits, features = cast("tuple[jax.Array, jax.Array]", network.apply(variables, standardized, train=False))
    return Predictions(probs=jax.nn.softmax(logits), features=features)


def _standardize(images: jax.Array, pixel_mean: Any, pixel_scale: Any) -> jax.Array:
    per_channel = (1, 1, 1, -1)
    return (images.astype(jnp.float32) - pixel_mean.reshape(per_channel)) / pixel_scale.reshape(per_channel)


def _shift(key: jax.Array, images: jax.Array, *, max_shift: int) -> jax.Array:
    """Shifts every image by its own random offset in [-max_shift, max_shift]^2; the border is repeated."""
    if max_shift == 0:
        return images
    margin = (max_shift, max_shift)
    padded = jnp.pad(images, ((0, 0), margin, margin, (0, 0)), mode="edge")
    offsets = jax.random.randint(key, (len(images), 2), 0, 2 * max_shift + 1)
    return jax.vmap(lambda image, o: jax.lax.dynamic_slice(image, (o[0], o[1], 0), images.shape[1:]))(padded, offsets)


def _batches(key: jax.Array, num_images: int, *, batch_size: int, steps: int) -> Iterator[np.ndarray]:
    """Yields row indices of each step: shuffled epochs, each without its last incomplete batch."""
    generator = host_generator(key)
    per_pass = num_images // batch_size
    for index in range(steps):
        if index % per_pass == 0:
            order = generator.permutation(num_images)
        start = (index % per_pass) * batch_size
        yield order[start : start + batch_size]


def _check_training_data(images: np.ndarray, labels: np.ndarray, *, num_classes: int, batch_size: int) -> None:
    if images.ndim != 4:
        raise ValueError(f"images must be [N, H, W, C], got the shape {list(images.shape)}; add the missing axes")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"labels must be [{len(images)}], one per image, got the shape {list(labels.shape)}")
    if not 1 <= batch_size <= len(images):
        raise ValueError(f"batch_size must be between 1 and the number of images, {len(images)}; got {batch_size}")
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(
            f"labels must be integers in [0, {num_classes}), got {labels.dtype} in [{labels.min()}, {labels.max()}]"
        )
