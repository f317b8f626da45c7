"""The resident back-end: the whole split is on the device, and batches are gathered inside the compiled step."""

import dataclasses
import functools
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from bgan_jax.data.dataset import Dataset
from bgan_jax.data.packing import Layout, layout_of, unpack

Backend: TypeAlias = Literal["resident", "streamed"]
BACKENDS = ("auto", "resident", "streamed")


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["packed", "labels"], meta_fields=["layout", "shape", "num_examples"]
)
@dataclasses.dataclass(frozen=True)
class ResidentData:
    """One split in its packed form: a pytree of arrays, with the layout as static fields.

    Attributes:
      packed: every example, ``[n, width]``, uint8 or uint16.
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


def resident(dataset: Dataset) -> ResidentData:
    """Returns a split as a pytree, for the caller to put on its devices.

    Args:
      dataset: the opened split.

    Returns:
      The split with numpy arrays as leaves.
    """
    return ResidentData(
        packed=np.array(dataset.packed),
        labels=dataset.labels,
        layout=layout_of(dataset.spec),
        shape=dataset.spec.shape,
        num_examples=len(dataset),
    )


def gather(data: ResidentData, indices: Any) -> Any:
    """Gathers and unpacks examples by index; to be run inside a compiled step.

    Args:
      data: the split, on the device.
      indices: ``[N]`` integers in ``0 .. n-1``, from :func:`bgan_jax.data.order.shuffled_indices`; traced.

    Returns:
      ``[N, *shape]`` uint8 (uint16 for a vocabulary of more than 256 symbols).
    """
    # No index is out of range, so "clip" never acts; it only avoids the masking of the default mode.
    return unpack(jnp.take(data.packed, indices, axis=0, mode="clip"), layout=data.layout, shape=data.shape)


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
