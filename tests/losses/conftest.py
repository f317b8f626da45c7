import jax
import pytest


@pytest.fixture(autouse=True)
def as_users_compile_them(optimized):
    """Compiles as users do: overflow and cancellation depend on what the compiler fuses and reorders."""


@pytest.fixture(autouse=True)
def strict_dtype_promotion():
    """The losses mix no dtypes: a float32 in, a float32 out."""
    with jax.numpy_dtype_promotion("strict"):
        yield
