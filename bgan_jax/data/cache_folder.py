"""The folder of what is kept between runs: packed data, classifiers, compiled programs.

Nothing in it is needed: where the user's cache folder cannot be written, such as in a container without a home folder,
a temporary folder takes its place.
"""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from pathlib import Path

from bgan_jax.atomic_files import unwritable

_log = logging.getLogger(__name__)

#: The folders that were found to be unwritable in this process, with what takes their place.
_replaced: dict[str, Path] = {}


def default_cache_dir() -> Path:
    """Returns ``$BGAN_JAX_CACHE``, else ``bgan_jax`` in the user's cache folder (``$XDG_CACHE_HOME``, ``~/.cache``).

    Where that folder cannot be written, it is a temporary folder, which one line of the log names.
    """
    own = "" if os.environ.get("BGAN_JAX_CACHE") else "bgan_jax"
    name = os.environ.get("BGAN_JAX_CACHE") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        folder = Path(name).expanduser() / own
        reason = unwritable(folder)
    except RuntimeError:
        folder, reason = Path(name) / own, "there is no home folder"
    return replace_cache_dir(folder, reason) if reason else folder


def replace_cache_dir(folder: Path, reason: str) -> Path:
    """Returns the temporary folder that takes a folder's place, and logs it once.

    Args:
      folder: what cannot be written.
      reason: why.
    """
    if str(folder) not in _replaced:
        _replaced[str(folder)] = _temporary_folder()
        _log.warning(
            "the cache folder %s cannot be written (%s); %s is used instead; BGAN_JAX_CACHE chooses another",
            folder, reason, _replaced[str(folder)],
        )  # fmt: skip
    return _replaced[str(folder)]


def _temporary_folder() -> Path:
    """Returns a folder of this user's, the same for every process, unless another user has taken its name."""
    folder = Path(tempfile.gettempdir()) / f"bgan_jax_{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = os.lstat(folder)
        if stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid()):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="bgan_jax_"))
