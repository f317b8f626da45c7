"""A strict session for tests and doctests: eight CPU devices, no silent broadcasting, compiled programs kept."""

import importlib.util
import os
import tempfile

# Before jax is imported anywhere: the number of virtual devices is fixed when the backend starts.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_NUM_CPU_DEVICES"] = "8"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.join(tempfile.gettempdir(), "bgan_jax_test_compilations"))

import jax

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)

# The benchmark's rival is looked at where it is installed.
collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["experiments/throughput/pytorch*.py"]
