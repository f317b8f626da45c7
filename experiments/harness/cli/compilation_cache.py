"""JAX's persistent cache of compiled programs, which no command needs to finish."""

from __future__ import annotations

import logging
from pathlib import Path

import jax

from bgan_jax.atomic_files import unwritable
from bgan_jax.data import default_cache_dir

logger = logging.getLogger("bgan_jax")

#: Programs that compile faster are not kept, in seconds.
MIN_COMPILE_SECONDS = 0.5


def enable_compilation_cache() -> None:
    """Turns on JAX's persistent compilation cache, in the user's cache folder unless another one is set already."""
    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        jax.config.update("jax_compilation_cache_dir", str(default_cache_dir() / "compilations"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_SECONDS)


def disable_unwritable_compilation_cache() -> None:
    """Turns the cache off, and logs it once, where the user has set a folder for it that cannot be written."""
    folder = getattr(jax.config, "jax_compilation_cache_dir", None)
    if not folder or "://" in folder or not getattr(jax.config, "jax_enable_compilation_cache", True):
        return
    if reason := unwritable(Path(folder)):
        logger.warning(
            "JAX_COMPILATION_CACHE_DIR=%s cannot be written (%s): compiled programs are not kept", folder, reason
        )
        jax.config.update("jax_enable_compilation_cache", False)
