"""What the compiler is asked for, by backend."""

from __future__ import annotations

import functools

import jax

# YNNPACK, XLA's newer library for CPUs, takes most convolutions by default, and up to jax 0.10 is up to twice slower at
# them than the code that it stands in for (``docs/speed.md``). It keeps products and reductions, at which it is faster.
SLOW_CONVOLUTIONS = (0, 10)
CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"}


@functools.cache
def compiler_options() -> dict[str, str] | None:
    """Options for programs that train, to be given to ``jax.jit`` or to ``compile``.

    They change how fast a program runs, and sums by their last digits. The backend is looked up when this is called.

    Returns:
      ``CPU_OPTIONS`` on a CPU, with a jax of which they are known to help and which knows them; ``None`` elsewhere.

    Example:
      >>> double = jax.jit(lambda x: 2 * x, compiler_options=compiler_options())
      >>> float(double(3.0))
      6.0
    """
    if jax.default_backend() != "cpu" or jax.__version_info__[:2] > SLOW_CONVOLUTIONS:
        return None
    try:
        jax.jit(lambda: 0, compiler_options=CPU_OPTIONS).lower().compile()
    except jax.errors.JaxRuntimeError:  # Another compiler's options have other names or values.
        return None
    return CPU_OPTIONS
