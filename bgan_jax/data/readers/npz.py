"""``npz:FILE``: the user's own arrays, as ``numpy.savez`` writes them.

The file holds ``images`` (or a single array, of any name): uint8 or bool, ``[n, H, W]``, ``[n, H, W, 1]`` or
``[n, H, W, 3]``. Optional arrays: ``labels``, integers ``[n]``; ``label_names``, strings; ``palette``, uint8
``[K, 3]``, with which the images are palette indices.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from bgan_jax.data.binarization import grey_rows, grey_spec
from bgan_jax.data.errors import BadDataError
from bgan_jax.data.held_out import SPLITS, evenly_spaced_indices, is_in_split, split_sizes
from bgan_jax.data.palette import Palette, quantize_reading
from bgan_jax.data.source import Reading, Request, Source, identity_of, in_chunks


def npz_file(request: Request) -> Source:
    """Reads arrays from a file; every tenth example is held out as ``test``.

    Images of zeros and ones are binary. Others are continuous, unless the option ``binarization`` makes grey ones
    binary, the option ``palette`` makes RGB ones categorical, or the file contains a ``palette``.
    """
    path = request.own_path()
    request.check_split(SPLITS)
    return Source(where=str(path), identity=identity_of(request, files=[path]), read=lambda: _read(request, path))


def _read(request: Request, path: Path) -> Reading:
    arrays = _load(path)
    images = _checked_images(path, arrays)
    labels, label_names = _checked_labels(path, arrays, len(images))
    grey = images.shape[-1] == 1
    if (request.binarization and not grey) or (request.palette and (grey or "palette" in arrays)):
        raise BadDataError(
            f"{path}: binarization is for grey images, palette for RGB images; these have {images.shape[-1]} channels"
        )
    facts = {
        "shape": images.shape[1:],
        "splits": split_sizes(len(images)),
        "num_classes": len(label_names),
        "label_names": label_names,
    }
    if "palette" in arrays:
        palette = _checked_palette(path, arrays["palette"], grey=grey)
        images, facts["shape"] = images[..., 0], images.shape[1:3]
        spec = request.spec(kind="categorical", num_values=len(palette), palette=palette, **facts)
    elif grey and images.max() <= 1:
        spec = request.spec(kind="binary", num_values=2, **facts)
    elif request.binarization is not None:
        spec = grey_spec(request, **facts)
        images = grey_rows(images, spec)
    else:
        spec = request.spec(kind="continuous", num_values=256, **facts)
    kept = is_in_split(np.arange(len(images)), split=request.split)
    reading = Reading(spec, in_chunks(images[kept], None if labels is None else labels[kept]))
    if request.palette is None:
        return reading
    sample = images[evenly_spaced_indices(len(images))]
    return quantize_reading(reading, request, sample=sample, num_colors=request.palette)


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, TypeError, AttributeError) as error:
        raise BadDataError(f"{path}: truncated, or not an npz file of plain arrays ({error})") from error


def _checked_images(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    if "images" not in arrays and len(arrays) != 1:
        raise BadDataError(f"{path}: no array is named images; found: {', '.join(sorted(arrays)) or 'none'}")
    images = arrays.get("images", next(iter(arrays.values())))
    if images.dtype not in (np.uint8, bool):
        raise BadDataError(f"{path}: images must be uint8 (0..255) or bool, found {images.dtype}")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise BadDataError(f"{path}: images must be [n, H, W], [n, H, W, 1] or [n, H, W, 3], found {images.shape}")
    return images.astype(np.uint8, copy=False)


def _checked_labels(
    path: Path, arrays: dict[str, np.ndarray], num_examples: int
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if "labels" not in arrays:
        return None, ()
    labels = arrays["labels"]
    if labels.dtype.kind not in "iu" or labels.shape != (num_examples,) or labels.min() < 0:
        raise BadDataError(
            f"{path}: labels must be {num_examples} integers >= 0, one per image, found {labels.dtype} {labels.shape}"
        )
    if "label_names" in arrays:
        return labels.astype(np.int32), tuple(map(str, arrays["label_names"]))
    return labels.astype(np.int32), tuple(map(str, range(int(labels.max()) + 1)))


def _checked_palette(path: Path, colors: np.ndarray, *, grey: bool) -> Palette:
    if not grey or colors.dtype != np.uint8 or colors.ndim != 2 or colors.shape[1] != 3:
        raise BadDataError(
            f"{path}: a palette must be uint8 [K, 3], and its images indices; found {colors.dtype} {colors.shape}"
        )
    return tuple((int(r), int(g), int(b)) for r, g, b in colors)
