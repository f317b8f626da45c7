"""The resident back-end: the whole split is on the device, and batches are gathered inside the compiled step."""

import dataclasses
import functools
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.data.dataset import Dataset
from bgan_jax.data.packing import Layout, layout_of, unpack, width_of
from bgan_jax.data.spec import DatasetSpec

Backend: TypeAlias = Literal["resident", "streamed"]
BACKENDS = ("auto", "resident", "streamed")


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["packed", "labels"], meta_fields=["layout", "shape", "num_examples"]
)
@dataclasses.dataclass(frozen=True)
class ResidentData:
    """One split in its packed form: a pytree of arrays, with the layout as static fields.

    Attributes:
      packed: every example, ``[n, width]``, uint8 or uint16, zeros after its end up to a multiple of 128 bytes.
      labels: ``[n]`` int32, or None.
      layout: the packed layout; static.
      shape: shape of one example; static.
      num_examples: n; static.
    """

    packed: Any
    labels: Any
    layout: Layout
    shape: tuple[int, ...]
    num_examples: int


def choose_backend(dataset: Dataset, *, backend: str = "auto", limit_bytes: int = 4 * 2**30) -> Backend:
    """Chooses the back-end of a split: resident if its packed form is small enough, else streamed.

    Args:
      dataset: the opened split.
      backend: ``"resident"``, ``"streamed"``, or ``"auto"``, which decides by size.
      limit_bytes: the largest packed form, in bytes, that ``"auto"`` puts on a device.

    Returns:
      ``"resident"`` or ``"streamed"``.

    Raises:
      ValueError: an unknown back-end.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend {backend!r} is not one of {', '.join(BACKENDS)}")
    if backend == "auto":
        return "resident" if dataset.packed.nbytes <= limit_bytes else "streamed"
    return backend  # type: ignore[return-value]


#: Rows of a multiple of so many bytes lie in a TPU's memory as they are; others would be laid out again at every step.
ALIGNMENT = 128


def resident(dataset: Dataset) -> ResidentData:
    """Puts a split on the default device; see :func:`aligned` for the devices of a run."""
    return aligned(np.asarray(dataset.packed), dataset.labels, spec=dataset.spec)


def aligned(packed: Any, labels: Any, *, spec: DatasetSpec) -> ResidentData:
    """Returns a split as a pytree whose rows are filled up to a multiple of 128 bytes; traceable.

    Args:
      packed: every example, ``[n, width]``.
      labels: ``[n]`` int32, or None.
      spec: of the data set. Static.

    Returns:
      The split.
    """
    return ResidentData(
        packed=fill_up(packed), labels=labels, layout=layout_of(spec), shape=spec.shape, num_examples=len(packed)
    )


def fill_up(rows: Any) -> Any:
    """Appends zeros to rows ``[n, width]``, up to a multiple of 128 bytes; traceable.

    Example:
      >>> fill_up(jnp.ones((3, 98), jnp.uint8)).shape
      (3, 128)
    """
    return jnp.pad(rows, ((0, 0), (0, -rows.shape[1] % (ALIGNMENT // rows.dtype.itemsize))))


def gather(data: ResidentData, indices: Any) -> Any:
    """Gathers and unpacks examples by index; to be run inside a compiled step.

    Args:
      data: the split, on the device.
      indices: ``[N]`` integers in ``0 .. n-1``, from :func:`bgan_jax.data.order.shuffled_indices`; traced.

    Returns:
      ``[N, *shape]`` uint8 (uint16 for a vocabulary of more than 256 symbols).
    """
    # No index is out of range, so "clip" never acts; it only avoids the masking of the default mode.
    rows = jnp.take(data.packed, indices, axis=0, mode="clip")
    return unpack(rows[..., : width_of(data.layout, data.shape)], layout=data.layout, shape=data.shape)


def gather_labels(data: ResidentData, indices: Any) -> Any:
    """Gathers labels by index.

    Args:
      data: the split, on the device.
      indices: ``[N]`` integers in ``0 .. n-1``; traced.

    Returns:
      ``[N]`` int32.

    Raises:
      ValueError: the split has no labels.
    """
    if data.labels is None:
        raise ValueError("this data set has no labels")
    return jnp.take(data.labels, indices, axis=0, mode="clip")
