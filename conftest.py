"""A strict session for tests and doctests: eight CPU devices, no silent broadcasting, compiled programs kept.

Most of the suite's time is the compiler's, and most programs run once, on toys: they are compiled without most
optimisations, here and in the processes that tests start. Where rounding or the compiler's own work is the subject, a
test asks for ``optimized``, or starts its process with the environment ``AS_USERS_GET_IT`` of ``tests/launching.py``.
"""

import importlib.util
import os
import tempfile

# Before jax is imported anywhere: the number of virtual devices is fixed when the backend starts.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_NUM_CPU_DEVICES"] = "8"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.join(tempfile.gettempdir(), "bgan_jax_test_compilations"))
# Processes inherit these. Without fusion emitters a small program compiles in half the time.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_use_fusion_emitters=false".strip()

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
# Deep stacks of the test runner are not worth their place in every compiled program.
jax.config.update("jax_include_full_tracebacks_in_locations", False)

# The benchmark's rival is looked at where it is installed.
collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["experiments/benchmark/pytorch*.py"]


@pytest.fixture
def optimized():
    """Programs that are first compiled in this test are compiled as users get them."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
