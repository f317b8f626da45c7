"""Packed layout of examples: 8 binary pixels per byte, 2 palette indices per byte, else one entry per element.

``unpack`` is plain array arithmetic and works on numpy and on traced JAX arrays, so that a batch can be gathered in
its packed form and unpacked inside the compiled step.
"""

import math
from typing import Any, Literal

import numpy as np

from bgan_jax.data.errors import BadDataError
from bgan_jax.data.spec import DatasetSpec

Layout = Literal["bits", "nibbles", "bytes", "shorts"]

_BITS_PER_ENTRY = {"bits": 1, "nibbles": 4}


def layout_of(spec: DatasetSpec) -> Layout:
    """Returns the densest layout that can hold the values of a data set's rows.

    Args:
      spec: the data set.

    Returns:
      ``"bits"``, ``"nibbles"``, ``"bytes"`` or ``"shorts"``.
    """
    if spec.row_values <= 2:
        return "bits"
    if spec.row_values <= 16:
        return "nibbles"
    return "bytes" if spec.row_values <= 256 else "shorts"


def packed_width(spec: DatasetSpec) -> int:
    """Returns the number of elements (bytes, or 16-bit words for ``"shorts"``) of one packed example."""
    return width_of(layout_of(spec), spec.shape)


def width_of(layout: Layout, shape: tuple[int, ...]) -> int:
    """Returns the number of elements of one packed example of a layout and a shape.

    Example:
      >>> width_of("bits", (28, 28, 1)), width_of("shorts", (32,))
      (98, 32)
    """
    return math.ceil(math.prod(shape) * _BITS_PER_ENTRY.get(layout, 8) / 8)


def pack(rows: np.ndarray, *, spec: DatasetSpec, where: str) -> np.ndarray:
    """Checks that rows match the record of their data set, and packs them.

    Args:
      rows: unpacked examples, ``[n, *spec.shape]``, ``spec.row_dtype``.
      spec: the data set.
      where: the file that the rows come from, for the error message.

    Returns:
      ``[n, packed_width(spec)]``, uint8 (uint16 for ``"shorts"``).

    Raises:
      BadDataError: the dtype, the shape or a value does not match the record.

    Example:
      >>> spec = DatasetSpec(name="toy", kind="binary", shape=(2, 5, 1), num_values=2)
      >>> pack(np.ones((3, 2, 5, 1), np.uint8), spec=spec, where="memory").tolist()[0]
      [255, 192]
    """
    if rows.dtype != spec.row_dtype:
        raise BadDataError(f"{where}: expected {spec.row_dtype} rows, found {rows.dtype}")
    if rows.shape[1:] != spec.shape:
        raise BadDataError(f"{where}: expected examples of shape {spec.shape}, found {rows.shape[1:]}")
    if rows.size and int(rows.max()) >= spec.row_values:
        raise BadDataError(f"{where}: expected values below {spec.row_values}, found {int(rows.max())}")
    flat = rows.reshape(len(rows), math.prod(spec.shape))
    layout = layout_of(spec)
    if layout == "bits":
        return np.packbits(flat, axis=1)
    if layout == "nibbles":
        padded = np.pad(flat, ((0, 0), (0, flat.shape[1] % 2)))
        return padded[:, 0::2] << 4 | padded[:, 1::2]
    return np.ascontiguousarray(flat)


def unpack(packed: Any, *, layout: Layout, shape: tuple[int, ...]) -> Any:
    """Unpacks examples: the inverse of :func:`pack`, for numpy and JAX arrays.

    Args:
      packed: ``[..., width]``, uint8 or uint16, traced or not.
      layout: the packed layout, from :func:`layout_of`; static.
      shape: shape of one example; static.

    Returns:
      ``[..., *shape]``, the same dtype.

    Example:
      >>> unpack(np.array([[255, 192]], np.uint8), layout="bits", shape=(2, 5, 1)).sum()
      np.uint64(10)
    """
    if layout in _BITS_PER_ENTRY:
        bits = _BITS_PER_ENTRY[layout]
        # Most significant bits first, as numpy.packbits does. Of full rank, since rank promotion may be an error.
        shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8).reshape(*(1 for _ in packed.shape), 8 // bits)
        entries = (packed[..., None] >> shifts) & np.uint8(2**bits - 1)
        packed = entries.reshape(*packed.shape[:-1], packed.shape[-1] * (8 // bits))[..., : math.prod(shape)]
    return packed.reshape(*packed.shape[:-1], *shape)
