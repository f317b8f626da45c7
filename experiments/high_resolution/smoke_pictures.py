"""Pictures for ``--smoke``, since none of 64 or 128 pixels ship with the package: enlarged emoji."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bgan_jax.atomic_files import write_atomically
from bgan_jax.data import open_dataset

# Enough for a held-out split that distances can be measured from.
COUNT = 120


def write_smoke_pictures(folder: Path, *, side: int) -> Path:
    """Writes emoji of 32x32, enlarged to ``side``, unless the file is there already.

    Args:
      folder: of the file.
      side: 64 or 128, in pixels.

    Returns:
      The file, which ``--dataset=npz:FILE`` reads.
    """
    path = folder / f"smoke_{side}.npz"
    if not path.exists():
        small = open_dataset("emoji32").rows(np.arange(COUNT))
        factor = side // small.shape[1]
        images = small.repeat(factor, axis=1).repeat(factor, axis=2)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: np.savez_compressed(file, images=images))
    return path
