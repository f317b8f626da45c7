"""Data sets of which only the shapes are known, for programs that are compiled and never run.

A program depends on the number of examples and on the shape of one, not on what they show. So the sets that have to be
prepared first are described here, and a compilation needs none of them.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from bgan_jax.data import Dataset, DatasetSpec
from bgan_jax.data.packing import packed_width
from experiments.harness.runs.run_config import RunConfig, open_split


class Shape(NamedTuple):
    """The shape of a data set.

    Attributes:
      kind: of the data, as in ``DatasetSpec``.
      shape: of an example.
      num_values: of an entry.
      examples: of the training split.
    """

    kind: Any
    shape: tuple[int, ...]
    num_values: int
    examples: int


#: Of lm1b the vocabulary and the number of sentences of 32 characters or more are rounded.
SHAPES: Mapping[str, Shape] = {
    "mnist": Shape("binary", (28, 28, 1), 2, 60_000),
    "binarized_mnist": Shape("binary", (28, 28, 1), 2, 50_000),
    "cifar10": Shape("continuous", (32, 32, 3), 256, 50_000),
    "celeba16": Shape("categorical", (32, 32), 16, 162_770),
    "celeba64": Shape("continuous", (64, 64, 3), 256, 162_770),
    "celeba128": Shape("continuous", (128, 128, 3), 256, 162_770),
    "lm1b": Shape("text", (32,), 78, 30_000_000),
    "lm1b_padded": Shape("text", (32,), 78, 30_000_000),
}


def open_shapes(config: RunConfig, split: str) -> Dataset:
    """Opens a split, as ``run_config.open_split`` does; of a set in :data:`SHAPES`, without its data."""
    return blank(config.dataset, split) if config.dataset in SHAPES else open_split(config, split)


def blank(name: str, split: str = "train") -> Dataset:
    """Returns a data set of zeros that takes no memory.

    Example:
      >>> len(blank("celeba64")), blank("celeba64").spec.shape
      (162770, (64, 64, 3))
    """
    kind, shape, num_values, examples = SHAPES[name]
    more: dict[str, Any] = {}
    if kind == "categorical":
        more["palette"] = tuple((index, index, index) for index in range(num_values))
    if kind == "text":
        more["vocabulary"] = tuple(string.printable[:num_values])
    spec = DatasetSpec(
        name=name, kind=kind, shape=shape, num_values=num_values, split=split, num_classes=10, **more,
        splits={"train": examples, "test": examples // 10},
    )  # fmt: skip
    packed = np.broadcast_to(np.zeros((), spec.row_dtype), (examples, packed_width(spec)))
    return Dataset(spec, packed, np.arange(examples, dtype=np.int32) % 10)
