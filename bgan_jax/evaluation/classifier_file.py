"""Saves a trained classifier to one ``.npz`` of plain arrays and loads it, so that it is trained once per data set."""

from __future__ import annotations

import dataclasses
import os
import zipfile

import numpy as np
from flax import traverse_util

from bgan_jax.atomic_files import write_atomically
from bgan_jax.evaluation.classifier import Classifier

FILE_FORMAT = 1
VARIABLES = "variables/"


def save_classifier(path: str | os.PathLike[str], classifier: Classifier) -> None:
    """Writes a classifier to one ``.npz`` file (no pickle), atomically.

    Args:
      path: file name; ``.npz`` is not appended.
      classifier: the trained classifier.
    """
    variables = traverse_util.flatten_dict(dict(classifier.variables), sep="/")
    fields = [field.name for field in dataclasses.fields(classifier) if field.name != "variables"]
    arrays = {
        "format": np.asarray(FILE_FORMAT),
        **{field: np.asarray(getattr(classifier, field)) for field in fields},
        **{f"{VARIABLES}{name}": leaf for name, leaf in variables.items()},
    }
    write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def load_classifier(path: str | os.PathLike[str]) -> Classifier:
    """Loads a classifier that ``save_classifier`` wrote.

    Args:
      path: the file.

    Returns:
      The classifier, bit for bit as it was saved.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is not a classifier of this format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)} is not a saved classifier ({error}); delete it and train again") from error
    if int(stored.get("format", -1)) != FILE_FORMAT:
        raise ValueError(f"{os.fspath(path)} is not a classifier of format {FILE_FORMAT}; delete it and train again")
    flat = {name.removeprefix(VARIABLES): array for name, array in stored.items() if name.startswith(VARIABLES)}
    height, width, channels = (int(size) for size in stored["image_shape"])
    return Classifier(
        variables=traverse_util.unflatten_dict(flat, sep="/"),
        pixel_mean=stored["pixel_mean"],
        pixel_scale=stored["pixel_scale"],
        image_shape=(height, width, channels),
        num_classes=int(stored["num_classes"]),
        width=int(stored["width"]),
        num_features=int(stored["num_features"]),
        num_training_images=int(stored["num_training_images"]),
    )
