"""Packs a tree of arrays into one array of bytes, with a list that says which bytes are which leaf.

A checkpoint of few arrays is written faster, and TensorStore permanently keeps some memory for every array it writes.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import jax
import numpy as np


class Leaf(NamedTuple):
    """The path, dtype and shape of a leaf.

    Attributes:
      path: in the tree, in JAX's notation.
      dtype: name of its numpy dtype.
      shape: of the array.
    """

    path: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        """Returns the size of the array in bytes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


def leaves_of(tree: Any) -> list[Leaf]:
    """Lists the leaves of a tree of arrays, or of shapes, in their order.

    Example:
      >>> leaves_of({"a": np.zeros((2, 3), np.float32)})
      [Leaf(path="['a']", dtype='float32', shape=(2, 3))]
    """
    return [
        Leaf(jax.tree_util.keystr(path), np.dtype(leaf.dtype).name, tuple(leaf.shape))
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def pack(tree: Any) -> np.ndarray:
    """Concatenates the bytes of all leaves of a tree of numpy arrays, uint8 ``[B]``.

    Example:
      >>> pack({"a": np.array([1, 2], np.uint8), "b": np.uint16(3)}).tolist()
      [1, 2, 3, 0]
    """
    parts = [np.ascontiguousarray(leaf).reshape(-1).view(np.uint8) for leaf in jax.tree.leaves(tree)]
    return np.concatenate([np.zeros(0, np.uint8), *parts])


def unpack(packed: np.ndarray, *, like: Any) -> Any:
    """Restores the tree that was packed.

    Args:
      packed: uint8 ``[B]``.
      like: a tree of the same structure, of arrays or shapes.

    Returns:
      A tree of numpy arrays.

    Example:
      >>> unpack(pack({"a": np.arange(2)}), like={"a": np.zeros(2, int)})
      {'a': array([0, 1])}
    """
    leaves, place = [], 0
    for leaf in leaves_of(like):
        part = packed[place : place + leaf.num_bytes]
        leaves.append(part.copy().view(leaf.dtype).reshape(leaf.shape))
        place += leaf.num_bytes
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def checksum(packed: np.ndarray, leaves: list[Leaf]) -> int:
    """Computes the CRC-32 of the bytes and of the list of leaves.

    Example:
      >>> a, b = {"a": np.zeros(2)}, {"b": np.zeros(2)}
      >>> checksum(pack(a), leaves_of(a)) == checksum(pack(b), leaves_of(b))
      False
    """
    return zlib.crc32(packed.data, zlib.crc32(repr([tuple(leaf) for leaf in leaves]).encode()))


def difference(found: list[Leaf], expected: list[Leaf]) -> str | None:
    """Describes the first difference between two lists of leaves; returns ``None`` where they are equal.

    Example:
      >>> difference([Leaf("a", "int32", ())], [Leaf("a", "int32", (2,))])
      'a is int32 of shape () in it, and int32 of shape (2,) here'
    """
    there, here = ({leaf.path: leaf for leaf in leaves} for leaves in (found, expected))
    for path in [*there, *here]:
        if path not in here:
            return f"{path} is in it, and not here"
        if path not in there:
            return f"{path} is not in it"
        a, b = there[path], here[path]
        if a != b:
            return f"{path} is {a.dtype} of shape {a.shape} in it, and {b.dtype} of shape {b.shape} here"
    return None if found == expected else "the leaves are in another order"
