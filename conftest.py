"""A strict session for tests and doctests: eight CPU devices, no silent broadcasting, compiled programs kept.

Most of the suite's time is the compiler's, and most programs run once, on toys: they are compiled without most
optimisations, here and in the processes that tests start. Where rounding or the compiler's own work is the subject, a
test asks for ``optimized``, or starts its process with the environment ``AS_USERS_GET_IT`` of ``tests/launching.py``.
"""

import contextlib
import gc
import importlib.metadata
import importlib.util
import os
import tempfile

# Before jax is imported anywhere: the number of virtual devices is fixed when the backend starts.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_NUM_CPU_DEVICES"] = "8"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.join(tempfile.gettempdir(), "bgan_jax_test_compilations"))
# Processes inherit these. Without fusion emitters a small program compiles in half the time, in one piece in less. From
# 0.11 on jaxlib does not have the first flag, and ends a process that gives one which it does not have.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_cpu_use_fusion_emitters=false"
        if tuple(map(int, importlib.metadata.version("jaxlib").split(".")[:2])) < (0, 11)
        else "",
        "--xla_cpu_parallel_codegen_split_count=1",
    ]
).strip()

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")
# Deep stacks of the test runner are not worth their place in every compiled program.
jax.config.update("jax_include_full_tracebacks_in_locations", False)

# To make a context for a program takes longer than to write a small program into it; one lasts for all of them, but for
# those that are needed in the middle of another. It is not public: where a version of jax has no such function, tests
# are slower.
with contextlib.suppress(ImportError, AttributeError):
    from jax._src.interpreters import mlir

    make_context, lasting = mlir.make_ir_context, mlir.make_ir_context()
    mlir.make_ir_context = lambda: lasting if mlir.ir.Context.current is None else make_context()

# Tracing makes many objects and little garbage.
gc.set_threshold(50_000, 20, 20)

# The benchmark's rival is looked at where it is installed.
collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["experiments/benchmark/pytorch*.py"]


def pytest_addoption(parser):
    """Adds the flag for the tests that repeat others on more cases."""
    parser.addoption("--exhaustive", action="store_true", help="run the tests marked exhaustive, too")


def pytest_collection_modifyitems(config, items):
    """Leaves out what is marked exhaustive, unless it is asked for."""
    if config.getoption("--exhaustive"):
        return
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("exhaustive")])
    items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]


def pytest_collection_finish():
    """Leaves imported modules and collected tests to live on: the collector would walk over them again and again."""
    gc.freeze()


@pytest.fixture
def optimized():
    """Programs that are first compiled in this test are compiled as users get them."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
