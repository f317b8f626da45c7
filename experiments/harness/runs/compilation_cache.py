"""JAX's persistent cache of compiled programs."""

from __future__ import annotations

import jax

from bgan_jax.data import default_cache_dir

#: Programs that compile faster are not kept, in seconds.
MIN_COMPILE_SECONDS = 0.5


def enable_compilation_cache() -> None:
    """Turns on JAX's persistent compilation cache, in the user's cache folder unless another one is set already."""
    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        jax.config.update("jax_compilation_cache_dir", str(default_cache_dir() / "compilations"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_COMPILE_SECONDS)
