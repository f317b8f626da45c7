"""The train and test splits of data without splits: every tenth example is held out."""

import numpy as np

SPLITS = ("train", "test", "all")


def is_in_split(indices: np.ndarray, *, split: str, every: int = 10) -> np.ndarray:
    """Returns which examples belong to a split: 9, 19, 29, ... are ``test``, the others ``train``; ``all`` is both.

    So a file that is sorted by class or by page is split evenly over classes and pages.

    Args:
      indices: positions of the examples in the file.
      split: ``"train"``, ``"test"`` or ``"all"``.
      every: one example in so many is held out.

    Returns:
      bool, shaped like ``indices``.

    Example:
      >>> np.flatnonzero(is_in_split(np.arange(25), split="test")).tolist()
      [9, 19]
    """
    if split == "all":
        return np.ones(np.shape(indices), bool)
    return (np.asarray(indices) % every == every - 1) == (split == "test")


def evenly_spaced_indices(num_examples: int, *, size: int = 1000) -> np.ndarray:
    """Returns at most ``size`` indices of train examples, evenly spaced over the file."""
    return evenly_spaced(np.flatnonzero(is_in_split(np.arange(num_examples), split="train")), size=size)


def evenly_spaced(indices: np.ndarray, *, size: int = 1000) -> np.ndarray:
    """Returns at most ``size`` of some indices, evenly spaced, the first and the last included."""
    return indices[np.linspace(0, len(indices) - 1, min(size, len(indices)), dtype=np.int64)]


def split_sizes(num_examples: int, *, every: int = 10) -> dict[str, int]:
    """Returns the sizes of the train and test splits of a file of ``num_examples`` examples."""
    return {"train": num_examples - num_examples // every, "test": num_examples // every}
