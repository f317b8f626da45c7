"""Compiler options by platform."""

from __future__ import annotations

import functools

import jax

# By default YNNPACK, XLA's newer library for CPUs, computes most convolutions, and up to jax 0.10 takes up to twice the
# time of the code that it replaces (``docs/speed.md``). It keeps products and reductions, where it is faster.
SLOW_CONVOLUTIONS = (0, 10)
CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"}


@functools.cache
def compiler_options(platform: str) -> dict[str, str] | None:
    """Returns options for training programs, for ``jax.jit`` or ``compile``.

    They change how fast a program runs, and the last digits of sums.

    Args:
      platform: JAX's name of what the program will run on.

    Returns:
      ``CPU_OPTIONS`` on a CPU, with a version of jax that knows them and is faster with them; ``None`` elsewhere.

    Example:
      >>> double = jax.jit(lambda x: 2 * x, compiler_options=compiler_options("cpu"))
      >>> float(double(3.0))
      6.0
    """
    if platform != "cpu" or jax.__version_info__[:2] > SLOW_CONVOLUTIONS:
        return None
    try:
        jax.jit(lambda: 0, compiler_options=CPU_OPTIONS).lower().compile()
    except jax.errors.JaxRuntimeError:  # Another compiler's options have other names or values.
        return None
    return CPU_OPTIONS
