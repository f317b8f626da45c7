"""A strict session for tests and doctests: eight CPU devices, no silent broadcasting, compiled programs kept.

Most of the suite's time is the compiler's, and most programs run once, on toys: they are compiled without most
optimisations. Where rounding is the subject, a test asks for ``optimized``; commands that tests start as processes of
their own are compiled as users get them.
"""

import importlib.util
import os
import tempfile

# Before jax is imported anywhere: the number of virtual devices is fixed when the backend starts.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_NUM_CPU_DEVICES"] = "8"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.join(tempfile.gettempdir(), "bgan_jax_test_compilations"))

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)

# The benchmark's rival is looked at where it is installed.
collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["experiments/benchmark/pytorch*.py"]


@pytest.fixture
def optimized():
    """Programs that are first compiled in this test are compiled as users get them."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
