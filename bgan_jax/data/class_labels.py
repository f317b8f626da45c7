"""Labels of the user's own arrays: integers, strings or one-hot rows become 0 .. K-1, and their names are kept."""

from collections.abc import Sequence

import numpy as np

from bgan_jax.data.errors import BadDataError

MAX_CLASSES = 10_000


def classes_of(labels: np.ndarray, *, where: str, names: Sequence[str] = ()) -> tuple[np.ndarray, tuple[str, ...]]:
    """Maps labels to the classes 0 .. K-1.

    Without names the classes are the values that occur, integers in their order, strings in that of the alphabet, and
    the values are their names; so no class is empty. With names, labels are positions in them, or are names
    themselves.

    Args:
      labels: of every split of the data, so that all have the same classes: integers (floats if they are whole), bool
        or strings, ``[n]`` or ``[n, 1]``, or one-hot rows ``[n, K]``.
      where: the file and the array, for error messages.
      names: of the classes, if the data have them.

    Returns:
      The classes, ``[n]`` int32, and their names.

    Raises:
      BadDataError: the labels are none of these, or have so many values that they are numbers of the examples.

    Example:
      >>> classes, names = classes_of(np.array([2024, 1999, 2024]), where="years")
      >>> classes.tolist(), names
      ([1, 0, 1], ('1999', '2024'))
    """
    flat = _flattened(labels, where=where)
    if len(names):
        return _positions(flat, names=tuple(map(str, names)), where=where), tuple(map(str, names))
    values, classes = np.unique(flat, return_inverse=True)
    if len(values) > MAX_CLASSES or len(values) == len(flat) > 1:
        raise BadDataError(
            f"{where}: the labels of {len(flat)} examples have {len(values)} values, so they are numbers of the "
            f"examples rather than classes (at most {MAX_CLASSES:,}, fewer than the examples): remove or rename the "
            "array, or name the classes in an array label_names"
        )
    return classes.reshape(-1).astype(np.int32), tuple(map(str, values.tolist()))


def _flattened(labels: np.ndarray, *, where: str) -> np.ndarray:
    """Returns labels as one axis of integers or strings."""
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "buif" and _is_one_hot(labels):
        return labels.argmax(axis=1)
    flat = labels.reshape(-1)
    if labels.shape not in ((len(flat),), (len(flat), 1)) or flat.dtype.kind not in "buifUS":
        raise BadDataError(
            f"{where}: labels must be integers or strings, [n] or [n, 1], or one-hot rows [n, K], found "
            f"{labels.dtype} {labels.shape}"
        )
    if flat.dtype.kind == "S":
        try:
            return np.char.decode(flat, "utf-8")
        except UnicodeDecodeError as error:
            raise BadDataError(f"{where}: labels of bytes must be UTF-8 ({error.reason})") from error
    if flat.dtype.kind in "bf":
        # Whole numbers up to 2^53 are exact in float64.
        if not (np.abs(flat.astype(np.float64)) < 2.0**53).all() or (flat != np.rint(flat.astype(np.float64))).any():
            raise BadDataError(f"{where}: labels must be whole numbers or strings, found fractions ({labels.dtype})")
        return flat.astype(np.int64)
    return flat


def _is_one_hot(labels: np.ndarray) -> bool:
    return bool(((labels == 0) | (labels == 1)).all() and (np.count_nonzero(labels, axis=1) == 1).all())


def _positions(flat: np.ndarray, *, names: tuple[str, ...], where: str) -> np.ndarray:
    if flat.dtype.kind == "U":
        places = {name: place for place, name in enumerate(names)}
        foreign = sorted(set(flat.tolist()) - places.keys())
        if foreign:
            raise BadDataError(f"{where}: the label {foreign[0]!r} is not in label_names, which has {len(names)} names")
        return np.asarray([places[label] for label in flat.tolist()], np.int32)
    if flat.size and not (flat.min() >= 0 and flat.max() < len(names)):
        raise BadDataError(
            f"{where}: labels must be in 0 .. {len(names) - 1}, positions in label_names, found {flat.min()} .. "
            f"{flat.max()}"
        )
    return flat.astype(np.int32)
