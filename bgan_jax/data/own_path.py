"""The path of the user's own data, checked before anything is read."""

import os
import stat
from pathlib import Path

from bgan_jax.data.errors import BadDataError, DatasetNotFoundError
from bgan_jax.data.skipped import printable
from bgan_jax.data.source import Request


def own_path(request: Request, *, folder: bool) -> Path:
    """Returns the path after the colon of a data set's name.

    Args:
      request: its path is read.
      folder: whether it may be a folder.

    Returns:
      The absolute path of a file, or of a folder, that can be read.

    Raises:
      DatasetNotFoundError: it does not exist.
      BadDataError: it is a folder where a file is needed, it cannot be read, or its name is not UTF-8.
      ValueError: there is no path.
    """
    if not request.path:
        raise ValueError(f"dataset {request.name} needs the path of your data: {request.name}:PATH")
    if printable(request.path) != request.path:
        raise BadDataError(
            f"dataset {request.name}:{printable(request.path)}: the name is not UTF-8, so no record of it could be "
            "saved: rename it, or give a link that has another name"
        )
    where = f"dataset {request.dataset_name}"
    path = Path(request.path).expanduser()
    try:
        path = path.resolve()
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DatasetNotFoundError(f"{where}: {path} does not exist; correct the path") from error
    except (OSError, RuntimeError, ValueError) as error:  # No permission, a circle of links, or a zero byte.
        reason = getattr(error, "strerror", None) or error
        raise BadDataError(f"{where}: {path} cannot be read ({reason}); correct the path or its permissions") from error
    is_folder = stat.S_ISDIR(mode)
    if is_folder and not folder:
        raise BadDataError(f"{where}: {path} is a folder; give a file (a folder of pictures is images:FOLDER)")
    if not is_folder and not stat.S_ISREG(mode):
        raise BadDataError(f"{where}: {path} is neither a file nor a folder; copy its content to a file")
    if not os.access(path, os.R_OK | os.X_OK if is_folder else os.R_OK):
        raise BadDataError(f"{where}: no permission to read {path}; change its permissions (chmod)")
    return path
